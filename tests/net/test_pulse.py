"""When a silent peer is asked, and when it is given up."""

from __future__ import annotations

from tunnel_whisperer.net.pulse import Pulse, Verdict

ASK, DEAD, WAIT = Verdict.ASK, Verdict.DEAD, Verdict.WAIT


def drive(pulse: Pulse, until: float, backlog: dict[float, int] | None = None) -> list[tuple[float, Verdict]]:
    """Call it at each deadline up to ``until``; ``backlog``: what is held from a time on."""
    seen = []
    while (now := pulse.next_deadline()) <= until:
        held = 0
        for start, size in sorted((backlog or {}).items()):
            if now >= start:
                held = size
        verdict = pulse.handle_deadline(now, held)
        if verdict is ASK:
            pulse.backlog = held
        if verdict is not WAIT:
            seen.append((now, verdict))
        if verdict is DEAD:
            break
    return seen


def test_a_silent_peer_is_asked_once_and_then_dead() -> None:
    assert drive(Pulse(10, 10, 100), 1000) == [(110, ASK), (120, DEAD)]


def test_a_byte_puts_the_question_off() -> None:
    pulse = Pulse(10, 10, 0)
    pulse.last_received = 7
    assert drive(pulse, 16.9) == []
    assert drive(pulse, 1000) == [(17, ASK), (27, DEAD)]


def test_any_byte_is_an_answer_even_in_the_instant_of_the_question() -> None:
    for answer in (10, 13, 19.9):
        pulse = Pulse(10, 10, 0)
        assert drive(pulse, 10) == [(10, ASK)]
        pulse.last_received = answer
        assert drive(pulse, 1000) == [(answer + 10, ASK), (answer + 20, DEAD)]


def test_too_early_is_harmless() -> None:
    pulse = Pulse(10, 10, 0)
    assert pulse.handle_deadline(9.9, 0) is WAIT
    assert pulse.handle_deadline(10, 0) is ASK
    assert pulse.handle_deadline(10, 0) is WAIT


def test_a_question_that_moves_in_the_queue_is_given_time() -> None:
    backlog = {0.0: 500, 12.0: 400, 17.0: 100, 24.0: 0}
    assert drive(Pulse(10, 10, 0), 1000, backlog) == [(10, ASK), (35, DEAD)]


def test_a_question_that_is_stuck_in_the_queue_is_given_none() -> None:
    assert drive(Pulse(10, 10, 0), 1000, {0.0: 500}) == [(10, ASK), (20, DEAD)]


def test_a_queue_that_grows_behind_the_question_is_no_headway() -> None:
    assert drive(Pulse(10, 10, 0), 1000, {0.0: 0, 12.0: 900, 15.0: 100}) == [(10, ASK), (20, DEAD)]


def test_after_a_suspension_the_peer_is_asked_again_before_it_is_given_up() -> None:
    pulse = Pulse(10, 10, 0)
    assert pulse.handle_deadline(10, 0) is ASK
    assert pulse.handle_deadline(3610, 0) is ASK, "an hour's sleep proves nothing"
    assert drive(pulse, 10_000) == [(3620, DEAD)]


def test_a_suspension_before_the_question_only_delays_it() -> None:
    pulse = Pulse(10, 10, 0)
    assert pulse.handle_deadline(3600, 0) is ASK
    assert drive(pulse, 10_000) == [(3610, DEAD)]


def test_a_peer_that_answered_while_we_slept_is_alive() -> None:
    pulse = Pulse(10, 10, 0)
    assert pulse.handle_deadline(10, 0) is ASK
    pulse.last_received = 3610  # its answer was read first
    assert pulse.handle_deadline(3610, 0) is WAIT
    assert pulse.next_deadline() == 3620

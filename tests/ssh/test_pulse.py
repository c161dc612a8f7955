from __future__ import annotations

import asyncio

import pytest

from tests.kit.clock import run
from tests.kit.pipe import PipeTransport
from tests.ssh.ends import HOST_KEY, Door, joined, log_in, plain_client_at, stream_to
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.ssh.endpoint import SshEndpoint
from tunnel_whisperer.ssh.keeper import KeeperState, SessionKeeper
from tunnel_whisperer.ssh.session import ClientSession

NOTICED_S = 30
"""The promise of design.md: a drop is detected within this time, even on a black-holed path."""


def _now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("idle_s", [0, 1, 7.9, 8, 8.1, 12, 15.9, 16, 23, 100])
def test_a_black_hole_is_noticed_at_both_ends(idle_s: float) -> None:
    async def main() -> None:
        async with joined(latency_s=0.01) as pair:
            transport, left, _, right = await pair.channel()
            await asyncio.sleep(idle_s)
            transport.write(b"last")
            await asyncio.sleep(0.5)
            pair.client_end.black_hole()
            began = _now()
            error = await pair.session.closed
            assert _now() - began < NOTICED_S
            assert error is not None and error.code == "session-lost" and "no sign of life" in str(error)
            await right.until(lambda: right.lost, s=began + NOTICED_S - _now())
            assert right.lost_exc is not None and left.lost_exc is not None
            (server_error,) = pair.door.closed
            assert server_error is not None and server_error.code == "session-lost"

    run(main())


def test_writing_into_a_black_hole_does_not_put_the_notice_off() -> None:
    async def main() -> None:
        async with joined(latency_s=0.01) as pair:
            transport, left, _, _ = await pair.channel()
            pair.client_end.black_hole()
            began = _now()
            while not left.lost:
                if not left.paused:
                    transport.write(b"x" * 1000)
                await asyncio.sleep(0.1)
                assert _now() - began < NOTICED_S

    run(main())


def test_a_hole_in_one_direction_is_noticed_at_both_ends() -> None:
    async def main() -> None:
        async with joined(latency_s=0.01) as pair:
            pair.client_end.black_hole(both=False)  # the server's bytes still arrive
            began = _now()
            while not pair.door.closed:
                await asyncio.sleep(0.1)
                assert _now() - began < NOTICED_S
            # The server says goodbye; had it not, its silence would be noticed in the same time.
            assert await pair.session.closed is not None
            assert _now() - began < NOTICED_S

    run(main())


def test_an_idle_session_lives_and_says_little() -> None:
    async def main() -> None:
        async with joined(latency_s=0.1) as pair:
            await asyncio.sleep(4 * 3600)
            assert not pair.session.closed.done() and not pair.door.closed
            await pair.channel()

    run(main(), timeout_s=1e6)


def test_a_slow_path_is_not_a_dead_one() -> None:
    async def main() -> None:
        async with joined(latency_s=1.5) as pair:
            await asyncio.sleep(3600)
            assert not pair.session.closed.done()
            assert pair.session.rtt_s == pytest.approx(3.0)

    run(main(), timeout_s=1e5)


def test_the_round_trip_is_measured_end_to_end() -> None:
    async def main() -> None:
        async with joined(latency_s=0.05) as pair:
            assert pair.session.rtt_s is None
            await asyncio.sleep(20)
            measured = [rtt for rtt in (pair.session.rtt_s, pair.server.rtt_s) if rtt is not None]
            assert measured and all(rtt == pytest.approx(0.1) for rtt in measured)

    run(main())


@pytest.mark.parametrize("latency_s", [0.0, 0.05])
def test_a_live_peer_answers_a_probe(latency_s: float) -> None:
    async def main() -> None:
        async with joined(latency_s=latency_s) as pair:
            await asyncio.sleep(1)
            assert await pair.server.alive()

    run(main())


def test_a_dead_peer_is_found_dead_in_three_seconds() -> None:
    async def main() -> None:
        async with joined(latency_s=0.05) as pair:
            pair.client_end.black_hole()
            began = _now()
            assert not await pair.server.alive()
            assert _now() - began == pytest.approx(3.0)
            pair.session.abort()

    run(main())


def test_a_peer_that_has_gone_is_not_alive() -> None:
    async def main() -> None:
        async with joined() as pair:
            probe = asyncio.ensure_future(pair.server.alive())
            await asyncio.sleep(0)
            pair.client_end.cut()
            assert not await probe
            assert not await pair.server.alive()
            assert pair.server.rtt_s is None

    run(main())


def test_a_peer_that_only_refuses_the_question_is_alive() -> None:
    """OpenSSH answers an unknown global request with a failure."""

    async def main() -> None:
        door = Door()
        async with plain_client_at(door) as client:
            client._process_keepalive_at_openssh_dot_com_global_request = None  # type: ignore[method-assign, assignment]
            await asyncio.sleep(3600)
            assert not door.closed and door.sessions[0].rtt_s is not None
            assert await door.sessions[0].alive()

    run(main(), timeout_s=1e5)


def test_nothing_is_left_ticking_after_the_end() -> None:
    async def main() -> None:
        async with joined() as pair:
            pulses = (pair.session._pulse, pair.server._pulse)
            pair.session.close()
            await asyncio.sleep(2)
            assert all(pulse._timer is None for pulse in pulses)

    run(main())


def test_a_keeper_is_back_after_a_black_hole() -> None:
    async def main() -> None:
        door = Door()
        endpoint = SshEndpoint(HOST_KEY, door)
        holes: list[PipeTransport] = []

        async def connect() -> ClientSession:
            open_stream, ends = stream_to(lambda: endpoint.accept({}), latency_s=0.01)
            session = await log_in(open_stream)
            holes.append(ends[0])
            return session

        keeper = SessionKeeper(connect, draw=lambda: 0.5)
        task = asyncio.ensure_future(keeper.run())
        await keeper.wait_session(10)
        await asyncio.sleep(50)
        holes[0].black_hole()
        began = _now()
        while len(holes) < 2:
            await asyncio.sleep(0.1)
        assert _now() - began < NOTICED_S
        assert keeper.status.state is KeeperState.UP
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(60)
        assert all(error is None or isinstance(error, TwError) for error in door.closed)

    run(main())


def test_the_round_trip_is_known_soon_and_kept_fresh_by_a_busy_session() -> None:
    async def main() -> None:
        async with joined(latency_s=0.05) as pair:
            await asyncio.sleep(0.2)
            assert pair.session.rtt_s == pytest.approx(0.1)
            transport, _, _, _ = await pair.channel()
            pair.client_end._out.latency_s = 0.45
            for _ in range(50):  # never silent for long enough to be asked
                transport.write(b"x")
                await asyncio.sleep(0.5)
            assert pair.session.rtt_s == pytest.approx(0.5)

    run(main())

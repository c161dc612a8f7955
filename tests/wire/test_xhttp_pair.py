"""Our client against our server: data, half-close and reset in each mode, in any interleaving."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.pair import MODES, Pair

VERSIONS = ("2", "1.1")
each_mode = pytest.mark.parametrize("mode", MODES)


def opened(mode: str, http_version: str = "2") -> Pair:
    """A pair whose stream is open at the server, with the first bytes delivered."""
    pair = Pair(mode, http_version=http_version)
    pair.client_sends(b"hello")
    pair.run()
    assert pair.opened == mode
    assert pair.server_app.received == b"hello"
    return pair


@pytest.mark.parametrize("http_version", VERSIONS)
@each_mode
def test_bytes_both_ways_and_an_orderly_end(mode: str, http_version: str) -> None:
    pair = opened(mode, http_version)
    pair.server_sends(b"\x00\x00")
    pair.server_sends(b"banner")
    pair.run()
    assert pair.client_app.received == b"\x00\x00banner"
    pair.client_sends(b"question")
    pair.client_ends()
    pair.run()
    assert pair.server_app.received == b"helloquestion"
    assert pair.server_app.ended
    assert not (pair.server_app.lost or pair.client_app.lost)
    pair.server_sends(b"answer after the end")
    pair.server_ends()
    pair.run()
    assert pair.client_app.received.endswith(b"answer after the end") and pair.client_app.ended
    assert pair.client_app.over_in_order
    assert pair.server_app.over_in_order
    assert set(pair.statuses) == {200}
    assert len(pair.server._table) == 0


@each_mode
def test_the_server_may_end_first(mode: str) -> None:
    pair = opened(mode)
    pair.server_sends(b"all I have")
    pair.server_ends()
    pair.run()
    assert pair.client_app.ended
    assert not pair.client_app.lost
    pair.client_sends(b"still talking")
    pair.client_ends()
    pair.run()
    assert pair.server_app.received == b"hellostill talking"
    assert pair.server_app.ended
    assert pair.client_app.over_in_order
    assert pair.server_app.over_in_order
    assert len(pair.server._table) == 0


@each_mode
def test_reset_by_the_client(mode: str) -> None:
    pair = opened(mode)
    pair.client_resets()
    pair.run()
    assert pair.server_app.lost is not None and pair.server_app.lost[0] == "stream-reset"
    assert not pair.server_app.ended
    assert len(pair.server._table) == 0


@each_mode
def test_reset_by_the_server(mode: str) -> None:
    pair = opened(mode)
    pair.server_resets()
    pair.run()
    assert pair.client_app.lost is not None and pair.client_app.lost[0] == "stream-reset"
    assert not pair.client_app.ended
    assert len(pair.server._table) == 0


@each_mode
def test_reset_after_a_half_close_is_still_a_reset(mode: str) -> None:
    pair = opened(mode)
    pair.client_ends()
    pair.run()
    pair.server_resets()
    pair.run()
    assert pair.client_app.lost is not None and pair.client_app.lost[0] == "stream-reset"
    pair = opened(mode)
    pair.client_ends()
    pair.run()
    pair.client_resets()
    pair.run()
    assert pair.server_app.lost is not None and pair.server_app.lost[0] == "stream-reset"


@each_mode
@given(st.data())
def test_any_interleaving_carries_the_same_bytes(mode: str, data: st.DataObject) -> None:
    pair = Pair(mode)
    up = [bytes([i]) * n for i, n in enumerate(data.draw(st.lists(st.integers(1, 50), max_size=30)))]
    down = [bytes([i]) * n for i, n in enumerate(data.draw(st.lists(st.integers(1, 50), max_size=10)))]
    to_send, to_answer = list(up), list(down)
    client_ended = server_ended = False
    while True:
        actions: list[tuple[str, tuple[int, bool] | None]] = [("move", queue) for queue in pair.movable()]
        if to_send:
            actions.append(("send", None))
        elif not client_ended:
            actions.append(("end", None))
        if pair.stream_id >= 0 and not server_ended:
            actions.append(("answer", None))
        if not actions:
            break
        what, queue = data.draw(st.sampled_from(actions))
        if what == "move":
            assert queue is not None
            pair.step(*queue)
        elif what == "send":
            pair.client_sends(to_send.pop(0))
        elif what == "end":
            client_ended = True
            pair.client_ends()
        elif to_answer:
            pair.server_sends(to_answer.pop(0))
        else:
            server_ended = True
            pair.server_ends()
    assert pair.server_app.received == b"".join(up)
    assert pair.client_app.received == b"".join(down)
    assert pair.client_app.ended and pair.server_app.ended
    assert pair.client_app.over_in_order
    assert pair.server_app.over_in_order
    assert len(pair.server._table) == 0
    if mode != "packet-up":  # there the last packet's exchange may be over before its bytes are taken
        assert all(e.received == e.acknowledged for e in pair.exchanges.values())


@each_mode
def test_close_at_the_server_ends_both_sides_in_order_and_counts_the_rest_out(mode: str) -> None:
    pair = opened(mode)
    pair.server_sends(b"bye")
    pair.server_closes()
    pair.run()
    assert pair.client_app.received == b"bye"
    assert pair.client_app.ended
    pair.client_ends()
    pair.run()
    assert pair.client_app.over_in_order
    assert pair.server_app.over_in_order
    assert pair.server_app.received == b"hello"
    assert len(pair.server._table) == 0


@pytest.mark.parametrize("delivered", range(4))
def test_a_packet_whose_connection_dies_arrives_once(delivered: int) -> None:
    """Before its head, after its head, after its body, after its end."""
    pair = opened("packet-up")
    pair.client_sends(b" there")
    number = max(pair.exchanges)
    for _ in range(delivered):
        pair.step(number, True)
    pair.cut_exchange(number)
    pair.client_sends(b" again")
    pair.client_ends()
    pair.run()
    pair.server_ends()
    pair.run()
    assert pair.server_app.received == b"hello there again"
    assert pair.server_app.over_in_order
    assert pair.client_app.over_in_order
    assert len(pair.server._table) == 0


@given(st.data())
def test_any_interleaving_with_dying_packet_connections_carries_the_same_bytes(data: st.DataObject) -> None:
    pair = Pair("packet-up")
    sent, cut = b"", set[str]()
    for i in range(data.draw(st.integers(1, 20))):
        piece = bytes([i]) * data.draw(st.integers(1, 50))
        sent += piece
        pair.client_sends(piece)
        for _ in range(data.draw(st.integers(0, 3))):
            if queues := pair.movable():
                pair.step(*data.draw(st.sampled_from(queues)))
        under_way = {
            number: pair.heads[number].target
            for number in pair.client._packets.requests  # type: ignore[union-attr]
            if pair.heads[number].target not in cut
        }
        dies = data.draw(st.booleans())
        if under_way and dies:
            number = data.draw(st.sampled_from(sorted(under_way)))
            cut.add(under_way[number])
            pair.cut_exchange(number)
    pair.client_ends()
    pair.run()
    pair.server_ends()
    pair.run()
    assert pair.server_app.received == sent
    assert pair.server_app.over_in_order
    assert pair.client_app.over_in_order
    assert len(pair.server._table) == 0

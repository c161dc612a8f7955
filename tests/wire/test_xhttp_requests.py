"""The table of requests: one answer each, nothing after the end, forgotten when over."""

from __future__ import annotations

from tests.wire.pair import draw, request
from tunnel_whisperer.base.limits import MAX_REFUSED_BODY_BYTES
from tunnel_whisperer.wire.xhttp_events import Acknowledge, EndBody, ResetRequest, Respond, SendBody
from tunnel_whisperer.wire.xhttp_heads import plain_response, stream_response
from tunnel_whisperer.wire.xhttp_requests import Request, RequestTable, Role

HEAD = request("POST", "/tw/srv1/s/0")
OK = plain_response(HEAD, 200, draw)


def table_with_one() -> tuple[RequestTable, Request]:
    table = RequestTable(draw)
    return table, table.add(7, HEAD)


def test_a_request_is_forgotten_when_both_bodies_are_over() -> None:
    table, request = table_with_one()
    table.answer(request, OK)
    assert table.get(7) is request and len(table) == 1
    table.body_ended(request)
    assert table.get(7) is None and len(table) == 0
    table, request = table_with_one()
    table.body_ended(request)
    assert len(table) == 1
    table.answer(request, OK)
    assert len(table) == 0


def test_one_answer_and_no_body_after_the_end() -> None:
    table, request = table_with_one()
    table.respond(request, stream_response(HEAD, draw))
    table.send(request, b"a")
    table.end(request)
    table.send(request, b"b")
    table.end(request)
    table.answer(request, OK)
    table.refuse(request, 500)
    kinds = [type(event) for event in table.events]
    assert kinds == [Respond, SendBody, EndBody]


def test_nothing_is_said_to_a_request_that_was_lost_or_cut() -> None:
    table, request = table_with_one()
    table.lost(request)
    table.send(request, b"a")
    table.end(request)
    table.answer(request, OK)
    table.cut(request)
    assert not table.events
    table, request = table_with_one()
    table.cut(request)
    table.cut(request)
    table.answer(request, OK)
    assert list(table.events) == [ResetRequest(7)]


def test_unwanted_body_is_counted_out_up_to_a_limit() -> None:
    table, request = table_with_one()
    table.refuse(request, 400)
    assert request.role is Role.UNWANTED
    assert table.receive_unwanted(request, bytes(MAX_REFUSED_BODY_BYTES))
    assert table.events[-1] == Acknowledge(7, MAX_REFUSED_BODY_BYTES)
    assert not table.receive_unwanted(request, b"x")


def test_one_that_carries_a_live_session_stays_known_until_it_is_released() -> None:
    table, request = table_with_one()
    request.session = object()  # type: ignore[assignment]  # only that it is there counts
    table.respond(request, stream_response(HEAD, draw))
    table.end(request)
    table.body_ended(request)
    assert table.get(7) is request
    table.release(request)
    assert table.get(7) is None

"""The machines' language is values."""

from __future__ import annotations

import dataclasses
import typing

from tunnel_whisperer.wire import xhttp_events


def test_every_event_is_a_frozen_value_and_part_of_the_language() -> None:
    members = set(typing.get_args(xhttp_events.Event))
    assert {kind.__name__ for kind in members} == set(xhttp_events.__all__) - {"Event"}
    for kind in members:
        assert dataclasses.is_dataclass(kind)
        assert kind.__hash__ is not None, "not frozen"
        assert "__slots__" in vars(kind)


def test_a_report_names_its_stream_and_an_order_its_request() -> None:
    for kind in typing.get_args(xhttp_events.Event):
        first = dataclasses.fields(kind)[0].name
        assert first == ("stream_id" if kind.__name__.startswith("Stream") else "request_id")

"""How a form asks for each field."""

from __future__ import annotations

import pytest

from tunnel_whisperer.profile import FieldForm, field_form, settable_fields


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("relay.behind_proxy", FieldForm("flag", "true or false")),
        ("xray.http", FieldForm("choice", "one of auto, 2, 1.1", ("auto", "2", "1.1"))),
        (
            "xray.relay_port",
            FieldForm("number", "a whole number from 1 to 65535", lowest=1, highest=65535),
        ),
        ("xray.relay_host", FieldForm("text", "a host name or address")),
        ("xray.uuid", FieldForm("text", "a UUID")),
        ("client.tunnels", FieldForm("list", "a list of fields")),
    ],
)
def test_each_kind_of_field_has_its_form(name: str, form: FieldForm) -> None:
    assert field_form(settable_fields()[name]) == form


def test_every_field_has_one_that_says_what_it_takes() -> None:
    for name, row in settable_fields().items():
        form = field_form(row)
        assert form.says, name
        assert (form.kind == "choice") == bool(form.choices), name
        assert (form.kind == "number") == (form.lowest is not None), name

"""What is typed about access, and what is asked for by it."""

from __future__ import annotations

import pytest
from starlette.datastructures import FormData

from tunnel_whisperer.api.models.users import GrantDocument, GrantWish, UserInvitationWish
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.dashboard.access_form import (
    Row,
    TypedEnd,
    checked,
    filled,
    grant_wishes,
    hidden_fields,
    lost_and_new,
    rows_of,
    spaced,
    spelled,
)
from tunnel_whisperer.dashboard.page import Form


def _form(*pairs: tuple[str, str]) -> Form:
    return Form(FormData(list(pairs)))


def test_rows_keep_together_what_was_typed_in_one_line() -> None:
    form = _form(
        *[("local", x) for x in ("1", "", " 3 ")],
        *[("host", x) for x in ("", "", "plc")],
        *[("port", x) for x in ("", "", "33")],
    )
    assert rows_of(form, 1) == [Row("1"), Row("3", "plc", "33"), Row()]
    assert len(spaced([Row("1")] * 300)) == 256


@pytest.mark.parametrize(
    ("row", "grant"),
    [
        (Row("22"), "22"),
        (Row("", "", "22"), "22"),
        (Row("2022", "", "22"), "2022:22"),
        (Row("502", "plc"), "502:plc:502"),
        (Row("2022", "fd00::7", "22"), "2022:[fd00::7]:22"),
    ],
)
def test_one_number_is_enough(row: Row, grant: str) -> None:
    (wish,) = grant_wishes([Row(), row])
    assert Grant.parse(spelled(wish)) == Grant.parse(grant)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (Row("", "plc"), "row 2 has no port"),
        (Row("0"), "row 2: '0' is not"),
        (Row("1", "", "65536"), "row 2: '65536' is not"),
        (Row("\u0661"), "row 2: "),
    ],
)
def test_a_row_that_makes_no_sense_is_named(row: Row, why: str) -> None:
    with pytest.raises(Misuse, match="row 2") as caught:
        grant_wishes([Row("1"), row])
    assert caught.value.why.startswith(why)


def test_only_the_difference_is_asked_for() -> None:
    documents = [
        GrantDocument(local_port=22, host="127.0.0.1", port=22, leaves_server=False),
        GrantDocument(local_port=80, host="fd00::7", port=8080, leaves_server=True),
    ]
    was = [spelled(each) for each in documents]
    assert lost_and_new(was, filled(documents)) == ([], [])
    assert lost_and_new(was, [Row("22"), Row("81")]) == (
        ["80:[fd00::7]:8080"],
        [GrantWish(local_port=81, port=81)],
    )


def test_an_end_in_one_of_three_ways() -> None:
    assert TypedEnd.of(_form(("ends", "never"), ("until", "x"), ("length", "y"))).text == "never"
    assert TypedEnd.of(_form(("ends", "until"), ("until", "2030-12-24T18:00"))).text == "2030-12-24T18:00"
    assert TypedEnd.of(_form(("ends", "for"), ("length", "12h"))).text == "12h"
    with pytest.raises(Misuse, match="no end is set"):
        _ = TypedEnd.of(_form(("ends", "until"))).text


def test_a_form_that_asks_once_more_has_all_but_its_buttons() -> None:
    form = _form(("csrf", "t"), ("local", "1"), ("local", "2"), ("sure", "yes"), ("back", ""), ("more", ""))
    assert hidden_fields(form) == [("local", "1"), ("local", "2")]


def test_what_a_model_refuses_is_told_with_its_field() -> None:
    assert checked(UserInvitationWish, hours="2").hours == 2
    with pytest.raises(Misuse) as caught:
        checked(UserInvitationWish, hours="1e9")
    assert caught.value.where == "hours"

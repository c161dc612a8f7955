from __future__ import annotations

import pytest

from tunnel_whisperer.api.gate import LoginLinks
from tunnel_whisperer.api.gate.links import is_visit
from tunnel_whisperer.base.limits import LOGIN_LINK_S, MAX_LOGIN_LINKS


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_a_link_works_once() -> None:
    known = LoginLinks()
    token = known.make()
    assert known.use(token)
    assert not known.use(token)


def test_each_link_is_another_one_of_32_random_bytes() -> None:
    known = LoginLinks()
    tokens = {known.make() for _ in range(MAX_LOGIN_LINKS)}
    assert len(tokens) == MAX_LOGIN_LINKS
    assert {len(token.removeprefix("tw-login-")) for token in tokens} == {43}
    assert all(known.use(token) for token in tokens)


@pytest.mark.parametrize(
    "guess", ["", "x", "tw-login-", "tw-login-" + "A" * 43, "ü", "\udc80", "a" * 100_000]
)
def test_a_guess_is_no_link_and_uses_none_up(guess: str) -> None:
    known = LoginLinks()
    token = known.make()
    assert not known.use(guess)
    assert known.use(token)


def test_a_link_ends_after_ten_minutes() -> None:
    clock = Clock()
    known = LoginLinks(clock)
    early, late = known.make(), known.make()
    clock.now += LOGIN_LINK_S - 0.1
    assert known.use(early)
    clock.now += 0.1
    assert not known.use(late)


def test_above_the_limit_the_oldest_link_works_no_more() -> None:
    known = LoginLinks()
    tokens = [known.make() for _ in range(MAX_LOGIN_LINKS + 1)]
    assert not known.use(tokens[0])
    assert known.use(tokens[1])
    assert known.use(tokens[-1])


def test_the_token_itself_is_not_kept() -> None:
    known = LoginLinks()
    token = known.make()
    assert token not in repr(known._links)
    assert token.removeprefix("tw-login-") not in repr(known._links)


def test_every_link_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(kept: str, given: str) -> bool:
        compared.append(kept)
        return kept == given

    known = LoginLinks()
    tokens = [known.make() for _ in range(3)]
    monkeypatch.setattr("hmac.compare_digest", compare)
    assert known.use(tokens[0])
    assert len(compared) == 3


NAVIGATION = {"sec-fetch-dest": "document", "sec-fetch-mode": "navigate", "sec-fetch-site": "none"}


@pytest.mark.parametrize("headers", [{}, NAVIGATION, {"purpose": ""}])
def test_somebody_who_opens_the_page_visits_it(headers: dict[str, str]) -> None:
    assert is_visit("GET", headers)
    assert not is_visit("HEAD", headers)
    assert not is_visit("POST", headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-purpose": "prefetch"},
        {"sec-purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
        {"purpose": "preview"},
        {"x-purpose": "preview"},
        {"x-moz": "prefetch"},
        {"sec-purpose": "PREFETCH"},
        {"sec-fetch-dest": "image"},
        {"sec-fetch-dest": "iframe"},
        {"sec-fetch-dest": "empty"},
        {"sec-fetch-mode": "no-cors"},
        {"sec-fetch-mode": "cors"},
    ],
)
def test_who_looks_ahead_or_embeds_does_not(headers: dict[str, str]) -> None:
    assert not is_visit("GET", {**NAVIGATION, **headers})

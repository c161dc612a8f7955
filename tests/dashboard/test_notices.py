"""What a page has to say once."""

from __future__ import annotations

from tunnel_whisperer.base.limits import MAX_NOTICE_OWNERS, MAX_NOTICES
from tunnel_whisperer.dashboard.notices import Notices


def test_each_is_told_once_and_to_its_owner_alone() -> None:
    notices = Notices()
    notices.add("a", "good", "alice was created")
    assert notices.take("b") == []
    assert notices.take("a") == [("good", "alice was created")]
    assert notices.take("a") == []


def test_they_are_bounded() -> None:
    notices = Notices()
    for number in range(3 * MAX_NOTICES):
        notices.add("a", "good", str(number))
    assert [words for _, words in notices.take("a")] == [
        str(number) for number in range(2 * MAX_NOTICES, 3 * MAX_NOTICES)
    ]
    for number in range(MAX_NOTICE_OWNERS + 1):
        notices.add(f"owner {number}", "good", "x")
    assert notices.take("owner 0") == [] and notices.take("owner 1") == [("good", "x")]

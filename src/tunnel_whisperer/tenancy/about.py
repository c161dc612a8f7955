"""What a server tells a user of the user's own record, so that an old file is noticed.

{"format": 1, "kind": "about request"}
{"format": 1, "kind": "about answer", "user": "alice", "revision": 3, "expires": null,
 "grants": [{"local_port": 5432, "host": "127.0.0.1", "port": 5432}]}
"""

from __future__ import annotations

from dataclasses import dataclass

from ..base.errors import Misuse, Refused
from ..base.limits import MAX_GRANTS_PER_USER, MAX_SERVICE_BYTES
from ..base.values import Grant
from ..profile import Profile
from .access_lines import name_of
from .records import RecordReader, format_record
from .user import MAX_REVISION, plain_grants, read_grants
from .users import UserBook

__all__ = ["AboutAnswer", "about_question", "about_user"]

_REQUEST_KIND = "about request"
_ANSWER_KIND = "about answer"


@dataclass(frozen=True, slots=True)
class AboutAnswer:
    """A user's record, as far as it is the user's business."""

    user: str
    revision: int
    """As in the user's file, if that is the newest."""
    expires: float | None
    """Unix time in seconds; None: never."""
    grants: tuple[Grant, ...]

    def to_text(self) -> str:
        """The answer."""
        return format_record(
            {
                "kind": _ANSWER_KIND,
                "user": self.user,
                "revision": self.revision,
                "expires": self.expires,
                "grants": plain_grants(self.grants),
            }
        )

    @classmethod
    def parse(cls, text: str) -> AboutAnswer:
        """The answer in a text.

        Raises:
            Misuse: ``bad-argument``.
        """
        reader = RecordReader(text, limit=MAX_SERVICE_BYTES, code="bad-argument", what="answer")
        reader.kind(_ANSWER_KIND)
        answer = cls(
            reader.text("user", 64),
            reader.number("revision", 1, MAX_REVISION),
            reader.optional_moment("expires"),
            read_grants(reader, "grants", reader.items("grants", MAX_GRANTS_PER_USER)),
        )
        reader.end()
        return answer


def about_question() -> bytes:
    """What is asked."""
    return format_record({"kind": _REQUEST_KIND}).encode()


def about_user(profile: Profile, public_key: str, question: bytes) -> AboutAnswer:
    """The record of the user with this key.

    Raises:
        Misuse: ``bad-argument`` for another question.
        Refused: ``user-not-active`` when none of our users has it: somebody else wrote the line.
    """
    reader = RecordReader(question, limit=MAX_SERVICE_BYTES, code="bad-argument", what="question")
    reader.kind(_REQUEST_KIND)
    reader.end()
    name = name_of(profile.read(profile.authorized_keys), public_key)
    try:
        user = UserBook(profile).get(name)
    except Misuse:
        user = None
    if user is None or user.public_key != public_key:
        raise Refused("user-not-active", "there is no record of a user with this key")
    return AboutAnswer(user.name, user.revision, user.expires, user.grants)

"""What a service answers, in JSON.

{"format": 1, "kind": "answer", "answer": "<text>"}
{"format": 1, "kind": "refusal", "code": "..", "why": "..", "hint": ".."}
"""

from __future__ import annotations

from ..base.error_codes import ERROR_CODES
from ..base.errors import Misuse, PeerFault, Refused, TwError
from ..base.limits import MAX_PEER_REASON_CHARS, MAX_SERVICE_BYTES
from .records import RecordReader, format_record

__all__ = ["format_answer", "format_refusal", "read_answer"]

_ANSWER = "answer"
_REFUSAL = "refusal"

_TOLD = frozenset(
    {
        "bad-argument",
        "bad-certificate",
        "bad-join-file",
        "bad-key",
        "exists",
        "invitation-over",
        "no-such-name",
        "not-authorised",
        "too-many",
        "user-not-active",
    }
)
"""Codes whose words are for who asks; the others speak of our own files."""


def format_answer(text: str) -> bytes:
    """The answer."""
    return format_record({"kind": _ANSWER, "answer": text}).encode()


def format_refusal(error: TwError) -> bytes:
    """Why there is none, as far as it is the business of who asked."""
    if error.code not in _TOLD:
        error = Refused("not-authorised", "this cannot be done now", hint="ask the admin there")
    fields = {"code": error.code, "why": _bounded(error.why), "hint": _bounded(error.hint)}
    return format_record({"kind": _REFUSAL, **fields}).encode()


def read_answer(data: bytes) -> str:
    """The text of an answer.

    Raises:
        Refused: as the other end says.
        PeerFault: ``protocol-fault`` for what is neither.
    """
    try:
        reader = RecordReader(data, limit=MAX_SERVICE_BYTES, code="bad-argument", what="answer")
        kind = reader.text("kind", 64)
        if kind == _ANSWER:
            answer = reader.text("answer", MAX_SERVICE_BYTES)
            reader.end()
            return answer
        code, why, hint = (reader.text(name, 1000) for name in ("code", "why", "hint"))
        reader.end()
    except Misuse as exc:
        raise PeerFault("protocol-fault", f"the answer cannot be read: {exc.why}") from None
    raise Refused(code if code in ERROR_CODES else "not-authorised", _bounded(why), hint=_bounded(hint))


def _bounded(text: str) -> str:
    """A peer's words: one printable line."""
    return "".join(x for x in text if x.isprintable())[:MAX_PEER_REASON_CHARS]

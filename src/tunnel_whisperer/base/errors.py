"""What can go wrong, whose fault it is, and what the user should try next.

    TwError                 root; never raised itself
    |-- Misuse              our caller: a wrong flag, file, value
    |-- PeerFault           the other end broke a protocol
    |-- Refused             policy or authentication said no
    |-- Unreachable         the network said no, or nothing at all
    `-- Broken              a fault of ours

Every error carries a stable kebab-case ``code`` out of :mod:`.error_codes`, so that scripts
can match on it and the reference page can be generated. Nothing of ours is imported here but
that table.
"""

from __future__ import annotations

from enum import Enum

from .error_codes import ERROR_CODES

__all__ = ["Broken", "Misuse", "PeerFault", "Refused", "Retry", "TwError", "Unreachable", "render"]


class Retry(Enum):
    """Whether trying the same thing again can help."""

    NEVER = "never"
    NOW = "now"
    BACKOFF = "backoff"


class TwError(Exception):
    """A failure that can be told to a person in one line.

    Args:
        code: key of ``ERROR_CODES``; stable across releases.
        why: what happened, in words, without a full stop.
        where: the file, host:port or field that it happened to; may be empty.
        hint: the next thing to try, as an imperative; may be empty.
        retry: whether the same attempt can succeed later.
    """

    exit_status = 1
    default_retry = Retry.NEVER

    def __init__(
        self, code: str, why: str, *, where: str = "", hint: str = "", retry: Retry | None = None
    ) -> None:
        assert code in ERROR_CODES, f"undocumented error code {code!r}"
        super().__init__(why)
        self.code = code
        self.why = why
        self.where = where
        self.hint = hint
        self.retry = retry or self.default_retry

    def __reduce__(self) -> tuple[object, ...]:
        """For copies, and for the way from one process of a program to another."""
        return type(self), (self.code, self.why), self.__dict__

    def __str__(self) -> str:
        return f"{self.where}: {self.why}" if self.where else self.why


class Misuse(TwError):
    """The caller asked for something that cannot be."""

    exit_status = 2


class Refused(TwError):
    """Somebody with the right to refuse did so."""

    exit_status = 3


class Unreachable(TwError):
    """The network did not carry us there."""

    exit_status = 4
    default_retry = Retry.BACKOFF


class PeerFault(TwError):
    """The peer broke the protocol; the connection is of no more use."""

    exit_status = 5
    default_retry = Retry.BACKOFF


class Broken(TwError):
    """A fault in this program; please report it."""

    exit_status = 70


def render(error: TwError) -> str:
    """The one line a person reads: ``tw: code: where: why (try: hint)``.

    Whatever a file name or a peer put into it, it is one line, and nothing that a terminal obeys.
    """
    line = f"tw: {error.code}: {_shown(str(error))}"
    return f"{line} (try: {_shown(error.hint)})" if error.hint else line


_MAX_SHOWN = 600
"""Characters: an argument that is much longer is a mistake, and not to be read in full."""


def _shown(text: str) -> str:
    if len(text) > _MAX_SHOWN:
        half = _MAX_SHOWN // 2
        text = f"{text[:half]} .. {text[-half:]}"
    return "".join(char if char.isprintable() else "?" for char in text)

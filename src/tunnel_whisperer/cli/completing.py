"""What may come next on a command line of ``tw``: the answer to a press of TAB, in every shell.

    tw --complete WORD... =PART      WORDs: typed behind tw; PART: of the word under the cursor
    candidate TAB what it is         an answer, one a line
    :files  or  :dirs                the shell may offer files, or directories

The part has a sign in front because some shells drop empty words. It is fast for it imports no
command: their arguments are the data in ``flags``, written by docs/generate.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.default_directory import default_directory
from .flags import ARGUMENTS, EVERYWHERE, FIELDS, Argument
from .local_names import local_names
from .table import COMMANDS, find

__all__ = ["candidates", "print_candidates"]

Candidate = tuple[str, str]
"""A word, and what it is."""

_OUTSIDE = (("--help", "all commands"), ("--version", "of this program"))
_FILES, _DIRECTORIES = (":files", ""), (":dirs", "")


def print_candidates(words: Sequence[str]) -> None:
    """Answer as the shell scripts expect it."""
    for word, what in candidates(words):
        print(f"{word}\t{what}" if what else word)


def candidates(words: Sequence[str]) -> list[Candidate]:
    """See above; never fails, whatever the words are."""
    if not words or not words[-1].startswith("="):
        return []
    typed, part = _rejoined(list(words[:-1]), words[-1][1:])
    found = find(typed)
    if found is None or len(typed) < len(found[0].words):
        return _matching(_command_words(typed), part)
    entry, length = found
    answer = _Arguments(ARGUMENTS.get(" ".join(entry.words), ()), typed[length:], part).answer()
    if length == len(typed):  # `proxy` is a command, and `proxy set` is another
        answer = _matching(_command_words(typed), part) + answer
    return answer


def _rejoined(typed: list[str], part: str) -> tuple[list[str], str]:
    """bash makes three words of ``--flag=value``."""
    if part == "=" and typed and typed[-1].startswith("--"):
        return typed, ""
    if len(typed) > 1 and typed[-1] == "=" and typed[-2].startswith("--"):
        return typed[:-1], part
    return typed, part


def _command_words(typed: Sequence[str]) -> Iterator[Candidate]:
    seen: set[str] = set()
    for entry in COMMANDS:
        if len(entry.words) > len(typed) and list(entry.words[: len(typed)]) == list(typed):
            word = entry.words[len(typed)]
            if word not in seen:
                seen.add(word)
                yield word, entry.summary if len(entry.words) == len(typed) + 1 else ""
    if not typed:
        yield from _OUTSIDE


def _matching(found: Iterable[Candidate], part: str) -> list[Candidate]:
    return [candidate for candidate in found if candidate[0].startswith(part)]


@dataclass(slots=True)
class _Arguments:
    """Those of one command, and how far somebody has come with them."""

    own: Sequence[Argument]
    typed: Sequence[str]
    part: str

    def answer(self) -> list[Candidate]:
        options = {name: kind for name, kind, _ in (*self.own, *EVERYWHERE) if name}
        position, waiting = self._position(options)
        if waiting:
            return self._values(options[waiting])
        if self.part.startswith("--") and "=" in self.part:
            name, _, part = self.part.partition("=")
            begun = _Arguments(self.own, self.typed, part)
            found = begun._values(options.get(name, "flag"))
            return [(word if word.startswith(":") else f"{name}={word}", what) for word, what in found]
        by_position = [kind for name, kind, _ in self.own if not name]
        if self.part.startswith("-") or not by_position:
            return self._options()
        return self._by_position(by_position, position)

    def _position(self, options: dict[str, str]) -> tuple[int, str]:
        """How many arguments there are that have no name, and the option that waits for its value."""
        position, waiting, only_names = 0, "", False
        for word in self.typed:
            if waiting:
                waiting = ""
            elif word == "--":
                only_names = True
            elif word.startswith("-") and not only_names:
                waiting = word if options.get(word, "flag") != "flag" else ""
            else:
                position += 1
        return position, waiting

    def _options(self) -> list[Candidate]:
        """Those that may come; most of them come once."""
        every = [x for x in (*self.own, *EVERYWHERE) if x[0].startswith("--")]
        left = [(name, what) for name, kind, what in every if kind.endswith("*") or name not in self.typed]
        return _matching(left, self.part)

    def _by_position(self, kinds: Sequence[str], position: int) -> list[Candidate]:
        if position >= len(kinds):
            if not kinds[-1].endswith("*"):
                return self._options()
            position = len(kinds) - 1
        kind = kinds[position].removesuffix("*")
        names = [word for word in self.typed if not word.startswith("-")]
        if kind in ("field", "value"):  # they take turns, however many there are
            return self._values("value" if len(names) % 2 else "field", names[-1] if names else "")
        return [x for x in self._values(kind) if x[0] not in names or x[0].startswith(":")]

    def _values(self, kind: str, field: str = "") -> list[Candidate]:
        kind = kind.removesuffix("*")
        if kind == "file":
            return [_FILES]
        if kind == "dir":
            return [_DIRECTORIES]
        if kind.startswith("="):
            words: Iterable[str] = kind[1:].split("|")
        elif kind == "field":
            words = FIELDS
        elif kind == "value":
            words = filter(None, FIELDS.get(field, "").split("|"))
        else:
            words = local_names(kind, self._base())
        return _matching(((word, "") for word in words), self.part)

    def _base(self) -> Path:
        for word, value in zip(self.typed, self.typed[1:], strict=False):
            if word == "--config-dir":
                try:
                    return Path(value).expanduser()
                except RuntimeError:  # ~ of an account that there is not
                    return Path(value)
        return default_directory()

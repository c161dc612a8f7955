"""Whether the audit record is as it was written."""

from __future__ import annotations

from dataclasses import dataclass

from ..audit import Verdict, verify
from ..base.errors import Misuse
from ..profile import Config, Profile
from .audit_reading import need_record, unreadable

__all__ = ["Verified", "verify_record"]


@dataclass(frozen=True, slots=True)
class Verified:
    """What the chain of hashes shows."""

    verdict: Verdict
    noted: str
    """The hash that was asked for; empty: none."""
    fault: Misuse | None
    """The first link that does not hold; None: all is well."""

    def in_words(self) -> list[str]:
        """For people, where there is no fault."""
        return _lines(self.verdict, self.noted)

    def to_json(self) -> dict[str, object]:
        """For programs."""
        verdict, broken = self.verdict, self.verdict.broken
        return {
            "records": verdict.records,
            "first": verdict.first_seq,
            "last": verdict.last_seq,
            "last_hash": verdict.last_hash,
            "broken": None
            if broken is None
            else {"file": broken.file, "line": broken.line, "why": broken.why},
            "contains": verdict.holds_wanted if self.noted else None,
            "lost": verdict.lost.count,
        }


def verify_record(profile: Profile, config: Config, contains: str = "") -> Verified:
    """Go along the chain of hashes; takes some seconds for a long record.

    Args:
        contains: hash that was noted earlier: its record, and so all before it, must be there.

    Raises:
        Misuse: ``wrong-role``, ``bad-argument`` for what is no hash, ``file-unreadable``.
    """
    need_record(config, profile)
    noted = contains.strip().lower()
    if noted and (len(noted) != 64 or not set(noted) <= set("0123456789abcdef")):
        raise Misuse(
            "bad-argument", "a hash has 64 hexadecimal digits", hint="tw audit verify prints the last one"
        )
    try:
        verdict = verify(profile.audit, noted)
    except OSError as exc:
        raise unreadable(exc) from exc
    return Verified(verdict, noted, _fault(verdict, noted, str(profile.audit)))


def _fault(verdict: Verdict, noted: str, directory: str) -> Misuse | None:
    broken = verdict.broken
    if broken is not None:
        line = f":{broken.line}" if broken.line else ""
        good = (
            f"the {verdict.records} records before it hold"
            if verdict.records
            else "nothing before it can be relied on"
        )
        return Misuse(
            "audit-broken",
            f"{broken.why}; {good}",
            where=f"{directory}/{broken.file}{line}",
            hint="keep a copy of the directory as it is, and find out who could write to it",
        )
    if not verdict.holds_wanted:
        return Misuse(
            "audit-broken",
            f"no record has the hash {noted[:12]}...: the record was written anew, or its files were removed as the oldest",
            where=directory,
            hint="compare with the place where that hash was noted",
        )
    return None


def _lines(verdict: Verdict, noted: str) -> list[str]:
    if not verdict.records:
        return ["no records yet"]
    lines = [f"{verdict.records} records, {verdict.first_seq} to {verdict.last_seq}: the chain holds"]
    if verdict.first_seq > 1:
        lines.append("older ones were removed, as the record says")
    if noted:
        lines.append(f"{noted} is part of it")
    if verdict.lost.count:
        lines.append(f"{verdict.lost.count} could not be written, and wait to be told as a gap")
    lines.append(f"last: {verdict.last_hash}")
    lines.append(
        "Note that hash elsewhere: tw audit verify --contains HASH finds a record that was written anew."
    )
    return lines

"""All keys of a machine: who is logged in, which programs have tokens; looked up, listed, revoked.

They are in ``<base>/dashboard/keys.json``, which every process of the machine reads again when it
was changed. What the disk does not take lives in this process until it does: a full disk locks
nobody out. Only to revoke is stricter: where the file cannot be replaced it is removed, so that
the key does not come back with the next process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...base.errors import Misuse
from ...base.limits import KEY_SEEN_S, MAX_API_TOKENS, MAX_BROWSERS
from .keys import Issued, Key, Kind, Scope, digest_of, new_browser, new_token, parse_key
from .stored import Stamp, StoredFile

__all__ = ["KeyBook"]

_log = logging.getLogger("tw.api")

_Keys = dict[str, Key]
"""By id."""


class KeyBook:
    """The keys of one machine.

    Whatever changes keys waits for the disk: call it in a thread. ``find`` and ``is_good`` do not.

    Args:
        directory: ``<base>/dashboard``; it is made when the first key is.
        now: the wall clock, in seconds since 1970: keys outlive processes.
    """

    def __init__(self, directory: Path, now: Callable[[], float] = time.time) -> None:
        self._file = StoredFile(directory / "keys.json")
        self._now = now
        self._saving = threading.Lock()
        self._mutex = threading.Lock()  # held for memory only, never while the disk works
        self._disk: _Keys = {}
        self._stamp: Stamp | None = None
        self._added: _Keys = {}
        self._removed: set[str] = set()
        self._used: dict[str, tuple[float, str]] = {}
        self._flushed = now()

    # -- looking up ---------------------------------------------------------------------------------

    def find(self, secret: str, kind: Kind, address: str) -> Key | None:
        """The key that ``secret`` is, which counts as used now; None when it lets nobody in."""
        now, digest = self._now(), digest_of(secret)
        with self._mutex:
            self._look()
            for key in self._keys().values():
                if key.digest == digest and key.is_for(secret):
                    if key.kind is not kind or key.is_over(now):
                        return None
                    self._used[key.id] = now, address
                    return key.used(now, address)
        return None

    def is_good(self, key_id: str) -> bool:
        """Whether a key that let somebody in still would."""
        with self._mutex:
            self._look()
            key = self._keys().get(key_id)
            return key is not None and not key.is_over(self._now())

    def listed(self) -> list[Key]:
        """Those that let somebody in, the last used first."""
        now = self._now()
        with self._mutex:
            self._look()
            good = [key for key in self._keys().values() if not key.is_over(now)]
        return sorted(good, key=lambda key: (-key.last_seen, key.id))

    # -- changing -----------------------------------------------------------------------------------

    def add_browser(self, agent: str, address: str) -> Issued:
        """Log a browser in."""
        return self._add(new_browser(agent, address, self._now()))

    def add_token(self, name: str, scope: Scope, life_s: float | None = None) -> Issued:
        """Make a token for a program.

        Args:
            life_s: seconds that it is good for; None: until it is revoked.

        Raises:
            Misuse: ``bad-argument``, ``too-many``.
        """
        if not 1 <= len(name) <= 64 or not name.isprintable():
            raise Misuse("bad-argument", f"{name[:64]!r} is not a name of 1 to 64 characters")
        if life_s is not None and not 0 < life_s <= 100 * 366 * 86_400:
            raise Misuse("bad-argument", "a token is good for a second to 100 years")
        if sum(key.kind is Kind.TOKEN for key in self.listed()) >= MAX_API_TOKENS:
            raise Misuse("too-many", f"there are {MAX_API_TOKENS} tokens", hint="revoke one that is not used")
        return self._add(new_token(name, scope, self._now(), life_s))

    def _add(self, issued: Issued) -> Issued:
        with self._mutex:
            self._added[issued.key.id] = issued.key
        self._save()
        return issued

    def revoke(self, key_id: str) -> bool:
        """End a key; False when there is none of that id."""
        return self._revoke(lambda key: key.id == key_id) > 0

    def revoke_others(self, key_id: str) -> int:
        """End all browsers but this one; how many that were."""
        return self._revoke(lambda key: key.kind is Kind.BROWSER and key.id != key_id)

    def revoke_all(self) -> int:
        """End all keys, tokens included; how many that were."""
        return self._revoke(lambda _: True)

    def _revoke(self, is_meant: Callable[[Key], bool]) -> int:
        with self._mutex:
            self._look()
            gone = {key.id for key in self._keys().values() if is_meant(key)}
            self._removed |= gone
        if gone and not self._save():
            self._forget_file()
        return len(gone)

    def _forget_file(self) -> None:
        """The file still has a revoked key: what is good lives in memory, and the file goes."""
        with self._mutex:
            self._added = self._keys()
        try:
            self._file.remove()
        except Misuse as exc:
            _log.error("a revoked key is still in %s and works again after a restart: %s", exc.where, exc.why)

    # -- the disk -----------------------------------------------------------------------------------

    def is_behind(self) -> bool:
        """Whether ``flush`` is due. It says so once, to one caller."""
        now = self._now()
        with self._mutex:
            due = bool(self._used or self._added or self._removed)
            if not due or 0 <= now - self._flushed < KEY_SEEN_S:
                return False
            self._flushed = now
            return True

    def flush(self) -> None:
        """Write down what was used when, and what the disk has not taken before."""
        with self._mutex:
            if not (self._added or self._removed or self._used):
                return
        self._save()

    def _save(self) -> bool:
        """Merge what changed here into the file as it is now."""
        with self._saving:
            with self._mutex:
                added, removed, used = dict(self._added), set(self._removed), dict(self._used)
            try:
                with self._file.locked():
                    keys = _merged(self._read(), added, removed, used)
                    kept = _within_bounds(keys, self._now())
                    self._file.write({"keys": [key.to_json() for key in kept.values()]})
                    stamp = self._file.stamp()
            except Misuse as exc:
                _log.warning("logins and tokens are kept in memory only: %s", exc)
                return False
            with self._mutex:
                self._disk, self._stamp = kept, stamp
                self._added = {x: key for x, key in self._added.items() if x not in added}
                self._removed -= removed
                self._used = {x: use for x, use in self._used.items() if used.get(x) != use}
        return True

    def _look(self) -> None:
        """Read the file again if somebody else wrote it."""
        stamp = self._file.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._disk = self._read()
        except Misuse as exc:
            self._disk = {}
            _log.warning("no login or token of before is good: %s (try: %s)", exc, exc.hint)

    def _read(self) -> _Keys:
        record = self._file.read()
        if record is None:
            return {}
        try:
            entries: list[Any] = record["keys"]
            return {key.id: key for key in map(parse_key, entries)}
        except (ValueError, TypeError, KeyError):
            raise self._file.damaged() from None

    def _keys(self) -> _Keys:
        return _merged(self._disk, self._added, self._removed, self._used)


def _merged(disk: _Keys, added: _Keys, removed: set[str], used: dict[str, tuple[float, str]]) -> _Keys:
    keys = {x: key for x, key in {**disk, **added}.items() if x not in removed}
    for key_id, use in used.items():
        if key_id in keys:
            keys[key_id] = keys[key_id].used(*use)
    return keys


def _within_bounds(keys: _Keys, now: float) -> _Keys:
    """Those that are not over; of too many browsers, the last seen."""
    good = {x: key for x, key in keys.items() if not key.is_over(now)}
    browsers = [key for key in good.values() if key.kind is Kind.BROWSER]
    browsers.sort(key=lambda key: key.last_seen)
    for key in browsers[: max(0, len(browsers) - MAX_BROWSERS)]:
        del good[key.id]
    return good

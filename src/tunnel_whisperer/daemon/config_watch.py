"""Notices that config.yaml changed under a running role, which goes on with what it read.

The log level is taken over at once; everything else is told to need a new start.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable

from ..base.errors import TwError
from ..base.log import set_level
from ..profile import Config, Profile, load_config
from .snapshot import error_value
from .watch import file_stamp, watch

__all__ = ["ConfigWatch"]

_log = logging.getLogger("tw")


class ConfigWatch:
    """config.yaml beside the configuration in use.

    Args:
        in_use: read just now.
        command: that is started again to apply a change.
    """

    def __init__(self, profile: Profile, in_use: Config, command: str) -> None:
        self._path = profile.config
        self._in_use = in_use
        self._command = command
        self._first = self._stamp()
        self._level = in_use.log_level
        self.changed: tuple[str, ...] = ()
        """Fields that the file has otherwise than this process."""
        self.error: TwError | None = None
        """Why the file as it stands could not be read."""

    async def run(self) -> None:
        """Until cancelled."""
        await watch(self._stamp, self.look, self._first)

    def look(self) -> None:
        """Read the file, and tell what is different about it.

        Raises:
            TwError: it cannot be read.
        """
        before, self.error = self.changed, None
        try:
            now = load_config(self._path)
            self.changed = tuple(x for x in now.changed_from(self._in_use) if x != "log_level")
        except TwError as exc:
            self.error = exc
            raise
        if now.log_level != self._level:
            self._level = now.log_level
            set_level(now.log_level)
            _log.info("log level: %s", now.log_level)
        if self.changed and self.changed != before:
            names = ", ".join(self.changed)
            _log.warning("%s changed (%s): start %s again to apply it", self._path.name, names, self._command)
        elif before and not self.changed:
            _log.info("%s is again as this process knows it", self._path.name)

    def to_json(self) -> dict[str, object]:
        """For a snapshot."""
        return {"changed": list(self.changed), "error": error_value(self.error)}

    def _stamp(self) -> Hashable:
        return file_stamp([self._path])

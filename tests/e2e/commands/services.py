"""A systemctl of the test's own, in front on PATH: it remembers what it was asked, and starts nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["FakeSystemctl"]

_SCRIPT = """\
#!/bin/sh
echo "$*" >> "{calls}"
case "$*" in
  *{failing}*) echo "no, thanks" >&2; exit 1 ;;
  *show*) cat "{state}" 2>/dev/null || printf 'ActiveState=inactive\\nSubState=dead\\nMainPID=0\\n' ;;
  *restart*) printf 'ActiveState=active\\nSubState=running\\nMainPID=4242\\nUnitFileState=enabled\\nStatusText=dialling\\n' > "{state}" ;;
  *stop*|*disable*) rm -f "{state}" ;;
esac
"""


class FakeSystemctl:
    """systemd as far as tw sees it.

    Args:
        directory: for its files.
        failing: what it refuses to do.
    """

    def __init__(self, directory: Path, failing: str = "nothing-at-all") -> None:
        folder = directory / "fake-bin"
        folder.mkdir()
        self._calls = folder / "calls"
        script = folder / "systemctl"
        script.write_text(_SCRIPT.format(calls=self._calls, state=folder / "state", failing=failing))
        script.chmod(0o755)
        self.env: dict[str, Any] = {"PATH": f"{folder}:{os.environ['PATH']}", "XDG_CONFIG_HOME": ""}
        """For the environment of commands."""

    def asked(self) -> list[str]:
        """Every command line, without the questions about the state."""
        try:
            lines = self._calls.read_text().splitlines()
        except FileNotFoundError:
            return []
        return [line for line in lines if " show " not in f" {line} "]

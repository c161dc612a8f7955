"""Runs many ``tw`` commands in this one process, each on a copy of an identity, and tells what they did.

A script: a JSON object on standard input, and one on standard output for each command. Nothing gets out of it: writing
outside its folder, starting programs and the network are refused as a system would refuse them.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_RUN_S = 20
"""A command that takes longer hangs."""

_NOT_ITS_BUSINESS = ("tw: wrong-role: ", "tw: not-set-up: ")
_ENOUGH = 6
"""A command that looked no further so often will not with the next word either."""

_STARTS = ("subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.system")
_CONNECTS = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto")
_CHANGES = ("os.chmod", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link")


class Hung(BaseException):
    """It took too long."""


def fence(folder: Path) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook that keeps this process inside ``folder``."""

    def inside(path: Any) -> bool:
        if isinstance(path, int):
            return True
        text = os.fsdecode(path)
        return text == os.devnull or Path(os.path.abspath(text)).is_relative_to(folder)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and not inside(path):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fsdecode(path))
        elif event in _CHANGES:
            # With a directory's descriptor (shutil.rmtree) the name is relative to what was let in.
            if not any(isinstance(arg, int) and arg >= 0 for arg in args[1:]) and not inside(args[0]):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fsdecode(args[0]))
        elif event in _STARTS:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(args[0]))
        elif event in _CONNECTS:
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    return hook


class Home:
    """A folder with an identity in ``config`` and commands running in ``here``."""

    def __init__(self, folder: Path, templates: dict[str, str]) -> None:
        self._folder = folder
        self._templates = templates
        self._template = ""
        self._fresh: dict[str, bytes] = {}
        self._is_fresh = False

    def enter(self, template: str) -> None:
        """Be as the template is, whatever happened before."""
        if template != self._template or not self._is_fresh:
            os.chdir(self._folder)
            for name in ("config", "here"):
                shutil.rmtree(name, ignore_errors=True)
            shutil.copytree(self._templates[template], "config")
            Path("here", "folder").mkdir(parents=True)
            Path("here", "file").write_text("not what you expect\n")
            self._template, self._fresh, self._is_fresh = template, self.files(), True
        os.chdir(self._folder / "here")

    def files(self) -> dict[str, bytes]:
        """Files and their content; empty ones are locks."""
        return {
            str(path.relative_to(self._folder)): path.read_bytes()
            for name in ("config", "here")
            for path in (self._folder / name).rglob("*")
            if path.is_file() and path.stat().st_size
        }

    def changed(self) -> list[str]:
        """Names of files that are not as the template has them."""
        now = self.files()
        self._is_fresh = now == self._fresh
        return sorted(name for name in {*now, *self._fresh} if now.get(name) != self._fresh.get(name))


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def too_long(number: int, frame: object) -> None:
        raise Hung

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(_RUN_S)
    try:
        yield
    finally:
        signal.alarm(0)


def run(main: Callable[[list[str]], int], words: list[str]) -> dict[str, Any]:
    """What one command left on its two outputs, and its exit status (None: it hung)."""
    # As the real ones: what cannot be encoded is an error on the one, and escaped on the other.
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
    status: int | None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            with _time_limit():
                status = main(words)
        except SystemExit as exc:
            status = exc.code if isinstance(exc.code, int) else 1
        except Hung:
            status = None
    return {"words": words, "status": status, "out": _text(out), "err": _text(err)}


def _text(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


def play(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each run of the task with its result."""
    import tunnel_whisperer.daemon.process as process
    from tunnel_whisperer.cli.main import main

    process.run_until_stopped = lambda main: True  # it would run
    home = Home(Path(task["folder"]), task["templates"])
    turned_away: Counter[tuple[str, str]] = Counter()
    for template, command, words in task["runs"]:
        if turned_away[template, command] >= _ENOUGH:
            continue
        home.enter(template)
        result = run(main, words)
        turned_away[template, command] += result["err"].startswith(_NOT_ITS_BUSINESS)
        yield {"command": command, "identity": template, **result, "changed": home.changed()}


if __name__ == "__main__":
    given = json.load(sys.stdin)
    sys.stdin = io.StringIO()  # nobody to ask
    sys.addaudithook(fence(Path(given["folder"])))
    for result in play(given):
        print(json.dumps(result))

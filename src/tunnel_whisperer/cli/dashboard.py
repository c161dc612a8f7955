"""``tw dashboard``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import Misuse, TwError
from ..base.values import parse_port
from ..daemon.notify import ServiceStatus
from ..daemon.process import run_until_stopped
from ..daemon.role_run import Root
from ..daemon.supervisor import Supervisor
from ..profile import Config, Profile, load_config, who_runs
from .beside_api import Entrance, run_beside_api
from .dashboard_password import set_password
from .dashboard_token import make_token
from .place import add_context_flag, contexts_of, profile_of, start_logging
from .started import role_words, started_lines

if TYPE_CHECKING:
    from ..api.doors import Doors

EXAMPLE = "tw dashboard\ntw dashboard --port 9000 --no-start"

_log = logging.getLogger("tw")

_COMMAND = "tw dashboard"
_PORT = 8080


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--port", metavar="PORT", help="where browsers come (default 8080; 0: any free one)")
    parser.add_argument(
        "--listen",
        metavar="ADDRESS",
        help="interface for browsers (default 127.0.0.1); others need a password, and get HTTPS",
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="HOST",
        help="a name by which browsers of other machines open it (repeatable)",
    )
    parser.add_argument("--cert", metavar="FILE", help="certificate chain for it (default: one made here)")
    parser.add_argument("--key", metavar="FILE", help="key of the certificate")
    parser.add_argument(
        "--no-start", action="store_true", help="do not start the role; the dashboard can, later"
    )
    parser.add_argument("--no-open", action="store_true", help="print the link, and open no browser")
    parser.add_argument(
        "--unattended",
        action="store_true",
        help="as a service: the role runs even where the port is taken, and no link is printed",
    )
    parser.add_argument(
        "--set-password", action="store_true", help="ask for the password of the dashboard, keep it, and end"
    )
    parser.add_argument(
        "--password-file", metavar="FILE", help="with --set-password: read it there; - is standard input"
    )
    parser.add_argument(
        "--token", metavar="NAME", help="make a token for a program, print it, and end; it may read"
    )
    parser.add_argument(
        "--token-may-all", action="store_true", help="of --token: it may change everything, too"
    )
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Until it is stopped; where a role runs already, that process opens its dashboard."""
    start_logging(args, None, "info")
    profile = profile_of(args)
    place = profile if args.in_context else Profile(contexts_of(args).base)
    if args.set_password:
        return set_password(args, place)
    if args.token is not None:
        return make_token(args, profile, place.directory / "dashboard")
    if args.token_may_all:
        raise Misuse("bad-argument", "--token-may-all goes with --token NAME")
    if args.password_file is not None:
        raise Misuse("bad-argument", "--password-file goes with --set-password")
    if bool(args.cert) != bool(args.key):
        raise Misuse("bad-argument", "a certificate and its key go together", hint="--cert FILE --key FILE")
    if who_runs(profile) is not None and not args.unattended:
        return _ask_who_runs(args, profile)
    config = _config(profile)
    if config is not None:
        start_logging(args, config, "info")
    host, port = _place(args, config)
    said = ServiceStatus()
    entrance = Entrance(
        host,
        port,
        insist=not args.unattended,
        more={
            "names": tuple(args.name),
            "cert": Path(args.cert).resolve() if args.cert else None,
            "key": Path(args.key).resolve() if args.key else None,
        },
        opened=lambda doors: _opened(args, doors, said),
        bound=said.bound,
    )
    supervisor = Supervisor(
        contexts_of(args),
        profile,
        command=_COMMAND,
        pinned=args.in_context is not None,
        wanted=not args.no_start,
        on_started=lambda root: _started(root, said),
        on_session=said.session,
    )
    with supervisor:
        run_until_stopped(lambda: run_beside_api(supervisor, entrance))
    return 0


def _started(root: Root, said: ServiceStatus) -> None:
    for line in started_lines(root):
        _log.info("%s", line)
    said.role(role_words(root))


def _config(profile: Profile) -> Config | None:
    """What it is about; what is wrong with it is for the dashboard to tell."""
    try:
        return load_config(profile.config)
    except TwError:
        return None


def _place(args: argparse.Namespace, config: Config | None) -> tuple[str, int]:
    host = config.server.dashboard_listen if config is not None else "127.0.0.1"
    port = config.server.dashboard_port if config is not None else _PORT
    if args.port is not None:
        port = 0 if args.port == "0" else parse_port(args.port)
    return args.listen or host, port


def _opened(args: argparse.Namespace, doors: Doors, said: ServiceStatus) -> None:
    if doors.door is None:  # of a service whose port is not to be had: that was said
        return
    if not args.unattended:
        _show(doors.door.url, doors.login_link(), doors.door.fingerprint, opens=not args.no_open)
        print("It lets in one browser, once, within ten minutes. Ctrl-C ends it.", flush=True)
    said.bound(doors.door.url)


def _ask_who_runs(args: argparse.Namespace, profile: Profile) -> int:
    """The process that runs has the dashboard, or opens it now."""
    from ..api.client import open_client  # noqa: PLC0415 - its libraries are slow to load

    if args.no_start:
        raise Misuse("bad-argument", f"{who_runs(profile)} runs already", hint="leave --no-start out")
    host, port = _place(args, _config(profile))
    with open_client(profile) as client:
        shown = client.post("/dashboard", {"host": host, "port": port})
    _show(shown["url"], shown["login"], shown["fingerprint"], opens=not args.no_open)
    print(f"This context runs already, as {who_runs(profile)}: that process has the dashboard.", flush=True)
    print("The link lets in one browser, once, within ten minutes.", flush=True)
    return 0


def _show(url: str, login: str, fingerprint: str, *, opens: bool) -> None:
    print(f"dashboard: {login}", flush=True)
    if fingerprint:
        print(f"  its certificate was made here; a browser warns of it: compare SHA-256 {fingerprint}")
    if opens and _has_screen():
        try:
            webbrowser.open(login)
        except (webbrowser.Error, OSError) as exc:
            print(f"tw: no browser was opened at {url}: {exc}", file=sys.stderr)


def _has_screen() -> bool:
    """Whether a browser of this machine would be seen: not in a shell from elsewhere."""
    if not sys.stdout.isatty() or "SSH_CONNECTION" in os.environ:
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ

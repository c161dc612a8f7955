"""What every command begins with: whose identity, and how to log."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from ..base.errors import Misuse
from ..base.log import set_up
from ..profile import Config, Contexts, Profile, default_directory, load_config

__all__ = ["add_context_flag", "configured", "contexts_of", "profile_of", "start_logging"]

_LONGEST = Path("contexts", "x" * 32, "users", "x" * 64, "ssh_host_ed25519_key.pub.tmp")
"""No path of ours below a directory is longer."""


def add_context_flag(parser: argparse.ArgumentParser) -> None:
    """Let one run work on another identity than the active one."""
    parser.add_argument(
        "--context",
        dest="in_context",
        metavar="NAME",
        help="use this context, by name or id, not the active one",
    )


def contexts_of(args: argparse.Namespace) -> Contexts:
    """The identities in the directory named by ``--config-dir``, else in the default one.

    Raises:
        Misuse: ``bad-argument`` where no directory can be.
    """
    try:
        directory = Path(args.config_dir).expanduser() if args.config_dir else default_directory()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            (directory / _LONGEST).stat()
    except (OSError, RuntimeError, ValueError) as exc:  # too long, a loop of links, a ~user that is not there
        why = getattr(exc, "strerror", None) or str(exc)
        where = str(args.config_dir or "TW_CONFIG_DIR")
        raise Misuse("bad-argument", why, where=where, hint="--config-dir DIR") from None
    return Contexts(directory)


def profile_of(args: argparse.Namespace) -> Profile:
    """The identity that ``--context`` names, else the active one there, which need not exist.

    Raises:
        Misuse: ``no-such-name``; ``not-set-up`` when the context that was chosen is gone.
    """
    wanted: str | None = getattr(args, "in_context", None)
    return contexts_of(args).find(wanted).profile if wanted else contexts_of(args).active_profile()


def configured(args: argparse.Namespace, default_level: str = "warning") -> tuple[Profile, Config]:
    """The identity and its configuration; logging is set up.

    Raises:
        Misuse: ``not-set-up``, ``bad-config``.
    """
    start_logging(args, None, default_level)
    profile = profile_of(args)
    config = load_config(profile.config)
    return profile, config


def start_logging(args: argparse.Namespace, config: Config | None, default_level: str = "warning") -> None:
    """Log to standard error, as the flags say, else as the configuration does."""
    level = args.log_level or (config.log_level if config is not None else default_level)
    form = args.log_format or (config.log_format if config is not None else "text")
    set_up(level, form)

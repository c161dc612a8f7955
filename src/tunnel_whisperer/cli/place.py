"""What every command begins with: whose identity, and how to log."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..base.log import set_up
from ..profile import Config, Profile, default_directory, load_config

__all__ = ["configured", "profile_of", "start_logging"]


def profile_of(args: argparse.Namespace) -> Profile:
    """The identity named by ``--config-dir``, else the default one; it need not exist."""
    return Profile(Path(args.config_dir).expanduser() if args.config_dir else default_directory())


def configured(args: argparse.Namespace, default_level: str = "warning") -> tuple[Profile, Config]:
    """The identity and its configuration; logging is set up.

    Raises:
        Misuse: ``not-set-up``, ``bad-config``.
    """
    profile = profile_of(args)
    start_logging(args, None, default_level)
    config = load_config(profile.config)
    return profile, config


def start_logging(args: argparse.Namespace, config: Config | None, default_level: str = "warning") -> None:
    """Log to standard error, as the flags say, else as the configuration does."""
    level = args.log_level or (config.log_level if config is not None else default_level)
    form = args.log_format or (config.log_format if config is not None else "text")
    set_up(level, form)

"""What every command begins with: whose identity, and how to log."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..base.log import set_up
from ..profile import Config, Contexts, Profile, default_directory, load_config

__all__ = ["configured", "contexts_of", "profile_of", "start_logging"]


def contexts_of(args: argparse.Namespace) -> Contexts:
    """The identities in the directory named by ``--config-dir``, else in the default one."""
    return Contexts(Path(args.config_dir).expanduser() if args.config_dir else default_directory())


def profile_of(args: argparse.Namespace) -> Profile:
    """The active identity there; it need not exist.

    Raises:
        Misuse: ``not-set-up`` when the context that was chosen is gone.
    """
    return contexts_of(args).active_profile()


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

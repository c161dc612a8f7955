"""Credentials for a provider: out of a file, the environment or a question; never kept."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from ..base.errors import Misuse
from ..base.values import Secret
from ..operations.providers import open_account
from ..provision.drivers import PROVIDERS, Credentials, Driver
from .ask import ask, ask_secret
from .files import naming, read_text

__all__ = ["add_credentials_flag", "driver_of", "given_credentials"]


def add_credentials_flag(parser: argparse.ArgumentParser) -> None:
    """Let a file answer."""
    parser.add_argument(
        "--credentials-file",
        metavar="FILE",
        help="the provider's token, or lines such as AWS_ACCESS_KEY_ID=..; else the environment is looked at",
    )


def given_credentials(args: argparse.Namespace, provider: str) -> Credentials | None:
    """Those of the file, else of the environment; None where there are none.

    Raises:
        Misuse: ``file-unreadable``; ``bad-argument`` for a file that has none.
    """
    names = PROVIDERS[provider].variables
    if args.credentials_file is None:
        return _out_of(names, os.environ)
    path = Path(args.credentials_file)
    with naming(path):
        found = _out_of(names, _values(read_text(path), names))
        if found is None:
            needed = " and ".join(f"{name}=.." for name in names[:2])
            also = "" if len(names) > 1 else ", or the token alone"
            raise Misuse("bad-argument", "there are no credentials in it", hint=f"write {needed}{also}")
    return found


def driver_of(args: argparse.Namespace, provider: str) -> Driver:
    """A driver whose credentials were tried.

    Raises:
        Misuse: ``bad-argument`` without a terminal to ask at; ``cloud-sdk-missing``.
        TwError: the provider's refusal.
    """
    return open_account(provider, given_credentials(args, provider) or _ask(provider))


def _ask(provider: str) -> Credentials:
    known = PROVIDERS[provider]
    flag = f"--credentials-file FILE, or set {' and '.join(known.variables[:2])}"
    if len(known.variables) == 1:
        return Credentials(Secret(ask_secret(f"Token of {known.title} (it is not shown)", flag=flag)))
    key_id = ask(f"Id of the access key of {known.title}", flag=flag, check=str)
    return Credentials(Secret(ask_secret("Secret access key (it is not shown)", flag=flag)), key_id)


def _values(text: str, names: tuple[str, ...]) -> dict[str, str]:
    """``NAME=value`` in each line, in small letters too, as AWS's own file has it; or a token alone."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and line[0] not in "#["]
    if len(lines) == 1 and len(names) == 1 and "=" not in lines[0]:
        return {names[0]: lines[0]}
    values = {}
    for line in lines:
        name, _, value = line.removeprefix("export ").partition("=")
        values[name.strip().upper()] = value.strip().strip("\"'")
    return values


def _out_of(names: tuple[str, ...], values: Mapping[str, str]) -> Credentials | None:
    secret, key_id, session = (*(values.get(name, "").strip() for name in names), "", "")[:3]
    if not secret or (len(names) > 1 and not key_id):
        return None
    return Credentials(Secret(secret), key_id, Secret(session) if session else None)

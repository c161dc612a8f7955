"""``tw destroy relay-server``."""

from __future__ import annotations

import argparse
import asyncio
import sys

from ..base.errors import Misuse, TwError
from ..operations.relay_making import tell_step
from ..operations.relay_order import MANUAL
from ..operations.relay_removal import (
    COMMAND,
    forget_gone,
    forget_own_machine,
    need_machine,
    need_unknown,
    remove_at_provider,
    save_certificates,
)
from ..profile import Config, Profile
from ..provision.drivers import PROVIDERS, Driver, Found, check_relay_id
from ..provision.making import has_machine
from ..provision.state import Hint
from .ask import ask, confirm
from .place import add_context_flag, configured, profile_of, start_logging
from .relay_credentials import add_credentials_flag, driver_of

EXAMPLE = "tw destroy relay-server"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--yes", action="store_true", help="do not ask, not even where certificates are lost")
    parser.add_argument(
        "--provider", choices=tuple(PROVIDERS), help="where to look for a relay that no context knows"
    )
    parser.add_argument("--id", metavar="ID", help="of that relay; without it, all that are there are listed")
    add_credentials_flag(parser)
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Show what will be removed, remove it, and see that it is gone. The identity stays: a relay that
    is created from it again is the same one to its servers."""
    if args.provider or args.id:
        return _orphan(args)
    profile, config = configured(args)
    hint = need_machine(profile, config)
    if hint.provider == MANUAL:
        return _own_machine(args, profile, config)
    return _machine(args, profile, config, hint)


def _machine(args: argparse.Namespace, profile: Profile, config: Config, hint: Hint) -> int:
    domain = config.relay.domain
    driver = driver_of(args, hint.provider)
    found = driver.find(hint.relay_id)
    if not found:
        forget_gone(profile, config)
        print(f"nothing of {domain} is at {hint.provider} any more")
        return 0
    _list(found, f"{domain} at {hint.provider}:")
    if not args.yes and not _typed(domain, f"Its servers lose it. Type {domain} to remove it all"):
        return 1
    if has_machine(found) and not _save(args, profile, config):
        return 1
    removed = remove_at_provider(profile, config, driver, hint, _say)
    print(f"removed {_count(removed)}; looked again, and nothing is left")
    print(f"  the keys stay in {profile.directory}: tw create relay-server makes it again")
    print(f"  remove the record of {domain} from DNS, or whoever gets its address next is found there")
    return 0


def _own_machine(args: argparse.Namespace, profile: Profile, config: Config) -> int:
    domain = config.relay.domain
    question = f"{domain} is on a machine of your own, which you remove yourself. Forget it here?"
    if not args.yes and not confirm(question):
        return 1
    if not _save(args, profile, config):
        return 1
    forget_own_machine(profile)
    print(f"forgotten; the keys stay in {profile.directory}: tw create relay-server makes it again")
    return 0


def _orphan(args: argparse.Namespace) -> int:
    """A relay of which nothing is left on this machine."""
    start_logging(args, None)
    if not args.provider:
        raise Misuse("bad-argument", "--id alone does not tell where it is", hint="add --provider NAME")
    if args.id:
        need_unknown(profile_of(args), args.id)
    driver = driver_of(args, args.provider)
    if not args.id:
        return _list_all(driver)
    found = driver.find(check_relay_id(args.id))
    if not found:
        raise Misuse("no-such-name", f"no relay {args.id} is there", where=args.provider)
    _list(found, f"{args.id} at {args.provider}:")
    if not args.yes and not _typed(args.id, f"Type {args.id} to remove it all"):
        return 1
    print(
        f"removed {_count(driver.destroy(args.id, lambda step: tell_step(_say, step)))}; looked again, and nothing is left"
    )
    return 0


def _list_all(driver: Driver) -> int:
    there = driver.find_all()
    for found in there:
        print(f"{found.relay_id}  {'; '.join(map(str, found))}")
    if not there:
        print(f"no relay is at {driver.provider}")
    else:
        print(f"remove one: {COMMAND} --provider {driver.provider} --id ID", file=sys.stderr)
    return 0


def _save(args: argparse.Namespace, profile: Profile, config: Config) -> bool:
    """Caddy's certificates, for the next time; whether to go on."""
    try:
        saved = asyncio.run(save_certificates(profile, config))
    except TwError as exc:
        print(f"  its certificates cannot be saved: {exc}", file=sys.stderr)
        return args.yes or confirm("Go on without them?")
    if saved:
        print("  certificates saved", file=sys.stderr)
    return True


def _typed(word: str, question: str) -> bool:
    if ask(question, flag="--yes", check=str, default="") == word:
        return True
    print("nothing was removed", file=sys.stderr)
    return False


def _list(found: Found, head: str) -> None:
    print("\n".join((head, *(f"  {resource}" for resource in found))), file=sys.stderr)


def _count(found: Found) -> str:
    count = len(found.resources)
    return f"{count} thing{'s' * (count != 1)}"


def _say(part: str, state: str, words: str, hint: str = "", /) -> None:
    """See ``operations.steps.Tell``."""
    print(f"  {words}", file=sys.stderr, flush=True)

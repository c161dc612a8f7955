"""``tw create relay-server``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from ..base.errors import Misuse
from ..daemon.relay_making import bring_up
from ..operations.relay_making import (
    COMMAND,
    MadeMachine,
    begun_at,
    begun_of,
    look_at_provider,
    make_at_provider,
    relay_before,
    relay_identity,
    ssh_stays_open,
    take_own_machine,
    tell_records,
    tell_seen,
)
from ..profile import Profile, write_file
from ..provision.drivers import PROVIDERS
from ..provision.state import Hint, Phase
from ..tenancy import TenantBook
from ..tenancy.names import check_server_id
from .ask import confirm
from .own_server import ask_own_server, make_own_server
from .place import add_context_flag, profile_of, start_logging
from .relay_credentials import add_credentials_flag, driver_of, given_credentials
from .relay_order import MANUAL, ask_addresses, ask_domain, ask_plan, ask_provider, show_plan

EXAMPLE = "tw create relay-server --provider hetzner --domain relay.example.org"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--domain", metavar="NAME", help="the relay's name, which you put into DNS")
    parser.add_argument(
        "--provider", choices=(*PROVIDERS, MANUAL), help="where its machine is; manual: one that you have"
    )
    parser.add_argument("--region", metavar="NAME", help="of the provider (default: its first)")
    parser.add_argument("--size", metavar="NAME", help="of the provider (default: the smallest sensible)")
    parser.add_argument(
        "--ip",
        metavar="ADDRESS",
        action="append",
        default=[],
        help="manual: of the machine; repeat it for IPv6",
    )
    parser.add_argument("--out", metavar="FILE", help="manual: the install script (default NAME-install.sh)")
    parser.add_argument(
        "--ssh-open",
        action="store_const",
        const=True,
        help="leave port 22 open to everybody; it is shut otherwise, and tw relay ssh comes by the relay",
    )
    parser.add_argument(
        "--server", metavar="ID", help="then make a server on this computer too, and switch to it"
    )
    parser.add_argument("--no-wait", action="store_true", help="end when the machine is there")
    parser.add_argument("--yes", action="store_true", help="do not ask whether to make it")
    add_credentials_flag(parser)
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Make the relay, or go on with it: whatever is there already is found again."""
    start_logging(args, None)
    profile = profile_of(args)
    before = relay_before(profile)
    domain = ask_domain(args.domain or (before.relay.domain if before is not None else None))
    known = begun_of(profile, domain)
    provider = ask_provider(args.provider or (known.provider if known else None))
    hint = begun_at(profile, domain, provider)
    _check_flags(args, provider)
    try:
        made = (
            _own_machine(args, profile, domain, hint)
            if provider == MANUAL
            else _machine(args, profile, domain, provider, hint)
        )
        if made is None:
            return 1
        return _finish(args, profile, made)
    except KeyboardInterrupt:
        print(f"\nstopped; nothing is lost: {COMMAND} goes on", file=sys.stderr)
        raise


def _check_flags(args: argparse.Namespace, provider: str) -> None:
    """Nothing is taken and ignored."""
    if args.server:
        check_server_id(args.server)
    if args.server and args.no_wait:
        raise Misuse("bad-argument", "--server needs the relay to work: leave out --no-wait")
    manual = provider == MANUAL
    foreign = (
        (("--region", args.region), ("--size", args.size), ("--credentials-file", args.credentials_file))
        if manual
        else (("--ip", args.ip), ("--out", args.out))
    )
    for flag, value in foreign:
        if value:
            why = "a machine of your own has none" if manual else f"{provider} has no use for it"
            raise Misuse("bad-argument", f"{flag}: {why}", hint="tw create relay-server --help")


# -- the machine ---------------------------------------------------------------------------------------


def _machine(
    args: argparse.Namespace, profile: Profile, domain: str, provider: str, hint: Hint | None
) -> MadeMachine | None:
    """At a provider; None when somebody said no."""
    if hint is not None and _stands(args, provider, hint):
        _say(
            "machine",
            "",
            f"made before, {', '.join(hint.addresses)}; with credentials, {provider} is asked again",
        )
        return MadeMachine(relay_identity(profile, domain, None, _say), hint.addresses)
    driver = driver_of(args, provider)
    hint, there = look_at_provider(profile, driver, hint, args.region or "", _say)
    region = hint.region if hint else ""
    ssh_open = ssh_stays_open(profile, args.ssh_open)
    plan = ask_plan(args, driver, region=region, ssh_open=ssh_open, there=there)
    if not there:
        show_plan(plan, domain)
        if not args.yes and not confirm("Make it?"):
            return None
    relay = relay_identity(profile, domain, args.ssh_open, _say)
    return make_at_provider(profile, relay, driver, plan, _say, there=there)


def _stands(args: argparse.Namespace, provider: str, hint: Hint) -> bool:
    """Whether there is nothing to ask the provider for."""
    changes = args.region or args.size or args.ssh_open is not None
    return (
        hint.phase is Phase.MADE
        and bool(hint.addresses)
        and not changes
        and given_credentials(args, provider) is None
    )


def _own_machine(args: argparse.Namespace, profile: Profile, domain: str, hint: Hint | None) -> MadeMachine:
    addresses = ask_addresses(args.ip, hint.addresses if hint is not None else ())
    own = take_own_machine(profile, domain, addresses, args.ssh_open, _say)
    out = Path(args.out or own.file_name)
    write_file(out, own.script)
    print(out)
    _say(
        "machine",
        "",
        "copy that file to the machine, which is to be Debian 12 or Ubuntu 24.04, and run it as root:",
    )
    _say("", "", own.command(str(out)))
    _say("", "", "it lets its reader join: remove it when all is done")
    return own


# -- what follows ------------------------------------------------------------------------------------------


def _finish(args: argparse.Namespace, profile: Profile, made: MadeMachine) -> int:
    relay = made.relay
    domain = relay.config.relay.domain
    tell_records(_say, domain, made.addresses)
    if args.no_wait:
        print(f"next: {COMMAND}, which waits for the name and the certificate")
        return 0
    asyncio.run(bring_up(relay, made.addresses, lambda part, seen: tell_seen(_say, part, seen)))
    print(f"the relay {domain} works")
    known = bool(TenantBook(profile).all())
    if known:
        print("  its servers come back by themselves: tw list servers")
    server = "" if known and not args.server else ask_own_server(args)
    if server:
        make_own_server(args, profile, relay.config, server)
        print("next: tw create user NAME -m PORT, and tw serve")
    elif not known:
        print(f"next: on a server tw join {domain}, here tw enroll REQUEST, there tw join --apply RESPONSE")
        print(f"  a server on this computer: {COMMAND} --server ID")
    return 0


def _say(part: str, state: str, words: str, hint: str = "", /) -> None:
    """See ``operations.steps.Tell``."""
    words = f"{words} ({hint})" if hint else words
    print(f"  {part.partition('.')[0]:<10}{words}", file=sys.stderr, flush=True)

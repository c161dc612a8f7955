"""``tw create relay-server``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from ..audit import note
from ..base.errors import Misuse
from ..daemon.relay_making import bring_up
from ..daemon.roles import need_role
from ..daemon.standard_relay import StandardRelay
from ..profile import Config, Profile, load_config, running, write_file
from ..provision.drivers import PROVIDERS, Driver, Plan
from ..provision.making import has_machine, make_machine
from ..provision.standard.install_script import cloud_init, install_script
from ..provision.state import Hint, Phase, begin, begun_elsewhere, enter, forget, read_hint
from ..tenancy import TenantBook, make_standard_relay_identity
from ..tenancy.names import check_server_id
from .ask import confirm
from .own_server import ask_own_server, make_own_server
from .place import add_context_flag, profile_of, start_logging
from .relay_credentials import add_credentials_flag, driver_of, given_credentials
from .relay_order import MANUAL, ask_addresses, ask_domain, ask_plan, ask_provider, show_plan

EXAMPLE = "tw create relay-server --provider hetzner --domain relay.example.org"

_COMMAND = "tw create relay-server"


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
    before = _before(profile)
    domain = ask_domain(args.domain or (before.relay.domain if before is not None else None))
    if before is not None and before.relay.domain != domain:
        make_standard_relay_identity(profile, domain)  # says why not
    hint = read_hint(profile)
    provider = ask_provider(args.provider or (hint.provider if hint else None))
    if hint is not None and hint.provider != provider:
        raise begun_elsewhere(profile, hint)
    _check_flags(args, provider)
    try:
        made = (
            _own_machine(args, profile, domain, hint)
            if provider == MANUAL
            else _machine(args, profile, domain, provider, hint)
        )
        if made is None:
            return 1
        return _finish(args, profile, *made)
    except KeyboardInterrupt:
        print(f"\nstopped; nothing is lost: {_COMMAND} goes on", file=sys.stderr)
        raise


def _before(profile: Profile) -> Config | None:
    """What this context is already."""
    if not profile.config.exists():
        return None
    config = load_config(profile.config)
    need_role(config, "relay", profile, _COMMAND)
    if config.relay.kind != "standard":
        raise Misuse(
            "wrong-role",
            f"this context is the relay {config.relay.domain}, which runs on this machine",
            where=str(profile.directory),
            hint=f"tw create context NAME, then {_COMMAND}",
        )
    return config


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
) -> tuple[StandardRelay, tuple[str, ...]] | None:
    """At a provider; None when somebody said no."""
    if hint is not None and _stands(args, provider, hint):
        _say(
            "machine",
            f"made before, {', '.join(hint.addresses)}; with credentials, {provider} is asked again",
        )
        return _identity(profile, domain, None), hint.addresses
    driver = driver_of(args, provider)
    found = driver.find(hint.relay_id) if hint is not None else None
    there = found is not None and has_machine(found)
    if hint is not None and args.region not in (None, hint.region):
        if there:
            raise begun_elsewhere(profile, hint)
        _say("machine", f"what was begun in {hint.region} is removed first")
        driver.destroy(hint.relay_id, lambda step: _say("machine", str(step)))
        forget(profile)
        hint = None
    region = hint.region if hint else ""
    plan = ask_plan(args, driver, region=region, ssh_open=_ssh_open(args, profile), there=there)
    if not there:
        show_plan(plan, domain)
        if not args.yes and not confirm("Make it?"):
            return None
    relay = _identity(profile, domain, args.ssh_open)
    addresses = _make(profile, relay, driver, plan)
    if not there:
        note(profile, "machine-made", provider=provider, region=plan.region.name, addresses=list(addresses))
    return relay, addresses


def _stands(args: argparse.Namespace, provider: str, hint: Hint) -> bool:
    """Whether there is nothing to ask the provider for."""
    changes = args.region or args.size or args.ssh_open is not None
    return (
        hint.phase is Phase.MADE
        and bool(hint.addresses)
        and not changes
        and given_credentials(args, provider) is None
    )


def _make(profile: Profile, relay: StandardRelay, driver: Driver, plan: Plan) -> tuple[str, ...]:
    site = relay.first_site()
    with running(profile, _COMMAND):
        addresses = make_machine(
            profile,
            driver,
            plan,
            site.admin_keys[0],
            cloud_init(site),
            lambda step: _say("machine", str(step)),
        )
    _say("address", ", ".join(addresses))
    return addresses


def _own_machine(
    args: argparse.Namespace, profile: Profile, domain: str, hint: Hint | None
) -> tuple[StandardRelay, tuple[str, ...]]:
    addresses = ask_addresses(args.ip, hint.addresses if hint is not None else ())
    relay = _identity(profile, domain, args.ssh_open)
    begin(profile, MANUAL, "")
    enter(profile, Phase.MADE, addresses)
    if hint is None or hint.addresses != addresses:
        note(profile, "machine-made", provider=MANUAL, addresses=list(addresses))
    out = Path(args.out or f"{domain}-install.sh")
    write_file(out, install_script(relay.first_site()))
    print(out)
    _say(
        "machine",
        "copy that file to the machine, which is to be Debian 12 or Ubuntu 24.04, and run it as root:",
    )
    _say("", f"scp {out} root@{addresses[0]}:tw-install.sh && ssh root@{addresses[0]} bash tw-install.sh")
    _say("", "it lets its reader join: remove it when all is done")
    return relay, addresses


def _identity(profile: Profile, domain: str, ssh_open: bool | None) -> StandardRelay:
    new = not profile.config.exists()
    config = make_standard_relay_identity(profile, domain, ssh_open=ssh_open)
    _say("identity", f"{'made' if new else 'found'} in {profile.directory}")
    return StandardRelay(profile, config)


def _ssh_open(args: argparse.Namespace, profile: Profile) -> bool:
    if args.ssh_open is not None:
        return bool(args.ssh_open)
    return profile.config.exists() and load_config(profile.config).relay.ssh_open


# -- what follows ------------------------------------------------------------------------------------------


def _finish(
    args: argparse.Namespace, profile: Profile, relay: StandardRelay, addresses: tuple[str, ...]
) -> int:
    domain = relay.config.relay.domain
    kinds = [("AAAA" if ":" in address else "A", address) for address in addresses]
    for kind, address in kinds:
        _say("dns", f"the record to set:  {domain}.  {kind}  {address}")
    if args.no_wait:
        print(f"next: {_COMMAND}, which waits for the name and the certificate")
        return 0
    asyncio.run(bring_up(relay, addresses, _say))
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
        print(f"  a server on this computer: {_COMMAND} --server ID")
    return 0


def _say(part: str, words: str) -> None:
    print(f"  {part:<10}{words}", file=sys.stderr, flush=True)

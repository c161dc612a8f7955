"""The drivers' promises, against a real account. Costs a few cents, and takes some minutes.

    HCLOUD_TOKEN=...                                     python -m tests.provision.real hetzner --yes
    DIGITALOCEAN_TOKEN=...                               python -m tests.provision.real digitalocean --yes
    AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...      python -m tests.provision.real aws --yes

It makes one relay's resources, dying after each, finds them, opens and closes port 22, and removes
them, dying after each; whatever happens, it removes all of them in the end. Without ``--yes`` it
tries the credentials, shows the plan, and makes nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.provision.doubles.trouble import Killed
from tunnel_whisperer.base.errors import TwError, render
from tunnel_whisperer.base.values import Secret
from tunnel_whisperer.provision.drivers import (
    PROVIDERS,
    Change,
    Credentials,
    Driver,
    Machine,
    Order,
    Plan,
    Step,
    new_relay_id,
    open_driver,
)

__all__ = ["credentials_from", "lifecycle", "main"]

NewDriver = Callable[[], Driver]
Say = Callable[[str], None]

_USER_DATA = "#cloud-config\nruncmd:\n- [touch, /root/tw-was-here]\n"


def credentials_from(provider: str, environ: Mapping[str, str]) -> Credentials | None:
    """Those in the environment, where the provider's own tools look for them; None without."""
    names = PROVIDERS[provider].variables
    values = [environ.get(name, "") for name in names]
    if not all(values[:2]):
        return None
    secret, key_id, session = (*values, "", "")[:3]
    return Credentials(Secret(secret), key_id, Secret(session) if session else None)


class _DiesAfter:
    """Tells the steps, and dies after the first one of its kind."""

    def __init__(self, change: Change, say: Say) -> None:
        self._change = change
        self._say = say

    def __call__(self, step: Step) -> None:
        self._say(f"  {step}")
        if step.change is self._change:
            raise Killed


def _until_done(run: Callable[[_DiesAfter], object], change: Change, say: Say) -> int:
    """Run it again and again until it no longer dies; returns how often it did."""
    for deaths in range(20):
        try:
            run(_DiesAfter(change, say))
        except Killed:
            say("  (died here)")
        else:
            return deaths
    raise AssertionError("it never came to its end")


def lifecycle(new: NewDriver, plan: Plan, say: Say) -> None:
    """One relay, from nothing to nothing.

    Raises:
        AssertionError: a promise was not kept.
        TwError: as the provider had it.
    """
    key = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    order = Order(new_relay_id(), plan, f"{key.decode()} tw-test", _USER_DATA)
    say(f"relay {order.relay_id}: made, dying after each step")
    try:
        made = _until_done(lambda tell: new().ensure(order, tell), Change.MADE, say)
        machine = _again(new, order, say)
        say(f"{machine.name} runs at {machine.ipv4} {machine.ipv6}")
        found = new().find(order.relay_id)
        kinds = [resource.kind for resource in found]
        assert len(kinds) == len(set(kinds)) == made, f"not one of each: {found}"
        assert found in new().find_all(), "not found among all"
        for ssh_open in (True, False):
            new().set_ssh(order.relay_id, ssh_open=ssh_open)
        say("port 22 opened and closed; removed, dying after each step")
        removed = _until_done(lambda tell: new().destroy(order.relay_id, tell), Change.REMOVED, say)
        assert removed == made, f"{removed} of {made} were removed"
        assert not new().find(order.relay_id)
    finally:
        left = new().destroy(order.relay_id, lambda step: say(f"  {step}"))
        say(f"removed in the end: {', '.join(map(str, left)) or 'nothing was left'}")


def _again(new: NewDriver, order: Order, say: Say) -> Machine:
    """Once more, and once more: nothing new is made."""
    steps: list[Step] = []
    first = new().ensure(order, steps.append)
    assert new().ensure(order, steps.append) == first
    assert Change.MADE not in {step.change for step in steps}, steps
    say("found again, twice, and nothing new was made")
    return first


def main(
    argv: Sequence[str], environ: Mapping[str, str] = os.environ, open_it: Callable[..., Driver] = open_driver
) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.provision.real", description=__doc__)
    parser.add_argument("provider", choices=sorted(PROVIDERS))
    parser.add_argument("--region", default="")
    parser.add_argument("--size", default="")
    parser.add_argument("--yes", action="store_true", help="make and remove a real machine")
    args = parser.parse_args(argv)
    credentials = credentials_from(args.provider, environ)
    if credentials is None:
        print(f"not run: set {' and '.join(PROVIDERS[args.provider].variables[:2])}", file=sys.stderr)
        return 2
    try:
        driver = open_it(args.provider, credentials)
        print(f"credentials of {driver.check().name}")
        plan = driver.plan(args.region, args.size)
        print(f"plan: {plan.size}, {plan.image_title}, in {plan.region.title}", *plan.notes, sep="\n  ")
        if not args.yes:
            print("nothing made: run it with --yes", file=sys.stderr)
            return 2
        lifecycle(lambda: open_it(args.provider, credentials), plan, print)
    except TwError as exc:
        print(render(exc), file=sys.stderr)
        return exc.exit_status
    print("all promises kept")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

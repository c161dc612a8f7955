"""Machines at Hetzner Cloud, by its own SDK (the extra ``hetzner``).

Names are unique in a project, so a name is a second guard besides the label: whoever makes the same
thing twice is told ``uniqueness_error``, and looks it up. For the same reason it does no harm that
the SDK itself repeats requests that timed out, POST too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from hcloud import Client
from hcloud.actions import BoundAction
from hcloud.firewalls import BoundFirewall, FirewallResource, FirewallRule
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import BoundServerType, ServerType
from hcloud.servers import BoundServer
from hcloud.ssh_keys import BoundSSHKey

from ...base.errors import TwError
from ...base.limits import (
    CLOUD_CALL_TIMEOUT_S,
    CLOUD_CONNECT_TIMEOUT_S,
    CLOUD_GONE_TIMEOUT_S,
    CLOUD_READY_TIMEOUT_S,
    HETZNER_USER_DATA_BYTES,
)
from . import words
from .credentials import Credentials
from .driver import (
    MANAGED_BY,
    OURS,
    RELAY,
    Account,
    Change,
    Found,
    Machine,
    Order,
    Plan,
    Price,
    Region,
    Resource,
    Size,
    Step,
    Tell,
    check_relay_id,
    name_of,
    open_ports,
)
from .hetzner_calls import HERE, call, fault, list_all
from .patience import Clock, wait_for
from .words import Gone, Taken

__all__ = ["HetznerDriver"]

One = TypeVar("One", BoundServer, BoundFirewall, BoundSSHKey)

_IMAGES = (("ubuntu-24.04", "Ubuntu 24.04"), ("debian-12", "Debian 12"))
"""What the install script knows, the best first."""

_LEAST_MEMORY_GB = 1
"""Caddy, Xray and sshd take 200 MB, an unattended upgrade 400 MB more."""

_EVERYWHERE = ["0.0.0.0/0", "::/0"]


def _labels(relay_id: str) -> dict[str, str]:
    return {MANAGED_BY: OURS, RELAY: relay_id}


def _selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _rules(*, ssh_open: bool) -> list[FirewallRule]:
    return [
        FirewallRule(direction="in", protocol="tcp", port=str(port), source_ips=_EVERYWHERE)
        for port in open_ports(ssh_open=ssh_open)
    ]


def _same(rules: Sequence[FirewallRule] | None, wanted: Sequence[FirewallRule]) -> bool:
    def shape(rule: FirewallRule) -> tuple[object, ...]:
        return (rule.direction, rule.protocol, rule.port, sorted(rule.source_ips or []))

    return sorted(map(shape, rules or []), key=str) == sorted(map(shape, wanted), key=str)


def _key_blob(public_key: str | None) -> list[str]:
    return (public_key or "").split()[:2]


def _size(kind: BoundServerType, region: str) -> Size:
    price = next(
        (Decimal(row["price_monthly"]["net"]) for row in kind.prices or [] if row["location"] == region), None
    )
    return Size(
        name=str(kind.name),
        cores=int(kind.cores or 0),
        memory_mb=int(float(kind.memory or 0) * 1024),
        disk_gb=int(kind.disk or 0),
        monthly=None if price is None else Price(price, "EUR"),
    )


def _fits(kind: BoundServerType, region: str) -> bool:
    """Shared x86, to be had in the region now, and not announced to go away there."""
    return (
        kind.architecture == "x86"
        and kind.cpu_type == "shared"
        and float(kind.memory or 0) >= _LEAST_MEMORY_GB
        and any(
            row.location.name == region and row.available is not False and row.deprecation is None
            for row in kind.locations or []
        )
    )


class HetznerDriver:
    """See ``Driver``.

    Args:
        credentials: the token of a project, Read & Write.
    """

    provider = HERE

    def __init__(self, credentials: Credentials, clock: Clock = Clock()) -> None:  # noqa: B008 - frozen
        timeout = (CLOUD_CONNECT_TIMEOUT_S, CLOUD_CALL_TIMEOUT_S)
        self._api = Client(
            token=credentials.secret.reveal(), application_name="tunnel-whisperer", timeout=timeout
        )
        self._clock = clock

    def check(self) -> Account:
        """The token reads, and it writes: it tries to add a key that is none."""
        servers, meta = call("read the servers", self._api.servers.get_list, page=1, per_page=1)
        try:
            key = call("try to write", self._api.ssh_keys.create, name="tw-check", public_key="no key")
        except (Taken, Gone):
            pass
        except TwError as exc:
            if exc.code != "cloud-refused":
                raise
        else:  # not as documented; it must not stay
            call("remove the trial", self._api.ssh_keys.delete, key)
        there = meta.pagination.total_entries if meta.pagination else len(servers)
        return Account(f"the token's project, with {there} server{'s' * (there != 1)}")

    def regions(self) -> tuple[Region, ...]:
        """Locations in which there is a size for us."""
        usable = {
            row.location.name
            for kind in self._kinds()
            for row in kind.locations or []
            if _fits(kind, str(row.location.name))
        }
        there = list_all("list the locations", self._api.locations.get_list)
        return tuple(
            Region(str(place.name), f"{place.city}, {place.country}")
            for place in there
            if place.name in usable
        )

    def sizes(self, region: str) -> tuple[Size, ...]:
        """Current shared x86 types, the cheapest first."""
        words.pick_region(HERE, self.regions(), region)
        sizes = [_size(kind, region) for kind in self._kinds() if _fits(kind, region)]
        return tuple(
            sorted(
                sizes,
                key=lambda size: (
                    size.monthly.amount if size.monthly else Decimal("Infinity"),
                    size.memory_mb,
                    size.name,
                ),
            )
        )

    def plan(self, region: str = "", size: str = "", *, ssh_open: bool = False) -> Plan:
        """The first location and its cheapest type, unless named."""
        place = words.pick_region(HERE, self.regions(), region)
        kind = words.pick_size(HERE, self.sizes(place.name), size, place.name)
        image, title = self._image()
        note = (
            "the price is without tax; the public IPv4 address and traffic above the included one are extra"
        )
        return Plan(HERE, place, kind, image, title, ssh_open, (note,))

    def ensure(self, order: Order, tell: Tell) -> Machine:
        """Key, firewall, server with both."""
        words.check_user_data(HERE, order.user_data.encode(), HETZNER_USER_DATA_BYTES)
        self._refuse_strangers(order)
        key = self._ensure_key(order, tell)
        firewall = self._ensure_firewall(order, tell)
        server = self._ensure_server(order, key, firewall, tell)
        tell(Step("server", Change.WAITING, "until it runs and has an address"))
        machine = self._ready(server)
        tell(Step("server", Change.READY, machine.ipv4))
        return machine

    def set_ssh(self, relay_id: str, *, ssh_open: bool) -> None:
        """Replaces the rules of the firewall."""
        firewalls = self._firewalls(_labels(check_relay_id(relay_id)))
        if not firewalls:
            raise words.no_firewall(HERE, relay_id)
        for firewall in firewalls:
            self._set_rules(firewall, ssh_open=ssh_open)

    def find(self, relay_id: str) -> Found:
        """By both labels."""
        return Found(relay_id, self._resources(_labels(check_relay_id(relay_id))).get(relay_id, ()))

    def find_all(self) -> tuple[Found, ...]:
        """By the label that all have."""
        return tuple(Found(*entry) for entry in sorted(self._resources({MANAGED_BY: OURS}).items()))

    def destroy(self, relay_id: str, tell: Tell) -> Found:
        """Server, and when it is gone, what it used."""
        labels = _labels(check_relay_id(relay_id))
        before = self.find(relay_id)
        for server in self._servers(labels):
            self._remove("server", server, self._api.servers.delete, tell)
        for firewall in self._firewalls(labels):
            self._remove("firewall", firewall, self._api.firewalls.delete, tell)
        for key in self._keys(labels):
            self._remove("ssh key", key, self._api.ssh_keys.delete, tell)
        if left := self.find(relay_id):
            raise words.still_there(HERE, left)
        return before

    # -- what there is ---------------------------------------------------------------------------

    def _kinds(self) -> list[BoundServerType]:
        return list_all("list the server types", self._api.server_types.get_list)

    def _image(self) -> tuple[str, str]:
        for name, title in _IMAGES:
            found = list_all(
                "look up the image",
                self._api.images.get_list,
                name=name,
                architecture=["x86"],
                type=["system"],
            )
            if any(image.status == "available" for image in found):  # deprecated ones are not listed
                return name, title
        raise words.no_capacity(HERE, "look up the image", "neither Ubuntu 24.04 nor Debian 12 is offered")

    def _servers(self, labels: Mapping[str, str]) -> list[BoundServer]:
        return list_all("look for the server", self._api.servers.get_list, label_selector=_selector(labels))

    def _firewalls(self, labels: Mapping[str, str]) -> list[BoundFirewall]:
        return list_all(
            "look for the firewall", self._api.firewalls.get_list, label_selector=_selector(labels)
        )

    def _keys(self, labels: Mapping[str, str]) -> list[BoundSSHKey]:
        return list_all("look for the SSH key", self._api.ssh_keys.get_list, label_selector=_selector(labels))

    def _resources(self, labels: Mapping[str, str]) -> dict[str, tuple[Resource, ...]]:
        found: dict[str, tuple[Resource, ...]] = {}

        def add(tags: Mapping[str, str] | None, resource: Resource) -> None:
            relay_id = (tags or {}).get(RELAY, "")
            found[relay_id] = (*found.get(relay_id, ()), resource)

        for server in self._servers(labels):
            add(server.labels, _resource("server", server, _place(server)))
        for firewall in self._firewalls(labels):
            add(firewall.labels, _resource("firewall", firewall))
        for key in self._keys(labels):
            add(key.labels, _resource("ssh key", key))
        return found

    def _refuse_strangers(self, order: Order) -> None:
        """Nothing is made before all names are known to be free or ours, and the region to be right."""
        name, wanted = name_of(order.relay_id), _labels(order.relay_id).items()
        named: list[tuple[str, Any]] = [
            ("server", one) for one in list_all("look for the name", self._api.servers.get_list, name=name)
        ]
        named += [
            ("firewall", one)
            for one in list_all("look for the name", self._api.firewalls.get_list, name=name)
        ]
        named += [
            ("ssh key", one) for one in list_all("look for the name", self._api.ssh_keys.get_list, name=name)
        ]
        for kind, one in named:
            if not wanted <= (one.labels or {}).items():
                raise words.clash(HERE, _resource(kind, one))
        for server in self._servers(_labels(order.relay_id)):
            if _place(server) != order.plan.region.name:
                raise words.elsewhere(
                    HERE, _resource("server", server, _place(server)), order.plan.region.name
                )

    # -- what is made ----------------------------------------------------------------------------

    def _ensure_key(self, order: Order, tell: Tell) -> BoundSSHKey:
        for key in self._keys(_labels(order.relay_id)):
            if _key_blob(key.public_key) == _key_blob(order.ssh_public_key):
                tell(Step("ssh key", Change.FOUND, str(key.name)))
                return key
            self._remove("ssh key", key, self._api.ssh_keys.delete, tell)
        name, labels = name_of(order.relay_id), _labels(order.relay_id)
        tell(Step("ssh key", Change.MAKING, name))
        try:
            key = call(
                "add the SSH key",
                self._api.ssh_keys.create,
                name=name,
                public_key=order.ssh_public_key,
                labels=labels,
            )
        except Taken as exc:
            # A key is in a project once, whatever its name: the admin's own may be there.
            for key in list_all("look for the SSH key", self._api.ssh_keys.get_list):
                if _key_blob(key.public_key) == _key_blob(order.ssh_public_key):
                    tell(Step("ssh key", Change.FOUND, str(key.name)))
                    return key
            raise words.other_refusal(HERE, "add the SSH key", exc) from exc
        tell(Step("ssh key", Change.MADE, name))
        return key

    def _ensure_firewall(self, order: Order, tell: Tell) -> BoundFirewall:
        name, labels = name_of(order.relay_id), _labels(order.relay_id)
        for firewall in self._firewalls(labels):
            changed = self._set_rules(firewall, ssh_open=order.plan.ssh_open)
            tell(Step("firewall", Change.CHANGED if changed else Change.FOUND, name))
            return firewall
        ports = open_ports(ssh_open=order.plan.ssh_open)
        tell(Step("firewall", Change.MAKING, f"{name}, ports {', '.join(map(str, ports))}"))
        rules = _rules(ssh_open=order.plan.ssh_open)
        try:
            made = call(
                "make the firewall",
                self._api.firewalls.create,
                name=name,
                rules=rules,
                labels=labels,  # type: ignore[arg-type]  # the SDK says str; its API takes a mapping
            )
        except Taken as exc:  # an attempt of ours that the SDK repeated
            for firewall in self._firewalls(labels):
                tell(Step("firewall", Change.FOUND, name))
                return firewall
            raise words.other_refusal(HERE, "make the firewall", exc) from exc
        tell(Step("firewall", Change.MADE, name))
        return made.firewall

    def _set_rules(self, firewall: BoundFirewall, *, ssh_open: bool) -> bool:
        wanted = _rules(ssh_open=ssh_open)
        if _same(firewall.rules, wanted):
            return False
        for action in call("change the firewall", self._api.firewalls.set_rules, firewall, wanted):
            self._finish("change the firewall", action)
        return True

    def _ensure_server(
        self, order: Order, key: BoundSSHKey, firewall: BoundFirewall, tell: Tell
    ) -> BoundServer:
        name, labels = name_of(order.relay_id), _labels(order.relay_id)
        for server in self._servers(labels):
            tell(Step("server", Change.FOUND, name))
            self._guard(server, firewall, tell)
            return server
        tell(Step("server", Change.MAKING, f"{name}, {order.plan.size.name} in {order.plan.region.name}"))
        try:
            made = call(
                "make the server",
                self._api.servers.create,
                name=name,
                server_type=ServerType(name=order.plan.size.name),
                image=Image(name=order.plan.image),
                location=Location(name=order.plan.region.name),
                ssh_keys=[key],
                firewalls=[firewall],
                user_data=order.user_data,
                labels=labels,
            )
        except Taken as exc:  # an attempt of ours that the SDK repeated
            for server in self._servers(labels):
                tell(Step("server", Change.FOUND, name))
                return server
            raise words.other_refusal(HERE, "make the server", exc) from exc
        tell(Step("server", Change.MADE, name))
        try:
            self._finish("make the server", made.action)
        except TwError as exc:
            if exc.code != "timeout":  # it never ran, and would be paid for
                self._remove("server", made.server, self._api.servers.delete, tell)
            raise
        return made.server

    def _guard(self, server: BoundServer, firewall: BoundFirewall, tell: Tell) -> None:
        """A server that was there is behind the firewall, which somebody may have removed."""
        behind = server.public_net.firewalls if server.public_net else []
        if any(one.firewall.id == firewall.id for one in behind or []):
            return
        place = [FirewallResource(type=FirewallResource.TYPE_SERVER, server=server)]
        for action in call("attach the firewall", self._api.firewalls.apply_to_resources, firewall, place):
            self._finish("attach the firewall", action)
        tell(Step("firewall", Change.CHANGED, f"attached to {server.name}"))

    # -- waiting ---------------------------------------------------------------------------------

    def _finish(self, doing: str, action: BoundAction) -> None:
        """Wait for the end of an action; raises its failure."""

        def look() -> BoundAction | None:
            seen = call(doing, self._api.actions.get_by_id, action.id or 0)
            return None if seen.status == "running" else seen

        end = wait_for(look, self._clock, CLOUD_READY_TIMEOUT_S, f"{doing}: it did not end")
        if end.status != "success":
            error = end.error or {"code": "action_failed", "message": "it failed", "details": {}}
            raise fault(doing, error["code"], error["message"])

    def _ready(self, server: BoundServer) -> Machine:
        def look() -> Machine | None:
            seen = call("wait for the server", self._api.servers.get_by_id, server.id or 0)
            net = seen.public_net
            if seen.status != "running" or net is None or net.ipv4 is None or not net.ipv4.ip:
                return None
            return Machine(
                id=str(seen.id),
                name=str(seen.name),
                region=_place(seen),
                size=str(seen.server_type.name) if seen.server_type else "",
                ipv4=str(net.ipv4.ip),
                ipv6=str(net.ipv6.ip).split("/")[0] + "1" if net.ipv6 is not None and net.ipv6.ip else "",
            )

        return wait_for(look, self._clock, CLOUD_READY_TIMEOUT_S, "the server did not run")

    def _remove(self, kind: str, one: One, delete: Callable[[One], object], tell: Tell) -> None:
        """Delete one thing, again and again while it is in use."""
        doing, name = f"remove the {kind}", str(one.name)
        last: list[TwError] = []

        def look() -> bool | None:
            try:
                action = call(doing, delete, one)
            except Gone:
                return True
            except TwError as exc:
                if exc.code != "cloud-busy":
                    raise
                last[:] = [exc]
                return None
            if isinstance(action, BoundAction):
                self._finish(doing, action)
            return True

        tell(Step(kind, Change.REMOVING, name))
        wait_for(look, self._clock, CLOUD_GONE_TIMEOUT_S, lambda: last[0])
        tell(Step(kind, Change.REMOVED, name))


def _place(server: BoundServer) -> str:
    return "" if server.location is None else str(server.location.name)


def _resource(kind: str, one: BoundServer | BoundFirewall | BoundSSHKey, region: str = "") -> Resource:
    return Resource(kind, str(one.id), str(one.name), region)

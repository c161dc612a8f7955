"""Machines at DigitalOcean.

What belongs to a relay carries its tag. The tag is made first and removed last, so that nothing is
ever without it; the firewall is of the tag, and so covers a droplet from its first moment. SSH keys
cannot be tagged: one with our name is ours when our tag is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from ...base.errors import Refused
from ...base.limits import CLOUD_GONE_TIMEOUT_S, CLOUD_READY_TIMEOUT_S, DIGITALOCEAN_USER_DATA_BYTES
from . import words
from .credentials import Credentials
from .digitalocean_api import HERE, Api, Invalid, Row
from .driver import (
    OURS,
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
from .patience import Clock, wait_for
from .words import Gone, Taken

__all__ = ["SCOPES", "DigitalOceanDriver"]

SCOPES = (
    "account:read",
    "droplet:create",
    "droplet:delete",
    "droplet:read",
    "firewall:create",
    "firewall:delete",
    "firewall:read",
    "firewall:update",
    "image:read",
    "regions:read",
    "sizes:read",
    "ssh_key:create",
    "ssh_key:delete",
    "ssh_key:read",
    "tag:create",
    "tag:delete",
    "tag:read",
)
"""What a token with custom scopes needs; as docs/topics/providers.md says."""

_IMAGES = (("ubuntu-24-04-x64", "Ubuntu 24.04"), ("debian-12-x64", "Debian 12"))
"""What the install script knows, the best first."""

_LEAST_MEMORY_MB = 1024
"""Caddy, Xray and sshd take 200 MB, an unattended upgrade 400 MB more."""

_EVERYWHERE = ["0.0.0.0/0", "::/0"]

_OUTBOUND = [
    {"protocol": protocol, "ports": "0", "destinations": {"addresses": _EVERYWHERE}}
    for protocol in ("tcp", "udp", "icmp")
]
"""All ports, which is "0"; without these, their firewall lets nothing out."""

_TAG_PREFIX = f"{OURS}:"

_NOBODYS_ID = 1
"""The first droplet that there ever was, which is not in this account."""

_NOBODYS_FINGERPRINT = ":".join(["00"] * 16)

_NOBODYS_UUID = "00000000-0000-0000-0000-000000000000"


def _tag(relay_id: str) -> str:
    return f"{_TAG_PREFIX}{relay_id}"


def _inbound(*, ssh_open: bool) -> list[dict[str, object]]:
    return [
        {"protocol": "tcp", "ports": str(port), "sources": {"addresses": _EVERYWHERE}}
        for port in open_ports(ssh_open=ssh_open)
    ]


def _firewall(relay_id: str, *, ssh_open: bool) -> dict[str, object]:
    return {
        "name": name_of(relay_id),
        "inbound_rules": _inbound(ssh_open=ssh_open),
        "outbound_rules": _OUTBOUND,
        "tags": [_tag(relay_id)],
    }


def _opens(firewall: Row) -> list[tuple[str, str, list[str]]]:
    return sorted(
        (rule.text("protocol"), rule.text("ports"), sorted(rule.row("sources").texts("addresses")))
        for rule in firewall.rows("inbound_rules")
    )


def _key_blob(public_key: str) -> list[str]:
    return public_key.split()[:2]


@dataclass(frozen=True, slots=True)
class _Trial:
    """A call that cannot succeed, by whose refusal it is seen whether it would be allowed."""

    scope: str
    path: str
    body: dict[str, object] | None = None
    """None: a DELETE of what is not there."""


_TRIALS = (
    _Trial(
        "droplet:create",
        "/v2/droplets",
        {"name": "tw-check", "region": "nyc3", "size": "no-size", "image": "no-image"},
    ),
    _Trial("ssh_key:create", "/v2/account/keys", {"name": "tw-check", "public_key": "no key"}),
    _Trial("droplet:delete", f"/v2/droplets/{_NOBODYS_ID}"),
    _Trial("firewall:delete", f"/v2/firewalls/{_NOBODYS_UUID}"),
    _Trial("ssh_key:delete", f"/v2/account/keys/{_NOBODYS_FINGERPRINT}"),
    _Trial("tag:delete", "/v2/tags/tunnel-whisperer:check"),
)


class DigitalOceanDriver:
    """See ``Driver``.

    Args:
        credentials: a personal access token, with full access or ``SCOPES``.
        transport: in place of the network.
    """

    provider = HERE

    def __init__(
        self,
        credentials: Credentials,
        clock: Clock = Clock(),  # noqa: B008 - frozen
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._api = Api(credentials.secret, clock, transport)
        self._clock = clock

    def check(self) -> Account:
        """The account, and a trial of each right; firewalls and tags are made before anything that costs."""
        account = self._api.get("read the account", "account:read", "/v2/account").row("account")
        if account.text("status") == "locked":
            raise Refused(
                "cloud-refused", f"the account is locked: {account.text('status_message')}", where=HERE
            )
        for kind, path in (
            ("droplet", "droplets"),
            ("firewall", "firewalls"),
            ("ssh_key", "account/keys"),
            ("tag", "tags"),
        ):
            self._api.get(f"try {kind}:read", f"{kind}:read", f"/v2/{path}", {"per_page": 1})
        for trial in _TRIALS:
            self._try(trial)
        return Account(account.text("email"))

    def regions(self) -> tuple[Region, ...]:
        """Regions that take user data and have a size for us."""
        usable = {name for row in self._size_rows() for name in row.texts("regions")}
        rows = self._api.rows("list the regions", "regions:read", "/v2/regions", "regions")
        return tuple(
            Region(row.text("slug"), row.text("name"))
            for row in rows
            if row.flag("available") and row.text("slug") in usable and "metadata" in row.texts("features")
        )

    def sizes(self, region: str) -> tuple[Size, ...]:
        """Available sizes, the cheapest first."""
        words.pick_region(HERE, self.regions(), region)
        sizes = [
            Size(
                name=row.text("slug"),
                cores=row.number("vcpus"),
                memory_mb=row.number("memory"),
                disk_gb=row.number("disk"),
                monthly=Price(row.amount("price_monthly"), "USD"),
            )
            for row in self._size_rows()
            if region in row.texts("regions")
        ]
        return tuple(
            sorted(
                sizes,
                key=lambda size: (size.monthly.amount if size.monthly else 0, size.memory_mb, size.name),
            )
        )

    def plan(self, region: str = "", size: str = "", *, ssh_open: bool = False) -> Plan:
        """The first region and its cheapest size, unless named; when the account may have one more."""
        self._check_limit("plan the droplet")
        place = words.pick_region(HERE, self.regions(), region)
        kind = words.pick_size(HERE, self.sizes(place.name), size, place.name)
        image, title = self._image()
        return Plan(
            HERE,
            place,
            kind,
            image,
            title,
            ssh_open,
            ("the price is without tax and without traffic above the included one",),
        )

    def ensure(self, order: Order, tell: Tell) -> Machine:
        """Tag, firewall of the tag, key, droplet."""
        words.check_user_data(HERE, order.user_data.encode(), DIGITALOCEAN_USER_DATA_BYTES)
        self._refuse_strangers(order)
        self._ensure_tag(order, tell)
        self._ensure_firewall(order, tell)
        key = self._ensure_key(order, tell)
        droplet = self._ensure_droplet(order, key, tell)
        tell(Step("droplet", Change.WAITING, "until it runs and has an address"))
        machine = self._ready(droplet.number("id"))
        tell(Step("droplet", Change.READY, machine.ipv4))
        return machine

    def set_ssh(self, relay_id: str, *, ssh_open: bool) -> None:
        """Replaces the rules of the firewall."""
        firewalls = self._firewalls(check_relay_id(relay_id))
        if not firewalls:
            raise words.no_firewall(HERE, relay_id)
        for firewall in firewalls:
            self._set_rules(firewall, relay_id, ssh_open=ssh_open)

    def find(self, relay_id: str) -> Found:
        """By the tag; without it there is nothing of ours."""
        try:
            self._api.get("look for the tag", "tag:read", f"/v2/tags/{_tag(check_relay_id(relay_id))}")
        except Gone:
            return Found(relay_id, ())
        return Found(
            relay_id,
            (
                *map(_droplet_resource, self._droplets(relay_id)),
                *(
                    Resource("firewall", row.text("id"), row.text("name"))
                    for row in self._firewalls(relay_id)
                ),
                *(
                    Resource("ssh key", row.text("fingerprint"), row.text("name"))
                    for row in self._named_keys(relay_id)
                ),
                Resource("tag", _tag(relay_id), _tag(relay_id)),
            ),
        )

    def find_all(self) -> tuple[Found, ...]:
        """By the tags that begin as ours do."""
        tags = sorted(
            row.text("name") for row in self._api.rows("list the tags", "tag:read", "/v2/tags", "tags")
        )
        return tuple(self.find(tag.removeprefix(_TAG_PREFIX)) for tag in tags if tag.startswith(_TAG_PREFIX))

    def destroy(self, relay_id: str, tell: Tell) -> Found:
        """Droplet, and when it is gone, what it used; the tag when nothing else is left to have it."""
        before = self.find(relay_id)
        for resource in before:
            if resource.kind == "tag":
                left = [other for other in self.find(relay_id) if other.kind != "tag"]
                if left:
                    raise words.still_there(HERE, Found(relay_id, tuple(left)))
            self._remove(relay_id, resource, tell)
        if remains := self.find(relay_id):
            raise words.still_there(HERE, remains)
        return before

    def _remove(self, relay_id: str, resource: Resource, tell: Tell) -> None:
        kind, paths = resource.kind, {"droplet": "droplets", "firewall": "firewalls", "tag": "tags"}
        path = f"/v2/{paths.get(kind, 'account/keys')}/{resource.id}"
        tell(Step(kind, Change.REMOVING, resource.name))
        self._api.delete(f"remove the {kind}", f"{kind.replace(' ', '_')}:delete", path)
        if kind == "droplet":
            self._wait_gone(relay_id, resource)
        tell(Step(kind, Change.REMOVED, resource.name))

    # -- what there is ---------------------------------------------------------------------------

    def _size_rows(self) -> list[Row]:
        rows = self._api.rows("list the sizes", "sizes:read or regions:read", "/v2/sizes", "sizes")
        return [
            row
            for row in rows
            if row.flag("available")
            and row.number("memory") >= _LEAST_MEMORY_MB
            and not row.fields.get("gpu_info")
        ]

    def _image(self) -> tuple[str, str]:
        for name, title in _IMAGES:
            try:
                row = self._api.get("look up the image", "image:read", f"/v2/images/{name}").row("image")
            except Gone:
                continue
            if row.text("status") == "available":
                return name, title
        raise words.no_capacity(HERE, "look up the image", "neither Ubuntu 24.04 nor Debian 12 is offered")

    def _droplets(self, relay_id: str) -> list[Row]:
        """The oldest first: names are not unique."""
        rows = self._api.rows(
            "look for the droplet", "droplet:read", "/v2/droplets", "droplets", {"tag_name": _tag(relay_id)}
        )
        return sorted(rows, key=lambda row: (row.text("created_at"), row.number("id")))

    def _all_firewalls(self) -> list[Row]:
        return list(self._api.rows("look for the firewall", "firewall:read", "/v2/firewalls", "firewalls"))

    def _firewalls(self, relay_id: str) -> list[Row]:
        return [row for row in self._all_firewalls() if _tag(relay_id) in row.texts("tags")]

    def _keys(self) -> list[Row]:
        return list(self._api.rows("look for the SSH key", "ssh_key:read", "/v2/account/keys", "ssh_keys"))

    def _named_keys(self, relay_id: str) -> list[Row]:
        return [row for row in self._keys() if row.text("name") == name_of(relay_id)]

    def _refuse_strangers(self, order: Order) -> None:
        """Nothing is made before all names are known to be free or ours, and the region to be right."""
        relay_id, name = order.relay_id, name_of(order.relay_id)
        ours = self.find(relay_id)
        known = {resource.id for resource in ours}
        rows = self._api.rows("look for the name", "droplet:read", "/v2/droplets", "droplets", {"name": name})
        strangers = [_droplet_resource(row) for row in rows]
        strangers += [
            Resource("firewall", row.text("id"), name)
            for row in self._all_firewalls()
            if row.text("name") == name
        ]
        strangers += [
            Resource("ssh key", row.text("fingerprint"), name)
            for row in self._named_keys(relay_id)
            if _key_blob(row.text("public_key")) != _key_blob(order.ssh_public_key)
        ]
        for resource in strangers:
            if resource.id not in known:
                raise words.clash(HERE, resource)
        for resource in ours:
            if resource.kind == "droplet" and resource.region != order.plan.region.name:
                raise words.elsewhere(HERE, resource, order.plan.region.name)

    def _check_limit(self, doing: str) -> None:
        """Whether the account may have one more droplet: refused for it, a droplet is just "invalid"."""
        limit = self._api.get(doing, "account:read", "/v2/account").row("account").number("droplet_limit")
        there = (
            self._api.get(doing, "droplet:read", "/v2/droplets", {"per_page": 1}).row("meta").number("total")
        )
        if there >= limit:
            hint = "remove what is not needed any more, or ask for more: cloud.digitalocean.com, Settings"
            raise words.limit_reached(HERE, doing, f"{there} of {limit} droplets", hint)

    # -- what is made ----------------------------------------------------------------------------

    def _try(self, trial: _Trial) -> None:
        doing = f"try {trial.scope}"
        if trial.body is None:
            self._api.delete(doing, trial.scope, trial.path)
            return
        try:
            made = self._api.post(doing, trial.scope, trial.path, trial.body)
        except (Invalid, Gone, Taken):
            return
        if "ssh_key" in made.fields:  # not as documented; it must not stay
            key = made.row("ssh_key").text("fingerprint")
            self._api.delete(doing, trial.scope, f"{trial.path}/{key}")

    def _ensure_tag(self, order: Order, tell: Tell) -> None:
        tag = _tag(order.relay_id)
        if any(resource.kind == "tag" for resource in self.find(order.relay_id)):
            tell(Step("tag", Change.FOUND, tag))
            return
        tell(Step("tag", Change.MAKING, tag))
        self._api.post("make the tag", "tag:create", "/v2/tags", {"name": tag})
        tell(Step("tag", Change.MADE, tag))

    def _ensure_firewall(self, order: Order, tell: Tell) -> None:
        name, ssh_open = name_of(order.relay_id), order.plan.ssh_open
        if self._adjusted_firewalls(order, tell):
            return
        ports = ", ".join(map(str, open_ports(ssh_open=ssh_open)))
        tell(Step("firewall", Change.MAKING, f"{name}, ports {ports}"))
        body = _firewall(order.relay_id, ssh_open=ssh_open)
        try:
            self._api.post("make the firewall", "firewall:create", "/v2/firewalls", body)
        except Taken:  # another run of ours made it just now
            if self._adjusted_firewalls(order, tell):
                return
            raise
        tell(Step("firewall", Change.MADE, name))

    def _adjusted_firewalls(self, order: Order, tell: Tell) -> bool:
        """Whether there is one; it opens what it should."""
        there = self._firewalls(order.relay_id)
        for firewall in there:
            changed = self._set_rules(firewall, order.relay_id, ssh_open=order.plan.ssh_open)
            tell(Step("firewall", Change.CHANGED if changed else Change.FOUND, firewall.text("name")))
        return bool(there)

    def _set_rules(self, firewall: Row, relay_id: str, *, ssh_open: bool) -> bool:
        wanted = [("tcp", str(port), sorted(_EVERYWHERE)) for port in open_ports(ssh_open=ssh_open)]
        if _opens(firewall) == sorted(wanted):
            return False
        path, body = f"/v2/firewalls/{firewall.text('id')}", _firewall(relay_id, ssh_open=ssh_open)
        self._api.put("change the firewall", "firewall:update", path, body)
        return True

    def _ensure_key(self, order: Order, tell: Tell) -> int:
        """The key's id; the admin's own may be in the account under another name."""
        name = name_of(order.relay_id)
        if there := self._same_key(order, tell):
            return there
        for key in self._named_keys(order.relay_id):
            tell(Step("ssh key", Change.REMOVING, f"{name}, another one"))
            self._api.delete(
                "remove the SSH key", "ssh_key:delete", f"/v2/account/keys/{key.text('fingerprint')}"
            )
            tell(Step("ssh key", Change.REMOVED, name))
        tell(Step("ssh key", Change.MAKING, name))
        body = {"name": name, "public_key": order.ssh_public_key}
        try:
            made = self._api.post("add the SSH key", "ssh_key:create", "/v2/account/keys", body)
        except Invalid:  # also when another run of ours added it just now
            if there := self._same_key(order, tell):
                return there
            raise
        tell(Step("ssh key", Change.MADE, name))
        return made.row("ssh_key").number("id")

    def _same_key(self, order: Order, tell: Tell) -> int | None:
        for key in self._keys():
            if _key_blob(key.text("public_key")) == _key_blob(order.ssh_public_key):
                tell(Step("ssh key", Change.FOUND, key.text("name")))
                return key.number("id")
        return None

    def _ensure_droplet(self, order: Order, key: int, tell: Tell) -> Row:
        name, doing = name_of(order.relay_id), "make the droplet"
        if there := self._droplets(order.relay_id):
            tell(Step("droplet", Change.FOUND, name))
            return self._only(order.relay_id, there, tell)
        body = {
            "name": name,
            "region": order.plan.region.name,
            "size": order.plan.size.name,
            "image": order.plan.image,
            "ssh_keys": [key],
            "tags": [_tag(order.relay_id)],
            "user_data": order.user_data,
            "ipv6": True,
        }
        tell(Step("droplet", Change.MAKING, f"{name}, {order.plan.size.name} in {order.plan.region.name}"))
        try:
            made = self._api.post(doing, "droplet:create", "/v2/droplets", body).row("droplet")
        except Invalid as exc:  # for whatever reason: look which one it is
            self._check_limit(doing)
            if order.plan.size not in self.sizes(order.plan.region.name):
                raise words.no_capacity(HERE, doing, exc.why) from exc
            raise
        tell(Step("droplet", Change.MADE, name))
        return self._only(order.relay_id, self._droplets(order.relay_id) or [made], tell)

    def _only(self, relay_id: str, droplets: list[Row], tell: Tell) -> Row:
        """The oldest; two runs at once made the others."""
        first, *others = droplets
        for other in others:
            resource = _droplet_resource(other)
            tell(Step("droplet", Change.REMOVING, f"{resource}, a second one"))
            self._api.delete("remove the second droplet", "droplet:delete", f"/v2/droplets/{resource.id}")
            self._wait_gone(relay_id, resource)
            tell(Step("droplet", Change.REMOVED, str(resource)))
        return first

    # -- waiting ---------------------------------------------------------------------------------

    def _wait_gone(self, relay_id: str, resource: Resource) -> None:
        def look() -> bool | None:
            return (
                None
                if resource.id in map(str, (row.number("id") for row in self._droplets(relay_id)))
                else True
            )

        wait_for(look, self._clock, CLOUD_GONE_TIMEOUT_S, "the droplet did not go")

    def _ready(self, droplet: int) -> Machine:
        def look() -> Machine | None:
            row = self._api.get("wait for the droplet", "droplet:read", f"/v2/droplets/{droplet}").row(
                "droplet"
            )
            v4, v6 = _public(row, "v4"), _public(row, "v6")
            if row.text("status") != "active" or not v4:
                return None
            return Machine(
                str(droplet), row.text("name"), row.row("region").text("slug"), row.text("size_slug"), v4, v6
            )

        return wait_for(look, self._clock, CLOUD_READY_TIMEOUT_S, "the droplet did not run")


def _public(droplet: Row, version: str) -> str:
    networks = droplet.row("networks")
    if version not in networks.fields:
        return ""
    return next(
        (row.text("ip_address") for row in networks.rows(version) if row.text("type") == "public"), ""
    )


def _droplet_resource(row: Row) -> Resource:
    return Resource("droplet", str(row.number("id")), row.text("name"), row.row("region").text("slug"))

"""DigitalOcean's API as a stateful double: each answer starts from the official example, each request
and answer is held against the official description, and so are the scopes of the token."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx

from tests.provision.doubles.official import Official
from tests.provision.doubles.trouble import Trouble

__all__ = ["DigitalOceanDouble"]

Row = dict[str, Any]
Answer = tuple[int, Any]

_LISTS = {"droplets": "droplets", "firewalls": "firewalls", "tags": "tags", "account/keys": "ssh_keys"}


def _error(status: int, name: str, message: str) -> Answer:
    return status, {"id": name, "message": message}


@dataclass
class DigitalOceanDouble:
    """One account."""

    token: str = "d" * 64
    denied: set[str] = field(default_factory=set)
    """Scopes that the token lacks."""
    official: Official = field(
        default_factory=lambda: Official("digitalocean.relay.json", "https://api.digitalocean.com")
    )
    trouble: Trouble = field(default_factory=Trouble)
    refusals: dict[str, list[int]] = field(default_factory=dict)
    """``POST /v2/droplets``: statuses that it gives first; the last one for ever."""
    never_ready: bool = False
    keeps_keys: bool = False
    """Confirms the removal of an SSH key, and does not remove it."""
    limit: int = 25
    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {kind: {} for kind in _LISTS})
    sizes: list[Row] = field(default_factory=list)
    regions: list[Row] = field(default_factory=list)
    images: list[str] = field(default_factory=lambda: ["ubuntu-24-04-x64", "debian-12-x64"])
    user_data: list[str] = field(default_factory=list)
    scopes_used: set[str] = field(default_factory=set)
    status: str = "active"
    now: float = 0.0
    """Of their clock, Unix time, in the header that says when they answer again."""
    _ids: Any = field(default_factory=lambda: itertools.count(3001))
    _going: dict[str, int] = field(default_factory=dict)
    """Deleted droplets that are still listed, and for how many more looks."""

    def __post_init__(self) -> None:
        size = self.official.example("GET", "/v2/sizes", 200)["sizes"][0]
        region = self.official.example("GET", "/v2/regions", 200)["regions"][0]
        both = ["nyc3", "fra1"]

        def kind(slug: str, price: float, **other: object) -> Row:
            fixed = {"slug": slug, "price_monthly": price, "available": True, "regions": both, "memory": 1024}
            return {**size, **fixed, **other}

        self.sizes = [
            kind("s-1vcpu-512mb-10gb", 4.0, memory=512),
            kind("s-2vcpu-4gb", 24.0, memory=4096, vcpus=2),
            kind("s-1vcpu-1gb-sold-out", 5.0, available=False),
            kind("s-1vcpu-1gb-elsewhere", 5.0, regions=["fra1"]),
            kind("s-1vcpu-1gb", 6.0),
        ]
        self.regions = [
            {**region, "slug": "ams2", "name": "Amsterdam 2", "available": False},
            {**region, "slug": "nyc3", "name": "New York 3"},
            {**region, "slug": "fra1", "name": "Frankfurt 1"},
        ]

    # -- the edge ----------------------------------------------------------------------------------

    def handle(self, request: httpx.Request) -> httpx.Response:
        """In place of the network."""
        timeout = request.extensions["timeout"]
        assert all(timeout[part] for part in ("connect", "read", "write", "pool")), "a call without a bound"
        assert request.url.scheme == "https" and request.url.host == "api.digitalocean.com"
        path, query = request.url.path, parse_qs(request.url.query.decode())
        with self.trouble.around(f"{request.method} {path}"):
            described = self.official.request(request.method, path, query, request.headers, request.content)
            status, answer = self._answer(request, path, query)
            self.official.check_response(described, status, answer)
        headers = {
            "ratelimit-limit": "250",
            "ratelimit-remaining": "0",
            "ratelimit-reset": str(int(self.now) + 30),
        }
        return (
            httpx.Response(status, json=answer, headers=headers)
            if answer is not None
            else httpx.Response(status)
        )

    def _answer(self, request: httpx.Request, path: str, query: dict[str, list[str]]) -> Answer:
        method = request.method
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "unauthorized", "Unable to authenticate you")
        scopes = self.official.scopes(method, path)
        if missing := self.denied.intersection(scopes):
            return _error(403, "forbidden", f"You are missing the required permission {min(missing)}")
        self.scopes_used.update(scopes)
        if statuses := self.refusals.get(f"{method} {self.official.template(method, path)}"):
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            if status:
                return _error(status, "injected", "injected")
            statuses.clear()
        kind, _, name = path.removeprefix("/v2/").partition("/")
        if path.startswith("/v2/account/keys"):
            kind, name = "account/keys", path.removeprefix("/v2/account/keys").strip("/")
        if kind == "account":
            account = self.official.example("GET", "/v2/account", 200)["account"]
            return 200, {
                "account": {
                    **account,
                    "droplet_limit": self.limit,
                    "status": self.status,
                    "status_message": "see the ticket",
                }
            }
        if kind in ("sizes", "regions"):
            return self._page(kind, self.sizes if kind == "sizes" else self.regions, query)
        if kind == "images":
            image = self.official.example("GET", "/v2/images/{image_id}", 200)["image"]
            return (
                (200, {"image": {**image, "slug": name, "status": "available"}})
                if name in self.images
                else _missing()
            )
        given = json.loads(request.content or b"{}")
        if not name:
            return (
                self._create(kind, given)
                if method == "POST"
                else self._page(_LISTS[kind], self._listed(kind, query), query)
            )
        row = self.rows[kind].get(name)
        if row is None:
            return _missing()
        if method == "GET":
            return self._read(kind, row)
        return self._replace(row, given) if method == "PUT" else self._delete(kind, name)

    # -- reading -----------------------------------------------------------------------------------

    def _page(self, name: str, rows: list[Row], query: dict[str, list[str]]) -> Answer:
        size, page = int(query.get("per_page", ["20"])[0]), int(query.get("page", ["1"])[0])
        shown = copy.deepcopy(rows[(page - 1) * size : page * size])
        return 200, {name: shown, "links": {}, "meta": {"total": len(rows)}}

    def _listed(self, kind: str, query: dict[str, list[str]]) -> list[Row]:
        for gone in [gone for gone in self._going if kind == "droplets"]:
            self._going[gone] -= 1
            if self._going[gone] < 0:
                del self._going[gone], self.rows["droplets"][gone]
        tag, name = query.get("tag_name"), query.get("name")
        return [
            row
            for row in self.rows[kind].values()
            if (tag is None or tag[0] in row["tags"]) and (name is None or row["name"] == name[0])
        ]

    def _read(self, kind: str, row: Row) -> Answer:
        if kind == "droplets" and not self.never_ready:
            row["status"] = "active"
            row["networks"] = {
                "v4": [
                    {
                        "ip_address": "10.128.0.2",
                        "netmask": "255.255.0.0",
                        "gateway": "10.128.0.1",
                        "type": "private",
                    },
                    {
                        "ip_address": "203.0.113.8",
                        "netmask": "255.255.240.0",
                        "gateway": "203.0.113.1",
                        "type": "public",
                    },
                ],
                "v6": [
                    {"ip_address": "2001:db8::8", "netmask": 64, "gateway": "2001:db8::1", "type": "public"}
                ],
            }
        one = {"droplets": "droplet", "firewalls": "firewall", "tags": "tag", "account/keys": "ssh_key"}[kind]
        return 200, {one: copy.deepcopy(row)}

    # -- writing -----------------------------------------------------------------------------------

    def _create(self, kind: str, given: Row) -> Answer:
        if kind == "tags":
            row = {**self.official.example("GET", "/v2/tags", 200)["tags"][0], "name": given["name"]}
            self.rows[kind].setdefault(given["name"], row)
            return 201, {"tag": copy.deepcopy(row)}
        if kind == "account/keys":
            return self._create_key(given)
        if kind == "firewalls":
            return self._create_firewall(given)
        return self._create_droplet(given)

    def _create_key(self, given: Row) -> Answer:
        taken = any(row["public_key"] == given["public_key"] for row in self.rows["account/keys"].values())
        if taken or not given["public_key"].startswith("ssh-"):
            return _error(
                422,
                "unprocessable_entity",
                "SSH Key is already in use on your account" if taken else "Key invalid",
            )
        # Of the whole text; theirs is of the key in it.
        fingerprint = hashlib.md5(given["public_key"].encode()).digest().hex(":")
        row = {
            "id": next(self._ids),
            "fingerprint": fingerprint,
            "name": given["name"],
            "public_key": given["public_key"],
        }
        self.rows["account/keys"][fingerprint] = row
        return 201, {"ssh_key": dict(row)}

    def _create_firewall(self, given: Row) -> Answer:
        if not set(given.get("tags", [])) <= set(self.rows["tags"]):
            return _error(422, "unprocessable_entity", "tag does not exist")
        if any(row["name"] == given["name"] for row in self.rows["firewalls"].values()):
            return _error(409, "conflict", "duplicate name")
        row = self.official.example("POST", "/v2/firewalls", 202)["firewall"]
        row |= {
            **given,
            "id": f"fb6045f1-cf1d-4ca3-bfac-{next(self._ids):012d}",
            "droplet_ids": [],
            "pending_changes": [],
        }
        self.rows["firewalls"][row["id"]] = row
        return 202, {"firewall": copy.deepcopy(row)}

    def _replace(self, row: Row, given: Row) -> Answer:
        row.update(given)
        return 200, {"firewall": copy.deepcopy(row)}

    def _create_droplet(self, given: Row) -> Answer:
        size = next((row for row in self.sizes if row["slug"] == given["size"] and row["available"]), None)
        if size is None or given["region"] not in size["regions"] or given["image"] not in self.images:
            return _error(422, "unprocessable_entity", "Size is not available in this region")
        if len(self.rows["droplets"]) >= self.limit:
            return _error(
                422, "unprocessable_entity", "creating this/these droplet(s) will exceed your droplet limit"
            )
        assert set(given["ssh_keys"]) <= {row["id"] for row in self.rows["account/keys"].values()}
        assert set(given["tags"]) <= set(self.rows["tags"])
        answer: Row = self.official.example("POST", "/v2/droplets", 202, "Single")
        number = next(self._ids)
        row: Row = answer["droplet"]
        region = next(region for region in self.regions if region["slug"] == given["region"])
        row.update(
            id=number,
            name=given["name"],
            tags=given["tags"],
            status="new",
            size_slug=given["size"],
            region=region,
            networks={"v4": [], "v6": []},
            created_at=f"2026-11-23T12:{number % 60:02d}:00Z",
        )
        self.rows["droplets"][str(number)] = copy.deepcopy(row)
        self.user_data.append(given["user_data"])
        return 202, answer

    def _delete(self, kind: str, name: str) -> Answer:
        if kind == "droplets":
            if name in self._going:
                return _missing()
            self._going[name] = 1
            return 204, None
        if kind == "account/keys" and self.keeps_keys:
            return 204, None
        if kind == "tags":
            for row in (*self.rows["firewalls"].values(), *self.rows["droplets"].values()):
                row["tags"] = [tag for tag in row["tags"] if tag != name]
        del self.rows[kind][name]
        return 204, None


def _missing() -> Answer:
    return _error(404, "not_found", "The resource you were accessing could not be found.")

"""Hetzner's API as a stateful double: each answer starts from the official example, and each request
and answer is held against the official description (tests/data/cloud)."""

from __future__ import annotations

import copy
import itertools
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.provision.doubles.official import Official
from tests.provision.doubles.trouble import Trouble

__all__ = ["HetznerDouble"]

_SERVER = "https://api.hetzner.cloud/v1"
_ONE = {"servers": "server", "firewalls": "firewall", "ssh_keys": "ssh_key"}

Row = dict[str, Any]
Answer = tuple[int, Any]


def _error(status: int, code: str, message: str) -> Answer:
    return status, {"error": {"code": code, "message": message, "details": None}}


@dataclass
class HetznerDouble:
    """One project."""

    token: str = "h" * 64
    read_only: bool = False
    official: Official = field(default_factory=lambda: Official("hcloud.relay.json", _SERVER))
    trouble: Trouble = field(default_factory=Trouble)
    refusals: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """``POST /servers``: answers that it gives first; the last one for ever if it is repeated."""
    action_errors: dict[str, str] = field(default_factory=dict)
    """Command of an action: the code with which it fails."""
    never_ready: bool = False
    keeps_keys: bool = False
    """Confirms the removal of an SSH key, and does not remove it."""
    rows: dict[str, dict[int, Row]] = field(default_factory=lambda: {kind: {} for kind in _ONE})
    actions: dict[int, Row] = field(default_factory=dict)
    user_data: list[str] = field(default_factory=list)
    catalogue: dict[str, list[Row]] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: itertools.count(1001))
    _lag: int = 0
    """Attempts for which a firewall is still in use after its server is gone."""

    def __post_init__(self) -> None:
        self.catalogue = {
            "locations": [self._location(1, "fsn1", "Falkenstein"), self._location(2, "nbg1", "Nuremberg")],
            "server_types": _server_types(self.official),
            "images": [self._image("ubuntu-24.04"), self._image("debian-12")],
        }

    # -- the edge ----------------------------------------------------------------------------------

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """In place of an HTTP adapter's."""
        connect_s, read_s = kwargs["timeout"]
        assert connect_s and read_s, "a call without a bound"
        url = urlsplit(str(request.url))
        assert f"{url.scheme}://{url.netloc}".startswith("https://api.hetzner.cloud")
        path = url.path.removeprefix("/v1")
        sent = request.body or b""
        body = sent.encode() if isinstance(sent, str) else sent
        assert isinstance(body, bytes)
        headers = {key.lower(): str(value) for key, value in request.headers.items()}
        method = str(request.method)
        with self.trouble.around(f"{method} {path}"):
            described = self.official.request(method, path, parse_qs(url.query), headers, body)
            status, answer = self._answer(method, path, parse_qs(url.query), headers, body)
            self.official.check_response(described, status, answer)
        response = requests.Response()
        response.status_code = status
        response.headers["content-type"] = "application/json"
        response._content = b"" if answer is None else json.dumps(answer).encode()
        response.request = request
        response.url = str(request.url)
        return response

    def _answer(
        self, method: str, path: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes
    ) -> Answer:
        if headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "unauthorized", "unable to authenticate")
        if self.read_only and method != "GET":
            return _error(403, "token_readonly", "the token is only allowed to perform GET requests")
        if answers := self.refusals.get(f"{method} {self.official.template(method, path)}"):
            status, code = answers.pop(0) if len(answers) > 1 else answers[0]
            if status:
                return _error(status, code, "injected")
            answers[:] = []
        kind, *rest = path.strip("/").split("/")
        if kind in self.catalogue:
            return self._page(kind, self._filtered(self.catalogue[kind], query), query)
        if kind == "actions":
            return self._action_of(int(rest[0]))
        if not rest:
            given = json.loads(body or b"{}")
            return (
                self._page(kind, self._filtered([*self.rows[kind].values()], query), query)
                if method == "GET"
                else self._create(kind, given)
            )
        row = self.rows[kind].get(int(rest[0]))
        if row is None:
            return _error(404, "not_found", f"{_ONE[kind]} not found")
        if rest[1:2] == ["actions"]:
            return self._change_firewall(row, rest[2], json.loads(body))
        return self._read(kind, row) if method == "GET" else self._delete(kind, row)

    # -- reading -----------------------------------------------------------------------------------

    def _page(self, kind: str, rows: list[Row], query: dict[str, list[str]]) -> Answer:
        size, page = int(query.get("per_page", ["25"])[0]), int(query.get("page", ["1"])[0])
        last = max(1, -(-len(rows) // size))
        pages = {
            "page": page,
            "per_page": size,
            "previous_page": page - 1 or None,
            "next_page": page + 1 if page < last else None,
            "last_page": last,
            "total_entries": len(rows),
        }
        shown = rows[(page - 1) * size : page * size]
        return 200, {kind: copy.deepcopy(shown), "meta": {"pagination": pages}}

    def _filtered(self, rows: list[Row], query: dict[str, list[str]]) -> list[Row]:
        wanted = [part.split("=") for part in query.get("label_selector", [""])[0].split(",") if part]
        names, kinds = query.get("name"), query.get("type")
        return [
            row
            for row in rows
            if all(row["labels"].get(key) == value for key, value in wanted)
            and (names is None or row["name"] in names)
            and (kinds is None or row["type"] in kinds)
            and (kinds is None or row["deprecated"] is None)
        ]

    def _read(self, kind: str, row: Row) -> Answer:
        if kind == "servers" and not self.never_ready:
            row["status"] = "running"
        return 200, {_ONE[kind]: copy.deepcopy(row)}

    def _action_of(self, number: int) -> Answer:
        action = self.actions.get(number)
        if action is None:
            return _error(404, "not_found", "action not found")
        if action["status"] == "running" and action.pop("looks") <= 0:
            code = self.action_errors.get(action["command"])
            error = {"code": code, "message": "injected"} if code else None
            action.update(status="error" if code else "success", progress=100, error=error)
        elif action["status"] == "running":
            action["looks"] = 0
        return 200, {"action": {key: value for key, value in action.items() if key != "looks"}}

    # -- writing -----------------------------------------------------------------------------------

    def _begin(self, command: str, kind: str, number: int) -> Row:
        action = {
            "id": next(self._ids),
            "command": command,
            "status": "running",
            "progress": 0,
            "started": "2026-11-23T12:00:00Z",
            "finished": None,
            "resources": [{"id": number, "type": kind}],
            "error": None,
        }
        self.actions[int(str(action["id"]))] = {**action, "looks": 1}
        return action

    def _create(self, kind: str, given: Row) -> Answer:
        one = _ONE[kind]
        if any(row["name"] == given["name"] for row in self.rows[kind].values()):
            return _error(409, "uniqueness_error", f"{one} name is already used")
        answer = self.official.example("POST", f"/{kind}", 201)
        row: Row = answer[one]
        row.update(id=next(self._ids), name=given["name"], labels=given.get("labels", {}))
        if kind == "ssh_keys":
            if not given["public_key"].startswith("ssh-"):
                return _error(422, "invalid_input", "invalid input in field 'public_key'")
            if any(other["public_key"] == given["public_key"] for other in self.rows[kind].values()):
                return _error(409, "uniqueness_error", "SSH key with the same fingerprint already exists")
            row["public_key"] = given["public_key"]
        elif kind == "firewalls":
            row.update(rules=[_rule(rule) for rule in given.get("rules", [])], applied_to=[])
            answer["actions"] = []
        else:
            self._create_server(answer, row, given)
        self.rows[kind][row["id"]] = copy.deepcopy(row)
        return 201, answer

    def _create_server(self, answer: Row, row: Row, given: Row) -> None:
        kind = next(kind for kind in self.catalogue["server_types"] if kind["name"] == given["server_type"])
        place = next(place for place in self.catalogue["locations"] if place["name"] == given["location"])
        assert all(key in self.rows["ssh_keys"] for key in given["ssh_keys"])
        assert any(image["name"] == given["image"] for image in self.catalogue["images"])
        row.update(status="initializing", server_type=kind, location=place, iso=None)
        net = row["public_net"]
        net["ipv4"].update(id=1, ip="203.0.113.7")
        net["ipv6"].update(id=2, ip="2001:db8::/64")
        net["firewalls"] = [{"id": entry["firewall"], "status": "applied"} for entry in given["firewalls"]]
        answer["action"] = self._begin("create_server", "server", row["id"])
        answer.update(next_actions=[], root_password=None)
        self.user_data.append(given["user_data"])

    def _change_firewall(self, row: Row, what: str, given: Row) -> Answer:
        if what == "set_rules":
            row["rules"] = [_rule(rule) for rule in given["rules"]]
        else:
            for place in given["apply_to"]:
                self.rows["servers"][place["server"]["id"]]["public_net"]["firewalls"].append(
                    {"id": row["id"], "status": "applied"}
                )
        return 201, {"actions": [self._begin(what, "firewall", row["id"])]}

    def _delete(self, kind: str, row: Row) -> Answer:
        if kind == "firewalls" and (self._lag or self._in_use(row)):
            self._lag = max(0, self._lag - 1)
            return _error(422, "resource_in_use", "firewall is in use")
        if kind == "servers" and row["status"] == "initializing" and not self.never_ready:
            row["status"] = "running"  # next time it has come up
            return _error(423, "locked", "server is locked")
        if kind == "ssh_keys" and self.keeps_keys:
            return 204, None
        del self.rows[kind][row["id"]]
        if kind != "servers":
            return 204, None
        self._lag = 1
        return 200, {"action": self._begin("delete_server", "server", row["id"])}

    def _in_use(self, firewall: Row) -> bool:
        return any(
            entry["id"] == firewall["id"]
            for server in self.rows["servers"].values()
            for entry in server["public_net"]["firewalls"]
        )

    # -- what is offered ---------------------------------------------------------------------------

    def _location(self, number: int, name: str, city: str) -> Row:
        row: Row = self.official.example("GET", "/locations", 200)["locations"][0]
        return {**row, "id": number, "name": name, "city": city, "country": "DE"}

    def _image(self, name: str) -> Row:
        row: Row = self.official.example("GET", "/images", 200)["images"][0]
        return {
            **row,
            "name": name,
            "type": "system",
            "status": "available",
            "deprecated": None,
            "created_from": None,
            "bound_to": None,
            "deleted": None,
        }


def _rule(given: Row) -> Row:
    return {
        "direction": "in",
        "source_ips": [],
        "destination_ips": [],
        "port": None,
        "description": None,
        **given,
    }


def _server_types(official: Official) -> list[Row]:
    """One that fits, and for each reason one that does not, all of them cheaper."""
    whole: Row = official.example("GET", "/server_types", 200)["server_types"][0]

    def kind(
        name: str, price: str, *, fsn1: Row | None = None, nbg1: Row | None = None, **other: object
    ) -> Row:
        places = [
            {
                "id": number,
                "name": place,
                "available": True,
                "recommended": True,
                "deprecation": None,
                **(change or {}),
            }
            for number, place, change in ((1, "fsn1", fsn1), (2, "nbg1", nbg1))
        ]
        prices = [
            {**whole["prices"][0], "location": place, "price_monthly": {"net": cost, "gross": cost}}
            for place, cost in (("fsn1", price), ("nbg1", "9.0000000000"))
        ]
        fixed = {"architecture": "x86", "cpu_type": "shared", "deprecated": False, "deprecation": None}
        return {**whole, **fixed, "name": name, "locations": places, "prices": prices, **other}

    going = {
        "deprecation": {"announced": "2025-10-16T00:00:00Z", "unavailable_after": "2026-01-16T00:00:00Z"}
    }
    return [
        kind("cax11", "1.0000000000", architecture="arm"),
        kind("ccx13", "1.1000000000", cpu_type="dedicated"),
        kind("cx22", "1.2000000000", fsn1=going, nbg1=going),
        kind("cx13", "1.3000000000", fsn1={"available": False}),
        kind("cpx22", "7.9900000000", cores=2, memory=4),
        kind("cx23", "3.4900000000", cores=2, memory=4, disk=40),
        kind("cx03", "0.5000000000", memory=0.5),
    ]

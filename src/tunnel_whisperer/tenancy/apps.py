"""``apps.yaml``: a server's named sets of grants, written so that a person can edit them.

    version: 1
    apps:
      historian:
        - 5432
        - 10502:plc-7.plant.lan:502

A grant is spelled as ``-m`` takes it. Every fault has its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..base.errors import Misuse
from ..base.limits import MAX_APPS, MAX_GRANTS_PER_USER
from ..base.values import Grant
from ..profile import Profile, compose_yaml
from .names import check_app_name
from .user import App

__all__ = ["apps_file", "format_apps", "read_apps", "spell_grant"]

_FORMAT_VERSION = 1
_HEAD = (
    "# Named sets of grants, written by tw. You may edit this file;"
    " tw apply gives the users of an app what it says now.\n"
)


def apps_file(profile: Profile) -> Path:
    """Where a server's apps are."""
    return profile.directory / "apps.yaml"


def read_apps(profile: Profile) -> dict[str, App]:
    """All apps, by name; none where there is no file.

    Raises:
        Misuse: ``bad-apps`` with the line, ``file-unreadable``.
    """
    path = apps_file(profile)
    if not path.exists():
        return {}
    return _Reader(path.name).apps(profile.read(path))


def format_apps(apps: Iterable[App]) -> str:
    """The text of the file."""
    body = {
        "version": _FORMAT_VERSION,
        "apps": {app.name: [_scalar(grant) for grant in app.grants] for app in apps},
    }
    return _HEAD + yaml.safe_dump(body, sort_keys=False, allow_unicode=False, width=1000)


def spell_grant(grant: Grant) -> str:
    """The shortest spelling that ``Grant.parse`` reads back."""
    if grant.target.host != "127.0.0.1":
        return f"{grant.local_port}:{grant.target}"
    if grant.target.port != grant.local_port:
        return f"{grant.local_port}:{grant.target.port}"
    return str(grant.local_port)


def _scalar(grant: Grant) -> str | int:
    """Plain numbers are written without quotes, as a person would."""
    text = spell_grant(grant)
    return int(text) if text.isdecimal() else text


class _Reader:
    """Turns the tree into apps."""

    def __init__(self, name: str) -> None:
        self._name = name

    def fail(self, at: Node | int | None, field: str, why: str, hint: str = "") -> NoReturn:
        line = at.start_mark.line + 1 if isinstance(at, Node) else at
        where = f"{self._name}:{line}" if line is not None else self._name
        hint = hint.replace("tw config view", "tw list apps") or "tw create app shows how it is written"
        raise Misuse("bad-apps", f"{field}: {why}" if field else why, where=where, hint=hint)

    def apps(self, data: bytes) -> dict[str, App]:
        root = compose_yaml(data, self)
        if root is None:
            return {}
        fields = self._pairs(root, "the file")
        self._check_version(fields)
        for name, (key, _) in fields.items():
            if name not in ("version", "apps"):
                self.fail(key, name[:64], "is not a field", "version, apps")
        if "apps" not in fields or _is_null(fields["apps"][1]):
            return {}
        entries = self._pairs(fields["apps"][1], "apps")
        if len(entries) > MAX_APPS:
            self.fail(fields["apps"][0], "apps", f"more than {MAX_APPS} are too many")
        return {name: self._app(name, key, value) for name, (key, value) in entries.items()}

    def _check_version(self, fields: Mapping[str, tuple[ScalarNode, Node]]) -> None:
        if "version" not in fields:
            return
        key, value = fields["version"]
        text = value.value if isinstance(value, ScalarNode) else ""
        if not (text.isascii() and text.isdecimal()) or int(text[:9]) < 1:
            self.fail(key, "version", "is not a whole number", "version: 1")
        if len(text) > 9 or int(text) > _FORMAT_VERSION:
            self.fail(
                key,
                "version",
                f"this file was written by a newer tw (format {text[:9]}, this one reads {_FORMAT_VERSION})",
                "update tw on this machine",
            )

    def _pairs(self, node: Node, what: str) -> dict[str, tuple[ScalarNode, Node]]:
        if not isinstance(node, MappingNode):
            self.fail(node, what, "is not a group of fields", "write name: value, indented")
        found: dict[str, tuple[ScalarNode, Node]] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.fail(key, what, "a name must be a plain word")
            if key.value in found:
                self.fail(key, key.value[:64], "is there twice", "keep one of them")
            found[key.value] = (key, value)
        return found

    def _app(self, name: str, key: Node, value: Node) -> App:
        field = f"apps.{name[:64]}"
        try:
            check_app_name(name)
        except Misuse as exc:
            self.fail(key, field, exc.why, exc.hint)
        if not isinstance(value, SequenceNode) or not value.value:
            self.fail(key, field, "has no list of grants", "begin each with a dash, as in - 5432")
        if len(value.value) > MAX_GRANTS_PER_USER:
            self.fail(key, field, f"has more than {MAX_GRANTS_PER_USER} grants")
        grants: dict[int, Grant] = {}
        for index, node in enumerate(value.value):
            grant = self._grant(f"{field}[{index}]", node)
            if grant.local_port in grants:
                self.fail(node, f"{field}[{index}]", f"local port {grant.local_port} is there twice")
            grants[grant.local_port] = grant
        return App(name, tuple(grants.values()))

    def _grant(self, field: str, node: Node) -> Grant:
        if not isinstance(node, ScalarNode):
            self.fail(node, field, "is not a grant", "5432, 15432:5432 or 10502:plc-7.plant.lan:502")
        try:
            return Grant.parse(node.value)
        except Misuse as exc:
            self.fail(node, field, exc.why, exc.hint)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null"

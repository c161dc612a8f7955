"""Reading config.yaml strictly: every fault has its line and the field's dotted name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import MISSING
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn, Protocol

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..base.errors import Misuse
from ..base.limits import MAX_CONFIG_BYTES, MAX_YAML_DEPTH
from .kinds import FieldFault, Scalar
from .schema import FORMAT_VERSION, Config, Declared, Many, Pairs, Section, declared

__all__ = ["Complaints", "check_field", "compose_yaml", "load_config", "parse_config"]

_YAML_TAG = "tag:yaml.org,2002:"


def load_config(path: Path) -> Config:
    """The configuration in a file.

    Raises:
        Misuse: ``not-set-up`` when there is none, ``file-unreadable``, ``bad-config``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except FileNotFoundError:
        raise Misuse(
            "not-set-up",
            "there is no identity here yet",
            where=str(path),
            hint="tw connect FILE.zip, tw join RELAY or tw relay run --domain NAME makes one; --config-dir names another",
        ) from None
    except OSError as exc:
        raise Misuse(
            "file-unreadable", exc.strerror or "cannot be read", where=str(path), hint="check its permissions"
        ) from exc
    return parse_config(data, str(path))


@lru_cache(maxsize=16)
def parse_config(data: bytes, name: str = "config.yaml") -> Config:
    """The configuration in the bytes of a file. The same bytes are taken apart once: nothing can change
    what comes of it, and a page of the dashboard asks for it several times.

    Args:
        name: of the file, for messages.

    Raises:
        Misuse: ``bad-config``; ``where`` is ``name:line``.
    """
    reader = _Reader(name)
    root = compose_yaml(data, reader)
    if root is None:
        reader.fail(None, "mode", "is missing", "mode: client, server or relay")
    reader.check_version(root)
    config: Config = reader.section(Config, root, "")
    _check_ports(config, reader)
    return config


def check_field(name: str, value: str | int) -> Any:
    """A value as a field takes it, in its canonical spelling; for files of other formats.

    Args:
        name: dotted, such as ``xray.relay_port``.

    Raises:
        Misuse: ``bad-config``, with neither file nor name.
    """
    group_name, _, field_name = name.rpartition(".")
    group = next(row.shape for row in declared(Config) if row.name == group_name)
    assert isinstance(group, Section)
    kind: Any = next(row.shape for row in declared(group.cls) if row.name == field_name)
    try:
        return kind.parse(Scalar(str(value), "str" if isinstance(value, str) else "int"))
    except FieldFault as exc:
        raise Misuse("bad-config", exc.why, hint=exc.hint) from None


class _Loader(yaml.SafeLoader):
    """YAML without anchors, aliases, tags and deep nesting: nobody writes them here but to do harm."""

    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Unwanted(event.start_mark.line + 1, "anchors and aliases are not read here")
        if getattr(event, "tag", None) is not None:
            raise _Unwanted(event.start_mark.line + 1, "YAML tags are not read here")
        self.depth += 1
        if self.depth > MAX_YAML_DEPTH:
            raise _Unwanted(event.start_mark.line + 1, "this is nested too deeply")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class Complaints(Protocol):
    """Who turns a fault in a YAML file into an error."""

    def fail(self, at: Node | int | None, field: str, why: str, hint: str = "") -> NoReturn:
        """Raise it; ``at`` is where it is, a node or a line from 1."""


class _Unwanted(Exception):
    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


def compose_yaml(data: bytes, reader: Complaints) -> Node | None:
    """The tree in a file's bytes, read as strictly as config.yaml is; None: nothing is in it."""
    if len(data) > MAX_CONFIG_BYTES:
        reader.fail(
            None, "", f"the file has more than {MAX_CONFIG_BYTES // 1024} KiB", "is it the right file?"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        reader.fail(line, "", "this line is not UTF-8", "save the file as UTF-8")
    loader = _Loader("")
    try:
        loader = _Loader(text)
        node: Node | None = loader.get_single_node()
    except _Unwanted as exc:
        reader.fail(exc.line, "", exc.why, "write the values out")
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 1
        lines = text.splitlines()
        if line <= len(lines) and "\t" in lines[line - 1]:
            reader.fail(line, "", "there is a tab in this line", "indent with spaces")
        reader.fail(
            line,
            "",
            f"this is not YAML: {exc.problem}",
            "each line is NAME: VALUE; look at the line above it, too",
        )
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        reader.fail(line, "", "there is a control character in this line", "remove it")
    except (yaml.YAMLError, ValueError) as exc:
        reader.fail(1, "", f"this is not YAML: {exc}")
    finally:
        loader.dispose()
    return node


def _check_ports(config: Config, reader: _Reader) -> None:
    """No local port twice, neither as given nor with this machine's own choices."""
    seen: dict[int, str] = {}
    for index, entry in enumerate(config.client.tunnels):
        name = f"client.tunnels[{index}].local_port"
        if entry.local_port in seen:
            reader.fail_at(name, f"{entry.local_port} is taken by {seen[entry.local_port]}")
        seen[entry.local_port] = name
    ports = [grant.local_port for grant in config.client.grants()]
    twice = sorted(port for port in set(ports) if ports.count(port) > 1)
    if twice:
        reader.fail_at("client.port_overrides", f"local port {twice[0]} would be opened twice")


class _Reader:
    """Turns nodes into values; remembers the line of each field for what is checked later."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines: dict[str, int] = {}

    def fail(self, at: Node | int | None, field: str, why: str, hint: str = "") -> NoReturn:
        line = at.start_mark.line + 1 if isinstance(at, Node) else at
        where = f"{self._name}:{line}" if line is not None else self._name
        raise Misuse("bad-config", f"{field}: {why}" if field else why, where=where, hint=hint)

    def fail_at(self, field: str, why: str, hint: str = "") -> NoReturn:
        self.fail(self._lines.get(field), field, why, hint)

    def unknown(self, at: Node, name: str, prefix: str, rows: dict[str, Declared]) -> NoReturn:
        close = difflib.get_close_matches(name, rows, n=1)
        home = [
            f"{top.name}.{name}"
            for top in declared(Config)
            if isinstance(top.shape, Section) and name in {row.name for row in declared(top.shape.cls)}
        ]
        hint = home[0] if home else f"{prefix}{close[0]}" if close else ", ".join(rows)
        self.fail(at, f"{prefix}{name}", "is not a field", hint)

    def check_version(self, root: Node) -> None:
        """First of all: of a newer file, nothing else can be judged."""
        if isinstance(root, MappingNode):
            for key, value in root.value:
                if key.value == "version" and isinstance(value, ScalarNode) and value.value.isdecimal():
                    self._refuse_newer(key, value.value)

    def _refuse_newer(self, key: Node, text: str) -> None:
        if len(text) > 9 or int(text) > FORMAT_VERSION:
            self.fail(
                key,
                "version",
                f"this file was written by a newer tw (format {text[:9]}, this one reads {FORMAT_VERSION})",
                "update tw on this machine",
            )

    def section(self, cls: type[Any], node: Node, prefix: str) -> Any:
        rows = {row.name: row for row in declared(cls)}
        values: dict[str, Any] = {}
        for key, value in self._pairs(node, prefix):
            name = key.value
            if name not in rows:
                self.unknown(key, name, prefix, rows)
            self._lines[prefix + name] = key.start_mark.line + 1
            values[name] = self.value(rows[name], value, prefix + name)
        for row in rows.values():
            if row.default is MISSING and values.get(row.name, MISSING) is MISSING:
                hint = getattr(row.shape, "says", "")
                self.fail(node, prefix + row.name, "is missing", hint)
        return cls(**values)

    def _pairs(self, node: Node, prefix: str) -> Iterator[tuple[ScalarNode, Node]]:
        if not isinstance(node, MappingNode):
            self.fail(node, prefix.rstrip("."), "is not a group of fields", "write name: value, indented")
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.fail(key, prefix.rstrip("."), "a field's name must be a plain word")
            if key.value in seen:
                self.fail(key, prefix + key.value, "is there twice", "keep one of them")
            seen.add(key.value)
            yield key, value

    def value(self, row: Declared, node: Node, name: str) -> Any:
        """The value of one field; nothing after the colon is its default."""
        shape = row.shape
        if isinstance(node, ScalarNode) and node.tag == f"{_YAML_TAG}null":
            return row.default
        if isinstance(shape, Section):
            return self.section(shape.cls, node, f"{name}.")
        if isinstance(shape, Many):
            if not isinstance(node, SequenceNode):
                self.fail(node, name, "is not a list", "begin each entry with a dash")
            return tuple(self._entry(shape, x, f"{name}[{i}]") for i, x in enumerate(node.value))
        if isinstance(shape, Pairs):
            pairs = self._pairs(node, f"{name}.")
            return tuple(sorted(self._pair(shape, key, value, name) for key, value in pairs))
        return self._scalar(shape, node, name)

    def _entry(self, shape: Many, node: Node, name: str) -> Any:
        return self.section(shape.cls, node, f"{name}.")

    def _pair(self, shape: Pairs, key: ScalarNode, value: Node, name: str) -> tuple[int, int]:
        where = f"{name}.{key.value[:20]}"
        return self._scalar(shape.key, key, where), self._scalar(shape.value, value, where)

    def _scalar(self, kind: Any, node: Node, name: str) -> Any:
        if not isinstance(node, ScalarNode):
            self.fail(node, name, f"is not {kind.says}")
        try:
            return kind.parse(Scalar(node.value, node.tag.removeprefix(_YAML_TAG)))
        except FieldFault as exc:
            self.fail(node, name, exc.why, exc.hint)

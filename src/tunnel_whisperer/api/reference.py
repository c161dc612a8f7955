"""The reference of the HTTP API, out of its OpenAPI document."""

from __future__ import annotations

import json
from typing import Any, cast

from fastapi import FastAPI

from .app import build_app
from .house import House

__all__ = ["openapi_text", "render_http_api"]

_HEAD = """\
# HTTP API

What `tw` does on the command line, for programs on the same machine: the same names, values and error codes. It is at
`/api/v1` of the dashboard's port, with `Authorization: Bearer TOKEN` (the dashboard's page *Access* makes tokens), and on the
Unix socket `run/api.sock` of the identity, which needs none. [The OpenAPI document](openapi.json) is at
`/api/v1/openapi.json`, too.

An answer above 399 is a problem (RFC 9457): `status`, `code` (one of the [errors](errors.md)), `detail`, `where`, `hint`. Long work is
answered with 202 and a job, which is followed at `/jobs/{job_id}`, or by the stream of `/events`.
"""


def _document() -> dict[str, Any]:
    app: FastAPI = build_app(cast(House, None))
    return {**app.openapi(), "info": {**app.openapi()["info"], "version": "1"}}


def openapi_text() -> str:
    """The document itself, which clients in other languages are generated from."""
    return json.dumps(_document(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def render_http_api() -> str:
    """The page."""
    document = _document()
    by_tag: dict[str, list[str]] = {}
    for path, methods in sorted(document["paths"].items()):
        for method, operation in methods.items():
            text = _operation(method, path.removeprefix("/api/v1"), operation, document)
            by_tag.setdefault(operation["tags"][0], []).append(text)
    parts = [f"\n## {tag.capitalize()}\n\n{''.join(texts)}" for tag, texts in sorted(by_tag.items())]
    return _HEAD + "".join(parts)


def _operation(method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    text = f"### `{method.upper()} {path}`\n\n{_line(operation['description'])}\n\n"
    rows = [
        (f"`{x['name']}` ({x['in']})", _kind(x["schema"], document), x.get("description", ""))
        for x in operation.get("parameters", [])
    ]
    for body in operation.get("requestBody", {}).get("content", {}).values():
        rows += _fields(body["schema"], document)
    if rows:
        text += "| takes | | |\n|---|---|---|\n"
        text += "".join(f"| {name} | {kind} | {_line(words)} |\n" for name, kind, words in rows) + "\n"
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            text += _answer(status, answer, document)
    return text


def _answer(status: str, answer: dict[str, Any], document: dict[str, Any]) -> str:
    rows: list[tuple[str, str, str]] = []
    for kind, content in answer.get("content", {}).items():
        if kind != "application/json":
            return f"Answers {status} with `{kind}`.\n\n"
        rows += _fields(content["schema"], document)
    if not rows:
        return f"Answers {status}.\n\n"
    head = f"| answers {status} with | | |\n|---|---|---|\n"
    return head + "".join(f"| {name} | {kind} | {_line(words)} |\n" for name, kind, words in rows) + "\n"


def _fields(schema: dict[str, Any], document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """One level of an object; what is in it further down has its own table in the document."""
    found = _resolved(schema, document)
    needed = found.get("required", [])
    return [
        (
            f"`{name}`" if name in needed or "default" not in value else f"`{name}` (optional)",
            _kind(value, document),
            value.get("description", ""),
        )
        for name, value in found.get("properties", {}).items()
    ]


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if reference := schema.get("$ref"):
        found: dict[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]]
        return found
    return schema


def _kind(schema: dict[str, Any], document: dict[str, Any]) -> str:
    if "$ref" in schema:
        found = _resolved(schema, document)
        if "enum" in found:
            return _kind(found, document)
        inside = ", ".join(f"`{name}`" for name in found.get("properties", {}))
        return f"object: {inside}" if inside else str(found.get("type", "object"))
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(x, document) for x in schema["anyOf"]))
    if "enum" in schema:
        return " ".join(f"`{x}`" for x in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), document)}"
    return str(schema.get("type", "anything"))


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

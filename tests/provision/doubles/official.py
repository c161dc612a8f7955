"""An official description of an API, and whether a request or a response is as it says.

It proves shapes. Which request is refused when is the double's reading of the documentation.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse

__all__ = ["Official"]

_KNOWN: set[tuple[object, ...]] = set()
"""What was found to be as described: the runs that are struck at every call repeat most of it."""

_DATA = Path(__file__).parents[2] / "data" / "cloud"


@cache
def _load(file: str) -> tuple[dict[str, Any], OpenAPI]:
    spec: dict[str, Any] = json.loads((_DATA / file).read_text())
    for name in ("ssh_key_id", "ssh_key_fingerprint"):
        # These are parameters of a path, too, where openapi-core refuses what is read only.
        spec["components"]["schemas"].get(name, {}).pop("readOnly", None)
    # The description itself is taken as it is: only what passes over the wire is judged.
    return spec, OpenAPI.from_dict(copy.deepcopy(spec), config=Config(spec_validator_cls=None))


def _schema_faults(exc: Exception) -> str:
    deeper = getattr(exc.__cause__, "schema_errors", [])
    return "; ".join([str(exc), *(fault.message[:200] for fault in deeper)])


class Official:
    """One description.

    Args:
        file: in tests/data/cloud.
        server: as the description's paths are below it.
    """

    def __init__(self, file: str, server: str) -> None:
        self._spec, self._api = _load(file)
        self._server = server
        self._file = file
        self._templates: dict[tuple[str, str], str] = {}

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, list[str]],
        headers: Mapping[str, str],
        body: bytes,
    ) -> MockRequest:
        """A request that is as described.

        Raises:
            AssertionError: it is not.
        """
        host, _, prefix = self._server.removeprefix("https://").partition("/")
        request = MockRequest(
            f"https://{host}",
            method.lower(),
            f"/{prefix}{path}" if prefix else path,
            args=dict(query),
            data=body or None,
            content_type=headers.get("content-type", "application/json"),
            headers=dict(headers),
        )
        known = (self._file, method, path, json.dumps(query, sort_keys=True), body, request.content_type)
        if known in _KNOWN:
            return request
        try:
            self._api.validate_request(request)
        except Exception as exc:
            raise AssertionError(f"{method} {path} is not as described: {_schema_faults(exc)}") from exc
        _KNOWN.add(known)
        return request

    def check_response(self, request: MockRequest, status: int, body: object) -> None:
        """Whether the double's answer is as described.

        Raises:
            AssertionError: it is not.
        """
        if body is None:
            assert status == 204, f"{request.path}: {status} without content"
            return
        data = json.dumps(body).encode()
        known = (self._file, request.method, request.path, status, data)
        if known in _KNOWN:
            return
        response = MockResponse(data, status_code=status, content_type="application/json")
        try:
            self._api.validate_response(request, response)
        except Exception as exc:
            raise AssertionError(f"the double's {status} of {request.path}: {_schema_faults(exc)}") from exc
        _KNOWN.add(known)

    def template(self, method: str, path: str) -> str:
        """The described path of a request's; a literal one before one with a parameter."""
        known = self._templates.get((method, path))
        if known is not None:
            return known
        fitting = [
            template
            for template, operations in self._spec["paths"].items()
            if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        ]
        best: str = min(fitting, key=lambda template: template.count("{"))
        self._templates[method, path] = best
        return best

    def scopes(self, method: str, path: str) -> list[str]:
        """What a token must be allowed to; empty where the description does not tell."""
        operation = self._spec["paths"][self.template(method, path)][method.lower()]
        return [
            scope for entry in operation.get("security", []) for scopes in entry.values() for scope in scopes
        ]

    def example(self, method: str, path: str, status: int, named: str = "") -> Any:
        """The official example of an answer; put together from its fields where there is no whole one.

        Args:
            named: part of its name, where there are several.
        """
        answer = self._resolve(self._spec["paths"][path][method.lower()]["responses"][str(status)])
        content = answer["content"]["application/json"]
        if "example" in content:
            return copy.deepcopy(content["example"])
        if examples := content.get("examples"):
            return copy.deepcopy(
                self._resolve(next(examples[name] for name in examples if named in name))["value"]
            )
        return self._example_of(content["schema"])

    def _resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self._spec
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/")]
            node = found
        return node

    def _example_of(self, schema: dict[str, Any]) -> Any:
        schema = self._resolve(schema)
        if "example" in schema:
            return copy.deepcopy(schema["example"])
        if "allOf" in schema:
            parts = [self._example_of(part) for part in schema["allOf"]]
            whole: dict[str, Any] = {}
            for part in parts:
                if not isinstance(part, dict):
                    return part
                whole |= part
            return whole
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self._example_of(schema[choice][0])
        if schema.get("type") == "object" or "properties" in schema:
            return {key: self._example_of(part) for key, part in schema.get("properties", {}).items()}
        if schema.get("type") == "array":
            return [self._example_of(schema["items"])]
        if schema.get("nullable"):
            return None
        simple = {"string": "x", "integer": 1, "number": 1, "boolean": True}
        return schema["enum"][0] if schema.get("enum") else simple[schema["type"]]

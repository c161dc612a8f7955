"""Each body of the OpenAPI document has an example, which is what its own schema says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.api.examples import example_of


def _document(directory: Path) -> dict[str, Any]:
    async def main() -> dict[str, Any]:
        async with open_house(directory) as (_, client):
            found: dict[str, Any] = (await client.get("/openapi.json")).json()
            return found

    return real_run(main())


def test_each_body_has_an_example_that_its_schema_describes(tmp_path: Path) -> None:
    document = _document(tmp_path)
    faults, seen = [], 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            bodies = {**operation["responses"], "request": operation.get("requestBody", {})}
            for status, body in bodies.items():
                for media_type, content in body.get("content", {}).items():
                    if not media_type.endswith("json"):
                        continue
                    seen += 1
                    schema = {**content["schema"], "components": document["components"]}
                    if "example" not in content:
                        faults.append(f"{method} {path} {status}: no example")
                    else:
                        found = jsonschema_rs.validator_for(schema).iter_errors(content["example"])
                        faults += [f"{method} {path} {status}: {fault.message[:200]}" for fault in found]
    assert not faults, "\n".join(faults)
    assert seen > 150


def test_an_example_is_put_together_from_those_of_its_fields() -> None:
    document = {"components": {"schemas": {"Port": {"type": "integer", "minimum": 1, "examples": [5432]}}}}
    schema = {
        "properties": {
            "port": {"$ref": "#/components/schemas/Port"},
            "end": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "names": {"type": "array", "items": {"enum": ["a", "b"]}},
            "on": {"type": "boolean", "default": True},
            "count": {"type": "integer", "minimum": 3},
        }
    }
    assert example_of(document, schema) == {"port": 5432, "end": None, "names": ["a"], "on": True, "count": 3}
    assert example_of(document, {}) is None

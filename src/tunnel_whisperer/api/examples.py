"""An example for each request and answer of the OpenAPI document, put together from those of the fields.

Whoever writes a field gives it an example where its type does not say all; nobody writes the same
document twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["add_examples", "example_of"]

Schema = Mapping[str, Any]


def add_examples(document: dict[str, Any]) -> None:
    """Give one to each JSON body that is described by a schema."""
    for methods in document["paths"].values():
        for operation in methods.values():
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            for body in (*bodies, *operation["responses"].values()):
                for media_type, content in body.get("content", {}).items():
                    if media_type.endswith("json") and "schema" in content and "example" not in content:
                        content["example"] = example_of(document, content["schema"])


def example_of(document: Schema, schema: Schema) -> Any:
    """A value that this schema describes.

    Args:
        document: whose ``components`` it may refer to.
    """
    if "$ref" in schema and not ("examples" in schema or "example" in schema):
        name = schema["$ref"].rpartition("/")[2]
        return example_of(document, document["components"]["schemas"][name])
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("example", "const"):
        if key in schema:
            return schema[key]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return (
            None if any(each.get("type") == "null" for each in choices) else example_of(document, choices[0])
        )
    return _of_type(document, schema)


def _of_type(document: Schema, schema: Schema) -> Any:
    if "properties" in schema:
        return {name: example_of(document, each) for name, each in schema["properties"].items()}
    if "default" in schema:
        return schema["default"]
    if schema.get("type") == "array":
        return [example_of(document, schema["items"])]
    plain = {"object": {}, "integer": 0, "number": 0, "boolean": False, "string": "..."}
    if schema.get("type") in ("integer", "number") and "minimum" in schema:
        return schema["minimum"]
    return plain.get(schema.get("type", "null"))

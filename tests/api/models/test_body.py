"""What comes in is read strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tunnel_whisperer.api.models.contexts import ContextName
from tunnel_whisperer.api.reference import openapi_text


def test_a_field_that_nobody_reads_is_refused() -> None:
    with pytest.raises(ValidationError, match="activ"):
        ContextName.model_validate({"name": "lab", "activ": True})


def test_every_body_of_the_api_is_read_strictly() -> None:
    document = json.loads(openapi_text())
    schemas = document["components"]["schemas"]
    found: dict[str, Any] = {}

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            name = str(value.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found[name] = schemas[name]
                collect(found[name])
            collect(list(value.values()))
        elif isinstance(value, list):
            for each in value:
                collect(each)

    for methods in document["paths"].values():
        for operation in methods.values():
            collect(operation.get("requestBody", {}).get("content", {}).get("application/json", {}))
    assert len(found) > 30
    assert [name for name, schema in found.items() if schema.get("additionalProperties") is not False] == []

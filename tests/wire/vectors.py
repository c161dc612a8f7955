"""The captured vectors under tests/data/wire, as values."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tunnel_whisperer.wire.http import RequestHead

__all__ = ["SESSION_ID", "fill", "golden_request", "golden_requests", "load"]

_DATA = Path(__file__).parents[1] / "data" / "wire"
_RUN = re.compile(r"\{X(\d+)\}")

SESSION_ID = "11111111-2222-4333-8444-555555555555"


def load(name: str) -> Any:
    """One file of vectors."""
    return json.loads((_DATA / name).read_text())


def fill(text: str) -> str:
    """A vector's text with its placeholders replaced."""
    text = _RUN.sub(lambda run: "X" * int(run[1]), text)
    return text.replace("{SID}", SESSION_ID).replace("{PAD}", "X" * 300)


def golden_requests() -> list[dict[str, Any]]:
    """Every recorded request head of the real client."""
    requests: list[dict[str, Any]] = load("golden_client_requests.json")["requests"]
    return requests


def golden_request(vector: dict[str, Any]) -> RequestHead:
    """A recorded head as an HTTP connection would report it."""
    fields = [(name.lower(), fill(value)) for name, value in vector["headers"]]
    named = dict(fields)
    hop_by_hop = ("host", "connection", "transfer-encoding")
    return RequestHead(
        vector["method"],
        fill(vector["path"]),
        named.get(":authority") or named.get("host", ""),
        named.get(":scheme", "http"),
        tuple(field for field in fields if not field[0].startswith(":") and field[0] not in hop_by_hop),
        named.get("connection") == "close",
    )

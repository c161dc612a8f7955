"""Style, script and what they load: the same for everybody, kept by the browser until it changes."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

__all__ = ["STATIC", "Assets", "asset_url"]

STATIC = Path(__file__).with_name("static")

_FOREVER = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    """A file under its URL of ``asset_url`` may be kept for ever."""

    def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Response:
        answer = super().file_response(full_path, stat_result, scope, status_code)
        versioned = scope.get("query_string", b"").startswith(b"v=")
        answer.headers["cache-control"] = _FOREVER if versioned else "no-cache"
        return answer


@cache
def asset_url(name: str) -> str:
    """Where a page loads it from; another content has another URL."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]
    return f"/static/{name}?v={digest}"

"""The ASGI application: all routes of the API, and what else is mounted beside them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from .examples import add_examples
from .house import House
from .metrics import CONTENT_TYPE, Metrics
from .problems import ERRORS, PROBLEM, register
from .routes import ROUTERS

__all__ = ["PREFIX", "build_app"]

PREFIX = "/api/v1"

_WORDS = """\
What `tw` does on the command line, for programs on the same machine. The same names, the same
values, the same error codes. Long work is a *job*: it is begun with POST, and followed at
`/jobs/{id}` or in the stream of `/events`.
"""


async def _alive() -> None:
    """For whoever watches the process: it answers."""


def _metrics_of(house: House, version_text: str) -> Callable[..., object]:
    async def read_metrics() -> Response:
        """For Prometheus; on the loop, where the numbers grow."""
        metrics = Metrics(house.counters, house.live, version_text)
        return Response(await metrics.text(), media_type=CONTENT_TYPE)

    return read_metrics


def build_app(house: House, *, pages: Callable[[FastAPI], None] = lambda app: None) -> FastAPI:
    """The application, without the gate that stands before it.

    Args:
        pages: adds the dashboard.
    """
    app = FastAPI(
        title="Tunnel Whisperer",
        version=version("tunnel-whisperer"),
        description=_WORDS,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.house = house
    register(app)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX, responses=ERRORS)
    app.add_api_route("/healthz", _alive, include_in_schema=False, status_code=204)
    app.add_api_route("/metrics", _metrics_of(house, app.version), include_in_schema=False)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    pages(app)
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, in which a problem has the media type that it is sent with (RFC 9457)."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        for methods in document["paths"].values():
            for operation in methods.values():
                for status, answer in operation["responses"].items():
                    if not status.startswith("2"):
                        answer["content"] = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        add_examples(document)
        app.openapi_schema = document
    return app.openapi_schema

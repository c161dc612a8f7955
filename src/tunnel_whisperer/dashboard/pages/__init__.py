"""The pages, a file for each kind of thing."""

from __future__ import annotations

from fastapi import APIRouter

from . import audit, home, jobs, log, relay, relay_credentials, relay_making, servers, tests

__all__ = ["ROUTERS"]

ROUTERS: tuple[APIRouter, ...] = (
    home.router,
    log.router,
    audit.router,
    jobs.router,
    tests.router,
    servers.router,
    relay.router,
    relay_making.router,
    relay_credentials.router,
)

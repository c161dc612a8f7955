"""The routes, a file for each kind of thing; thin: what they do is in ``operations`` and ``daemon``."""

from __future__ import annotations

from fastapi import APIRouter

from . import dashboard, events, jobs, logs, role, servers

__all__ = ["ROUTERS"]

ROUTERS: tuple[APIRouter, ...] = (
    role.router,
    events.router,
    jobs.router,
    logs.router,
    dashboard.router,
    servers.router,
)

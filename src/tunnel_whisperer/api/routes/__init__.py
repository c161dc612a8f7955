"""The routes, a file for each kind of thing; thin: what they do is in ``operations`` and ``daemon``."""

from __future__ import annotations

from fastapi import APIRouter

from . import apps, dashboard, events, jobs, logs, role, servers, status, users

__all__ = ["ROUTERS"]

ROUTERS: tuple[APIRouter, ...] = (
    role.router,
    status.router,
    users.router,
    apps.router,
    events.router,
    jobs.router,
    logs.router,
    dashboard.router,
    servers.router,
)

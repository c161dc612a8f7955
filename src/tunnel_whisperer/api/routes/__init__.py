"""The routes, a file for each kind of thing; thin: what they do is in ``operations`` and ``daemon``."""

from __future__ import annotations

from fastapi import APIRouter

from . import (
    access,
    apps,
    audit,
    contexts,
    dashboard,
    events,
    imports,
    jobs,
    logs,
    ports,
    proxy,
    relay,
    relay_acts,
    role,
    servers,
    service,
    settings,
    setup,
    stats,
    status,
    terminal,
    tests,
    users,
)

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
    relay.router,
    relay_acts.router,
    terminal.router,
    setup.router,
    imports.router,
    contexts.router,
    ports.router,
    settings.router,
    proxy.router,
    service.router,
    access.router,
    audit.router,
    stats.router,
    tests.router,
)

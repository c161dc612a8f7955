"""The pages, a file for each kind of thing."""

from __future__ import annotations

from fastapi import APIRouter

from . import (
    access,
    apps,
    audit,
    contexts,
    home,
    jobs,
    log,
    ports,
    relay,
    relay_credentials,
    relay_making,
    servers,
    settings,
    setup,
    terminal,
    tests,
    traffic,
    user_forms,
    users,
)

__all__ = ["ROUTERS"]

ROUTERS: tuple[APIRouter, ...] = (
    home.router,
    user_forms.router,
    users.router,
    apps.router,
    log.router,
    audit.router,
    jobs.router,
    tests.router,
    traffic.router,
    servers.router,
    relay.router,
    relay_making.router,
    relay_credentials.router,
    terminal.router,
    setup.router,
    ports.router,
    contexts.router,
    settings.router,
    access.router,
)

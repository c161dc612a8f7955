"""The pages, a file for each kind of thing."""

from __future__ import annotations

from fastapi import APIRouter

from . import home, log, servers

__all__ = ["ROUTERS"]

ROUTERS: tuple[APIRouter, ...] = (
    home.router,
    log.router,
    servers.router,
)

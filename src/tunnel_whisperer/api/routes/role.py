"""The role: how it stands; start, stop, restart."""

from __future__ import annotations

from typing import Literal, cast

from fastapi import APIRouter

from ...base.errors import TwError
from ...daemon.snapshot import error_value
from ...profile import load_config
from ..house import House, InHouse, Live
from ..models.jobs import ErrorValue
from ..models.role import RoleDocument

__all__ = ["role_document", "router"]

router = APIRouter(tags=["role"])

Mode = Literal["relay", "server", "client"]


def role_document(house: House, live: dict[str, object] | None) -> RoleDocument:
    """The role as a document; reads config.yaml."""
    status = house.supervisor.status
    try:
        mode = cast(Mode, load_config(house.profile.config).mode)
    except TwError:
        mode = None
    error = error_value(status.error)
    config = (live or {}).get("config")
    return RoleDocument(
        mode=mode,
        state=status.state.value,
        since=status.since,
        error=None if error is None else ErrorValue(**error),
        retry_at=status.retry_at,
        starts=status.starts,
        changed=list(config["changed"]) if isinstance(config, dict) else [],
    )


@router.get("/role")
def get_role(house: InHouse, live: Live) -> RoleDocument:
    """Whether it runs, and why not."""
    return role_document(house, live)


@router.post("/role/start", status_code=202)
async def start_role(house: InHouse) -> None:
    """Run it; one that waits to be tried again is tried at once, and one that runs goes on."""
    house.supervisor.start()


@router.post("/role/stop", status_code=202)
async def stop_role(house: InHouse) -> None:
    """End it: connections end, local ports close, until it is started again or this process is."""
    house.supervisor.stop()


@router.post("/role/restart", status_code=202)
async def restart_role(house: InHouse) -> None:
    """End it and run it with what the files say now: connections end."""
    house.supervisor.restart()

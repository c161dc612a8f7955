"""A client's local ports: which there are, another number, another interface, one of them tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path

from ...base.values import HostPort
from ...daemon.changes import Topic
from ...daemon.jobs import Tell
from ...daemon.roles import need_role
from ...doctor import Step
from ...operations.local_ports import (
    LocalPort,
    listen_warning,
    ports_of,
    set_listen_address,
    set_local_port,
)
from ...operations.port_testing import connect_through
from ...operations.settings import SettingsChange
from ..house import House, InHouse, Live, RoleConfig
from ..models.jobs import ErrorValue, JobDocument
from ..models.ports import ListenWish, PortDocument, PortList, PortsChanged, PortWish

__all__ = ["router", "test_kind"]

router = APIRouter(tags=["ports"])

_STATES = {"ok": "done", "note": "info", "failed": "failed", "skipped": "skipped"}
"""Of a check's step, as a job has them."""

PortNumber = Annotated[int, Path(ge=1, le=65535)]


def test_kind(port: int) -> str:
    """Kind of the jobs that try this local port."""
    return f"test-port-{port}"


@router.get("/ports")
def list_ports(house: InHouse, config: RoleConfig, live: Live) -> PortList:
    """Which local ports this client has, where they lead, and who uses them."""
    need_role(config, "client", house.profile)
    rows = list((live or {}).get("ports", ()))
    address = config.client.listen_address
    ports = [_document(port, _taken(rows, port, address)) for port in ports_of(config)]
    changed = (live or {}).get("config", {}).get("changed", [])
    return PortList(
        ports=ports,
        listen_address=address,
        warning=listen_warning(address),
        changed=any(str(field).startswith("client.") for field in changed),
    )


@router.put("/ports/listen-address")
def change_listen_address(wish: ListenWish, house: InHouse) -> PortsChanged:
    """Open the local ports on another interface, from the next start of the role on."""
    return _changed(house, set_listen_address(house.profile, wish.address))


@router.put("/ports/{given}")
def change_port(given: PortNumber, wish: PortWish, house: InHouse) -> PortsChanged:
    """Open another local port instead of the one that was given, from the next start of the role on."""
    return _changed(house, set_local_port(house.profile, given, wish.local))


@router.post("/ports/{local}/test", status_code=202)
async def try_port(local: PortNumber, house: InHouse, config: RoleConfig) -> JobDocument:
    """Connect through a local port that is open, and say how far it got. Nothing is sent."""
    need_role(config, "client", house.profile)

    async def work(tell: Tell) -> dict[str, Any]:
        def step(found: Step) -> None:
            tell(found.name, _STATES[found.state.value], found.detail, found.hint)

        done = await connect_through(house.profile, config, local, step, snapshot=house.supervisor.snapshot)
        if done.report.failure is not None:
            raise done.report.failure
        return {**done.about, "verdict": done.verdict}

    job = house.supervisor.jobs.start(test_kind(local), f"local port {local}", work)
    return JobDocument.model_validate(job.to_json())


def _changed(house: House, done: SettingsChange) -> PortsChanged:
    house.supervisor.changes.mark_from_thread(Topic.CONFIG, Topic.STATUS)
    address = done.after.client.listen_address
    changed = list(done.changed)
    return PortsChanged(
        changed=changed,
        restart=done.restart is not None,
        warning=listen_warning(address) if "client.listen_address" in changed else "",
    )


def _taken(rows: list[Mapping[str, Any]], port: LocalPort, address: str) -> Mapping[str, Any] | None:
    """The open port that is this one, which no other one is: perhaps still with the number of before."""
    same = [row for row in rows if row["target"] == str(port.target)]
    exact = [row for row in same if row["address"] == str(HostPort(address, port.local))]
    near = [row for row in same if HostPort.parse(row["address"]).port == port.local]
    for row in (exact or near or same)[:1]:
        rows.remove(row)
        return row
    return None


def _document(port: LocalPort, row: Mapping[str, Any] | None) -> PortDocument:
    found = row or {}
    error = found.get("error")
    return PortDocument(
        given=port.given,
        local=port.local,
        target=str(port.target),
        address=found.get("address"),
        open=found.get("open", 0),
        opened=found.get("opened", 0),
        error=None if error is None else ErrorValue(**error),
    )

"""How this machine stands: what ``tw status --json`` tells."""

from __future__ import annotations

from fastapi import APIRouter

from ...operations.condition import look
from ...profile import Context
from ..house import House, InHouse, Live
from ..models.status import StatusDocument

__all__ = ["get_status", "router"]

router = APIRouter(tags=["role"])


@router.get("/status")
def get_status(house: InHouse, live: Live) -> StatusDocument:
    """Everything at once: role, relay, layers, who is connected, problems, and what to do next."""
    return StatusDocument.model_validate(look(house.contexts, context=_served(house), live=live).to_json())


def _served(house: House) -> Context | None:
    """The context that this process serves, which need not be the active one."""
    return next((x for x in house.contexts.survey()[0] if x.profile == house.profile), None)

"""How a machine gets its role: a server by request or invitation, a client by invitation, a relay here.

A client's file comes through ``/imports``.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal, cast

from fastapi import APIRouter

from ...base.errors import Misuse
from ...base.values import HostPort
from ...daemon.changes import Topic
from ...daemon.claim import connect_by_invitation
from ...daemon.jobs import Tell
from ...operations.embedded_relay import RelayWish, make_embedded_relay
from ...operations.joining import accept_response, join_by_token, make_request, proposed_id
from ...operations.pending_join import pending_request
from ...operations.steps import DONE, STARTED
from ...profile import Profile, load_config
from ...tenancy import JoinResponse, Token, is_token
from ..house import House, InHouse
from ..models.jobs import JobDocument
from ..models.setup import (
    InvitationUse,
    JoinAnswer,
    JoinedDocument,
    JoinRequestDocument,
    JoinWish,
    RelayHereDocument,
    RelayWishDocument,
    SetupDocument,
)
from .role import Mode

__all__ = ["INVITATION", "router"]

router = APIRouter(tags=["setup"])

INVITATION = "invitation"
"""Kind of the jobs that use one."""


@router.get("/setup")
def get_setup(house: InHouse) -> SetupDocument:
    """How far this identity is, and where its making was left."""
    profile = house.profile
    if not profile.config.exists():
        return SetupDocument(stage="empty", mode=None, server=proposed_id(profile), relay="")
    config = load_config(profile.config)
    asked = pending_request(profile)
    stage: Literal["begun", "asked", "done"] = "done"
    if config.mode == "server" and not config.xray.relay_host:
        stage = "begun" if asked is None else "asked"
    return SetupDocument(
        stage=stage,
        mode=cast(Mode, config.mode),
        server=config.server_id,
        relay=config.relay.domain or config.xray.relay_host or ("" if asked is None else asked.relay_host),
    )


@router.post("/join/request", status_code=201)
def request_slot(wish: JoinWish, house: InHouse) -> JoinRequestDocument:
    """Make this machine a server that asks a relay for a slot; the same again gives the same request."""
    made = make_request(house.profile, wish.relay, wish.server)
    _tell(house)
    relay = HostPort.parse(wish.relay, 443).host
    return JoinRequestDocument(
        server=made.server_id, relay=relay, file_name=made.file_name, request=made.text
    )


@router.get("/join/request")
def get_request(house: InHouse) -> JoinRequestDocument:
    """The request that was made last, while its response is missing."""
    asked = pending_request(house.profile)
    if asked is None:
        raise Misuse("no-such-name", "no request of this machine waits for a response", hint="tw join RELAY")
    return JoinRequestDocument(
        server=asked.server_id,
        relay=asked.relay_host,
        file_name=f"{asked.server_id}-request.json",
        request=asked.to_text(),
    )


@router.post("/join/response")
async def take_response(wish: JoinAnswer, house: InHouse) -> JoinedDocument:
    """Take over what the relay's admin sent back, and start the server."""

    def take() -> JoinedDocument:
        config = accept_response(house.profile, JoinResponse.parse(wish.response))
        return JoinedDocument(server=config.server_id, relay=config.xray.relay_host)

    joined = await asyncio.to_thread(take)
    _run(house, house.profile)
    return joined


@router.post("/join/invitation", status_code=202)
async def use_invitation(wish: InvitationUse, house: InHouse) -> JobDocument:
    """Become what an invitation invites to: a relay's server, or a server's client. The keys are made
    here. A job that failed leaves nothing behind, and may be begun again."""
    profile = house.profile
    token = _token(wish.token.get_secret_value())

    async def work(tell: Tell) -> dict[str, Any]:
        whom = str(token.relay)
        tell("invitation", STARTED, f"asking at {whom}; this takes some seconds")
        if token.kind == "join":
            config = await join_by_token(profile, token, wish.server)
            told: dict[str, Any] = {"role": "server", "server": config.server_id}
            words = f"this machine is the server {config.server_id} of {config.xray.relay_host}"
        else:
            config = await connect_by_invitation(profile, token)
            told = {"role": "client", "server": token.server_id, "user": token.name}
            words = f"this machine is {token.name} at {token.server_id}"
        tell("invitation", DONE, words)
        _run(house, profile)
        return {**told, "relay": config.xray.relay_host}

    job = house.supervisor.jobs.start(INVITATION, "using an invitation", work)
    return JobDocument.model_validate(job.to_json())


@router.post("/relay/embedded", status_code=201)
async def make_relay_here(wish: RelayWishDocument, house: InHouse) -> RelayHereDocument:
    """Make this machine a relay, or change the one that it is, and start it: clients and servers that
    are connected come again."""
    profile = house.profile
    config = await asyncio.to_thread(make_embedded_relay, profile, RelayWish(**wish.model_dump()))
    _run(house, profile)
    relay = config.relay
    return RelayHereDocument(
        domain=relay.domain, listen=relay.listen, own_ca=not relay.cert, behind_proxy=relay.behind_proxy
    )


def _token(text: str) -> Token:
    """Of either kind.

    Raises:
        Misuse: ``bad-token``.
    """
    kind = "connect" if text.lstrip().startswith("tw-connect-") else "join"
    if not is_token(text):
        raise Misuse(
            "bad-token", "this is no invitation", hint="paste all of what begins with tw-join- or tw-connect-"
        )
    return Token.parse(text, kind)


def _run(house: House, profile: Profile) -> None:
    """On the loop: its role runs with what is new."""
    if profile == house.profile:
        house.supervisor.restart()
    house.supervisor.changes.mark(Topic.STATUS, Topic.CONFIG, Topic.CONTEXTS)


def _tell(house: House) -> None:
    house.supervisor.changes.mark_from_thread(Topic.STATUS, Topic.CONFIG, Topic.CONTEXTS)

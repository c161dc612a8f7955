"""What needs a provider's credentials once more: removing the machine, and its port 22."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from ...api.house import InHouse, RoleConfig
from ...api.models.relay import DestroyWish, RelayDocument, RemovalWish, SshWish
from ...api.problems import status_of
from ...api.routes.relay import get_relay
from ...api.routes.relay_acts import change_ssh, destroy_machine, look_at_destruction
from ...base.errors import Misuse, TwError
from ..page import Page, ThisForm, ThisPage
from ..relay_drafts import Draft
from .relay_making import drafts_of, provider_of, typed_credentials

__all__ = ["router"]

router = APIRouter()


# -- removing ------------------------------------------------------------------------------------------


@router.get("/relay/destroy")
async def ask_first(page: ThisPage, house: InHouse) -> Response:
    """What it means, and the credentials."""
    return _first(page, get_relay(house))


@router.post("/relay/destroy")
async def look(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """See what there is, which is then shown to be agreed to."""
    relay = get_relay(house)
    provider = _provider(relay)
    try:
        credentials = typed_credentials(form, provider)
        removal = await look_at_destruction(RemovalWish(credentials=credentials), house, config)
    except TwError as exc:
        return _first(page, relay, exc)
    draft = drafts_of(page.request).make(page.owner, relay.domain, provider)
    draft.credentials, draft.removal = credentials, removal
    return page.go(f"/relay/destroy/{draft.id}")


@router.get("/relay/destroy/{draft_id}")
async def show_removal(draft_id: str, page: ThisPage) -> Response:
    """Everything that would be removed."""
    return _second(page, drafts_of(page.request).get(page.owner, draft_id))


@router.post("/relay/destroy/{draft_id}")
async def destroy(
    draft_id: str, page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig
) -> Response:
    """Remove it."""
    drafts = drafts_of(page.request)
    draft = drafts.get(page.owner, draft_id)
    try:
        wish = DestroyWish(
            credentials=draft.credentials,
            domain=form.text("domain")[:253],
            without_certificates=form.has("without_certificates"),
        )
        await destroy_machine(wish, house, config)
    except TwError as exc:
        return _second(page, draft, exc)
    drafts.drop(draft_id)
    return page.go("/relay")


# -- port 22 -------------------------------------------------------------------------------------------


@router.get("/relay/ssh")
async def ask_about_ssh(page: ThisPage, house: InHouse) -> Response:
    """What it means, and the credentials."""
    return _ssh(page, get_relay(house))


@router.post("/relay/ssh")
async def set_ssh(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Open or shut it."""
    relay = get_relay(house)
    try:
        credentials = typed_credentials(form, _provider(relay))
        await change_ssh(SshWish(open=form.text("open") == "yes", credentials=credentials), house, config)
    except TwError as exc:
        return _ssh(page, relay, exc)
    return page.go("/relay")


# -- shown ---------------------------------------------------------------------------------------------


def _provider(relay: RelayDocument) -> str:
    """Of the machine that there is.

    Raises:
        Misuse: ``not-set-up``.
    """
    if relay.begun is None:
        raise Misuse(
            "not-set-up", "this relay has no machine", hint="the page Relay machine says what can be done"
        )
    return relay.begun.provider


def _first(page: Page, relay: RelayDocument, error: TwError | None = None) -> Response:
    return page.show(
        "relay_destroy.html",
        status=status_of(error) if error is not None else 200,
        error=error,
        relay=relay.model_dump(),
        provider=provider_of(_provider(relay)),
    )


def _second(page: Page, draft: Draft, error: TwError | None = None) -> Response:
    if draft.removal is None:
        return page.go("/relay/destroy")
    return page.show(
        "relay_removal.html",
        status=status_of(error) if error is not None else 200,
        error=error,
        draft=draft,
        provider=provider_of(draft.provider),
    )


def _ssh(page: Page, relay: RelayDocument, error: TwError | None = None) -> Response:
    return page.show(
        "relay_ssh.html",
        status=status_of(error) if error is not None else 200,
        error=error,
        relay=relay.model_dump(),
        provider=provider_of(_provider(relay)),
    )

"""From a name to an order that somebody agreed to, a page for each step; nothing is made before the last."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import SecretStr, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from ...api.house import InHouse
from ...api.models.relay import OfferWish, OrderWish, OwnMachineWish, ProviderDocument
from ...api.problems import status_of
from ...api.routes.relay import (
    ask_offer,
    check_order,
    get_relay,
    list_providers,
    make_machine,
    plan_machine,
    take_machine,
)
from ...base.errors import Misuse, TwError
from ..page import Form, Page, ThisForm, ThisPage
from ..relay_drafts import Draft, Drafts
from .relay import show_start

__all__ = ["drafts_of", "provider_of", "router", "typed_credentials"]

router = APIRouter()

MANUAL = "manual"


def drafts_of(request: Request) -> Drafts:
    """Those of this process."""
    state = request.app.state
    if not hasattr(state, "relay_drafts"):
        state.relay_drafts = Drafts()
    found = state.relay_drafts
    assert isinstance(found, Drafts)
    return found


def provider_of(name: str) -> ProviderDocument:
    """One of them.

    Raises:
        Misuse: ``no-such-name``.
    """
    known = {each.name: each for each in list_providers().providers}
    if name not in known:
        raise Misuse(
            "no-such-name", "choose a provider", hint=", ".join(each.title for each in known.values())
        )
    return known[name]


def typed_credentials(form: Form, provider: str) -> dict[str, SecretStr]:
    """What was typed into the fields of a provider."""
    fields = provider_of(provider).fields
    return {each.name: SecretStr(form.secret(each.name)[:4096]) for each in fields if form.secret(each.name)}


# -- 1: the name, and where ----------------------------------------------------------------------------


@router.post("/relay/new")
async def begin(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """A name and a provider."""
    relay = get_relay(house)
    typed = {"domain": form.text("domain") or relay.domain, "provider": form.text("provider")}
    try:
        provider_of(typed["provider"])
        domain = await asyncio.to_thread(check_order, house, typed["domain"], typed["provider"])
    except TwError as exc:
        return show_start(page, relay, exc, typed)
    draft = drafts_of(page.request).make(page.owner, domain, typed["provider"])
    draft.ssh_open = relay.ssh_open
    return page.go(f"/relay/new/{draft.id}")


@router.post("/relay/new/again")
async def go_on(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """What was begun, and needs its credentials again."""
    relay = get_relay(house)
    if relay.begun is None:
        return page.go("/relay")
    draft = drafts_of(page.request).make(page.owner, relay.domain, relay.begun.provider)
    draft.region, draft.ssh_open = relay.begun.region, relay.ssh_open
    return page.go(f"/relay/new/{draft.id}")


@router.get("/relay/new")
@router.get("/relay/new/again")
async def back_to_start(page: ThisPage) -> Response:
    """A form that was not carried out leaves its own path in the address bar."""
    return page.go("/relay?new=1")


@router.get("/relay/new/{draft_id}")
async def show_step(draft_id: str, page: ThisPage) -> Response:
    """The step that is next."""
    return _step(page, drafts_of(page.request).get(page.owner, draft_id))


@router.get("/relay/new/{draft_id}/{form_of_it}")
async def back_to_step(draft_id: str, form_of_it: str, page: ThisPage) -> Response:
    """The same for the forms of its steps."""
    return page.go(f"/relay/new/{quote(draft_id, safe='')}")


@router.post("/relay/new/{draft_id}/back")
async def back(draft_id: str, page: ThisPage, form: ThisForm) -> Response:
    """One step back; before the first one it is dropped."""
    drafts = drafts_of(page.request)
    draft = drafts.get(page.owner, draft_id)
    if draft.plan is not None:
        draft.plan = None
    elif draft.offer is not None:
        draft.offer, draft.credentials = None, {}
    else:
        drafts.drop(draft_id)
        return page.go("/relay?new=1")
    return page.go(f"/relay/new/{draft_id}")


# -- 2: a machine of one's own, or credentials ---------------------------------------------------------


@router.post("/relay/new/{draft_id}/own-machine")
async def name_machine(draft_id: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """The addresses of a machine that somebody has."""
    drafts = drafts_of(page.request)
    draft = drafts.get(page.owner, draft_id)
    typed = {"ipv4": form.text("ipv4"), "ipv6": form.text("ipv6"), "ssh_open": form.has("ssh_open")}
    try:
        addresses = [typed[name] for name in ("ipv4", "ipv6") if typed[name]]
        if not addresses:
            raise Misuse("bad-argument", "the machine's address is missing", hint="such as 203.0.113.7")
        wish = _checked(OwnMachineWish, domain=draft.domain, addresses=addresses, ssh_open=typed["ssh_open"])
        await take_machine(wish, house)
    except TwError as exc:
        return _step(page, draft, exc, typed)
    drafts.drop(draft_id)
    return page.go("/relay")


@router.post("/relay/new/{draft_id}/credentials")
async def show_credentials(draft_id: str, page: ThisPage, form: ThisForm) -> Response:
    """Tried at once; nothing is made by it."""
    draft = drafts_of(page.request).get(page.owner, draft_id)
    try:
        credentials = typed_credentials(form, draft.provider)
        draft.offer = await ask_offer(
            OfferWish(provider=draft.provider, credentials=credentials, region=draft.region)
        )
    except TwError as exc:
        return _step(page, draft, exc)
    draft.credentials = credentials
    draft.region, draft.size = draft.offer.region, draft.offer.size
    return page.go(f"/relay/new/{draft_id}")


# -- 3: the machine, and its price ---------------------------------------------------------------------


@router.post("/relay/new/{draft_id}/size")
async def choose_size(draft_id: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Where and how large; another region has other sizes and prices."""
    draft = drafts_of(page.request).get(page.owner, draft_id)
    region, draft.size, draft.ssh_open = form.text("region"), form.text("size"), form.has("ssh_open")
    try:
        if region != draft.region or form.text("act") == "region":
            wish = _checked(OfferWish, provider=draft.provider, credentials=draft.credentials, region=region)
            draft.offer = await ask_offer(wish)
            draft.region, draft.size = draft.offer.region, draft.offer.size
        else:
            draft.plan = await plan_machine(_order(draft), house)
    except TwError as exc:
        return _step(page, draft, exc)
    return page.go(f"/relay/new/{draft_id}")


# -- 4: agreed -----------------------------------------------------------------------------------------


@router.post("/relay/new/{draft_id}/make")
async def make(draft_id: str, page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Make what was shown; the credentials are the job's from now on, and end with it."""
    drafts = drafts_of(page.request)
    draft = drafts.get(page.owner, draft_id)
    if draft.plan is None:
        return page.go(f"/relay/new/{draft_id}")
    try:
        await make_machine(_order(draft), house)
    except TwError as exc:
        return _step(page, draft, exc)
    drafts.drop(draft_id)
    return page.go("/relay")


# -- shared --------------------------------------------------------------------------------------------


def _step(
    page: Page, draft: Draft, error: TwError | None = None, typed: dict[str, Any] | None = None
) -> Response:
    provider = provider_of(draft.provider)
    values: dict[str, Any] = {"draft": draft, "provider": provider}
    if draft.provider == MANUAL:
        template = "relay_own_machine.html"
        values["typed"] = typed or {"ipv4": "", "ipv6": "", "ssh_open": False}
    elif draft.offer is None:
        template = "relay_credentials.html"
    elif draft.plan is None:
        template = "relay_size.html"
    else:
        template = "relay_plan.html"
    status = status_of(error) if error is not None else 200
    return page.show(template, status=status, error=error, **values)


def _order(draft: Draft) -> OrderWish:
    fields = {
        "domain": draft.domain,
        "provider": draft.provider,
        "credentials": draft.credentials,
        "region": draft.region,
        "size": draft.size,
        "ssh_open": draft.ssh_open,
    }
    wish: OrderWish = _checked(OrderWish, **fields)
    return wish


def _checked(model: Any, **fields: Any) -> Any:
    try:
        return model(**fields)
    except ValidationError as exc:
        where = ".".join(str(part) for part in exc.errors()[0]["loc"])
        raise Misuse("bad-argument", "this value cannot be used", where=where) from None

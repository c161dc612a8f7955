"""config.yaml for people, the proxy, and the service that runs the role."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ...api.house import House, InHouse, RoleConfig
from ...api.models.settings import (
    ProxyWish,
    ServicePlace,
    ServiceWish,
    SettingDocument,
    SettingsDocument,
    SettingsWish,
)
from ...api.problems import status_of
from ...api.routes.proxy import change_proxy, forget_proxy, get_proxy
from ...api.routes.role import restart_role
from ...api.routes.service import (
    find_service,
    install_service,
    service_document,
    start_service,
    stop_service,
    uninstall_service,
)
from ...api.routes.settings import change_settings, get_settings
from ...base.errors import TwError
from ..page import Form, Page, ThisForm, ThisPage
from ..typed import typed

__all__ = ["router", "sections", "typed_changes"]

router = APIRouter()

_TITLES = {
    "": "General",
    "xray": "The way to the relay",
    "server": "Server and dashboard",
    "client": "Client",
    "relay": "Relay",
    "analytics": "Counters",
}
_COMMANDS = {
    "install": "tw service install",
    "start": "tw service start",
    "stop": "tw service stop",
    "uninstall": "tw service uninstall",
}


@router.get("/settings")
def show_settings(page: ThisPage, house: InHouse, config: RoleConfig) -> Response:
    """All of it, by sections."""
    return _show(page, house, config)


def _show(
    page: Page,
    house: House,
    config: Any,
    error: TwError | None = None,
    typed_in: dict[str, str] | None = None,
    proxy_url: str = "",
) -> Response:
    live = None if page.live is None else dict(page.live)
    found = get_settings(house, config, live)
    return page.show(
        "settings.html",
        status=200 if error is None else status_of(error),
        error=error,
        sections=sections(found, typed_in or {}),
        file=found.file,
        changed=found.changed,
        proxy=get_proxy(house, live),
        proxy_url=proxy_url,
    )


@router.post("/settings")
def change(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Change what differs in one section."""
    found = get_settings(house, config, None)
    fields = typed_changes(found, form)
    if not fields:
        page.tell("Nothing was different, so nothing was changed.")
        return page.go("/settings")
    try:
        done = change_settings(typed(SettingsWish, fields=fields), house)
    except TwError as exc:
        return _show(page, house, config, exc, fields)
    page.tell(f"Changed: {', '.join(done.changed) or 'nothing that has an effect'}.")
    return page.go("/settings")


@router.post("/settings/again")
async def start_again(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Run the role with the settings as they are now."""
    await restart_role(house)
    page.tell("Started again, with the settings as they are now.")
    return page.go("/settings")


@router.post("/settings/proxy")
def choose_proxy(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Another proxy, or none of our own."""
    url = form.text("url")
    try:
        if form.has("clear"):
            done = forget_proxy(house)
        else:
            done = change_proxy(typed(ProxyWish, url=url, password=form.secret("password") or None), house)
    except TwError as exc:
        return _show(page, house, config, exc, proxy_url="" if "@" in url else url)
    page.tell("The proxy is changed." if done.changed else "It is the same proxy as before.")
    return page.go("/settings")


# -- the service -----------------------------------------------------------------------------------------


@router.get("/settings/service")
def show_service(page: ThisPage, house: InHouse) -> Response:
    """Whether the role runs by itself."""
    return _service(page, house)


def _service(page: Page, house: House, error: TwError | None = None, act: str = "") -> Response:
    try:
        service, fault = service_document(find_service(house, None)), None
    except TwError as exc:
        service, fault = None, exc
    return page.show(
        "service.html",
        status=200 if error is None else status_of(error),
        error=error,
        service=service,
        fault=None if fault is None else {"why": str(fault), "hint": fault.hint},
        command=_COMMANDS.get(act, ""),
    )


@router.get("/settings/service/{act}")
def ask_service(act: str, page: ThisPage, house: InHouse) -> Response:
    """What stopping it, or taking it away, does."""
    if act not in ("stop", "uninstall"):
        return page.go("/settings/service")
    return page.show("service_end.html", service=service_document(find_service(house, None)), act=act)


@router.post("/settings/service")
def change_service(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Install, start, stop, uninstall."""
    act = form.text("act")
    try:
        if act == "install":
            install_service(ServiceWish(), house)
            page.tell("It starts by itself from now on, with this machine or when its user logs in.")
        elif act == "start":
            start_service(ServicePlace(), house)
            page.tell("The service is started.")
        elif act == "stop":
            stop_service(ServicePlace(), house)
            page.tell("The service is stopped, until it is started, or the machine is.")
        elif act == "uninstall":
            uninstall_service(ServicePlace(), house)
            page.tell("It does not start by itself any more.")
    except TwError as exc:
        return _service(page, house, exc, act)
    return page.go("/settings/service")


# -- fields as a form has them ---------------------------------------------------------------------------


def sections(found: SettingsDocument, typed_in: dict[str, str]) -> list[dict[str, Any]]:
    """The settings of this role by section: what can be changed, and what cannot with the reason."""
    made: dict[str, dict[str, Any]] = {}
    for setting in found.settings:
        if not setting.applies or setting.name == "proxy":
            continue
        group = setting.name.rpartition(".")[0]
        section = made.setdefault(
            group, {"id": group or "general", "title": _TITLES.get(group, group), "fields": [], "fixed": []}
        )
        row = {
            **setting.model_dump(),
            "text": typed_in.get(setting.name, _text(setting.value)),
            "usual": _text(setting.default),
            "waits": setting.name in found.changed,
        }
        section["fields" if setting.settable else "fixed"].append(row)
    return list(made.values())


def typed_changes(found: SettingsDocument, form: Form) -> dict[str, str]:
    """The fields of a form that are otherwise than in the file."""
    return {
        setting.name: text
        for setting in found.settings
        if _is_there(setting, form) and (text := form.text(setting.name)) != _text(setting.value)
    }


def _is_there(setting: SettingDocument, form: Form) -> bool:
    return setting.settable and setting.name != "proxy" and form.has(setting.name)


def _text(value: Any) -> str:
    """As a person would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)

"""The proxy on the way to the relay: which one, who says so, and changing that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fastapi import APIRouter

from ...base.errors import Misuse
from ...base.proxy import Proxy
from ...base.values import Secret
from ...operations.proxy_settings import clear_proxy, proxy_state, set_proxy
from ..house import InHouse, Live
from ..models.settings import ProxyDocument, ProxyValue, ProxyWish, SettingsChanged
from .settings import settings_changed

__all__ = ["router"]

router = APIRouter(tags=["settings"])


@router.get("/proxy")
def get_proxy(house: InHouse, live: Live) -> ProxyDocument:
    """Which proxy is used, and who says so; without its credentials."""
    found = proxy_state(house.profile, live=live)
    told = found.to_json()
    return ProxyDocument(
        words=found.words,
        proxy=_value(told["proxy"]),
        credentials=told["credentials"],
        in_use=_value(found.in_use),
        restart=live is not None and found.restart is not None,
    )


@router.put("/proxy")
def change_proxy(wish: ProxyWish, house: InHouse) -> SettingsChanged:
    """Use this one, whatever the environment says, when the role is started again."""
    proxy = Proxy.parse(wish.url.get_secret_value())
    password = "" if wish.password is None else wish.password.get_secret_value()
    if password:
        if not proxy.user:
            raise Misuse(
                "bad-argument",
                "there is no user name for a password",
                where="url",
                hint="http://user@host:port",
            )
        # Once more: a password that the proxy's protocol cannot carry.
        proxy = Proxy.parse(replace(proxy, password=Secret(password)).to_url())
    return settings_changed(house, set_proxy(house.profile, proxy))


@router.delete("/proxy")
def forget_proxy(house: InHouse) -> SettingsChanged:
    """Forget the one of config.yaml; the environment's is used again, if it names one."""
    return settings_changed(house, clear_proxy(house.profile))


def _value(told: Mapping[str, str] | None) -> ProxyValue | None:
    return None if told is None else ProxyValue(url=told["url"], source=told["from"])

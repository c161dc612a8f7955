"""config.yaml, the proxy, and the service."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr

from .body import Body
from .contexts import RunningValue

__all__ = [
    "ProxyDocument",
    "ProxyValue",
    "ProxyWish",
    "ServiceDocument",
    "ServicePlace",
    "ServiceWish",
    "SettingDocument",
    "SettingsChanged",
    "SettingsDocument",
    "SettingsWish",
]


class SettingDocument(BaseModel):
    """One field of config.yaml."""

    name: str = Field(description="Dotted.", examples=["log_level"])
    meaning: str = Field(examples=["least level that is logged"])
    kind: Literal["flag", "choice", "number", "text", "list"]
    says: str = Field(
        description="What it accepts, in words.", examples=["one of debug, info, warning, error"]
    )
    choices: list[str]
    lowest: int | None
    highest: int | None
    value: Any = Field(description="Passwords are left out.", examples=["info"])
    default: Any = Field(description="null: not set, or it must be given.", examples=["info"])
    modes: list[str] = Field(description="Roles that use it.", examples=[["server", "client"]])
    applies: bool = Field(description="Whether the role of this identity is one of them.")
    missing: bool = Field(description="Whether the role cannot work before it is set.")
    has_secret: bool = Field(description="Something is left out of the value: it is nothing to send back.")
    settable: bool
    words: str = Field(description="Why it is not settable.", examples=["for a relay"])


class SettingsDocument(BaseModel):
    """All of it, in the file's order."""

    file: str = Field(examples=["/etc/tw/config/config.yaml"])
    settings: list[SettingDocument]
    changed: list[str] = Field(
        description="Fields that are otherwise since the role was started: a restart applies them."
    )


class SettingsWish(Body):
    """Fields to change, all of them or none."""

    fields: dict[str, str] = Field(
        min_length=1,
        max_length=100,
        description="Dotted name and value as a person types it; empty: the field's default.",
        examples=[{"log_level": "debug"}],
    )


class SettingsChanged(BaseModel):
    """What became of it."""

    changed: list[str] = Field(description="Fields that are different now.", examples=[["log_level"]])
    restart: bool = Field(description="Whether the role has to be started again to apply it.")


class ProxyValue(BaseModel):
    """A proxy, without its credentials."""

    url: str | None = Field(examples=["http://proxy.example.org:3128"])
    source: str | None = Field(
        description="``config.yaml``, or a variable of the environment.", examples=["config.yaml"]
    )


class ProxyDocument(BaseModel):
    """The proxy on the way to the relay."""

    words: str = Field(examples=["http://proxy.example.org:3128, as config.yaml says"])
    proxy: ProxyValue | None = Field(description="The one that is chosen; null: none.")
    credentials: bool = Field(description="Whether a user name goes with it.")
    in_use: ProxyValue | None = Field(description="By the role that runs; null: none, or nothing runs.")
    restart: bool = Field(description="The role that runs goes another way than is chosen.")


class ProxyWish(Body):
    """Another one."""

    url: SecretStr = Field(
        min_length=1,
        max_length=2000,
        description="``http://``, ``https://`` or ``socks5://[user:password@]host[:port]``",
        examples=["http://proxy.example.org:3128"],
    )
    password: SecretStr | None = Field(
        default=None, max_length=255, description="Of the user in the URL, where it is not in there."
    )


class ServicePlace(Body):
    """Whose service it is."""

    system: bool | None = Field(
        default=None,
        description="true: starts with the machine; false: when its user logs in; null: what suits this account.",
    )


class ServiceWish(ServicePlace):
    """How to install it."""

    start: bool = Field(
        default=False,
        description="Start it at once; refused while another process, such as this one, serves the identity.",
    )


class ServiceDocument(BaseModel):
    """Whether the role of this identity runs by itself."""

    name: str = Field(examples=["tw"])
    title: str = Field(examples=["Tunnel Whisperer: server plant-7"])
    manager: str = Field(examples=["systemd"])
    system: bool = Field(description="Starts with the machine; otherwise when its user logs in.")
    command: str = Field(description="What it runs.", examples=["/usr/local/bin/tw serve"])
    installed: bool
    enabled: bool = Field(description="Starts by itself.")
    running: bool
    says: str = Field(description="What the manager says of it.", examples=["active (running)"])
    file: str = Field(description="Where it is described; may be empty.")
    log_command: str = Field(examples=["journalctl -u tw"])
    is_this: bool = Field(description="It is this very process.")
    holder: RunningValue | None = Field(description="The process that serves the identity.")
    advice: list[str] = Field(default=[], description="What it lacks, in words.")

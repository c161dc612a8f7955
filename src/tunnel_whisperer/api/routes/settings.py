"""config.yaml: each field with what it is, and changing some of them."""

from __future__ import annotations

from fastapi import APIRouter

from ...daemon.changes import Topic
from ...operations.settings import SettingsChange, change_fields
from ...operations.settings_view import settings_of
from ..house import House, InHouse, Live, RoleConfig
from ..models.settings import SettingDocument, SettingsChanged, SettingsDocument, SettingsWish

__all__ = ["router", "settings_changed"]

router = APIRouter(tags=["settings"])


@router.get("/settings")
def get_settings(house: InHouse, config: RoleConfig, live: Live) -> SettingsDocument:
    """Every field, those of other roles included, without passwords."""
    changed = (live or {}).get("config", {}).get("changed", [])
    return SettingsDocument(
        file=str(house.profile.config),
        settings=[SettingDocument(**setting.to_json()) for setting in settings_of(config)],
        changed=list(changed),
    )


@router.patch("/settings")
def change_settings(wish: SettingsWish, house: InHouse) -> SettingsChanged:
    """Change fields, all of them or none. What listens and connects does it anew when it is started again."""
    return settings_changed(house, change_fields(house.profile, wish.fields.items()))


def settings_changed(house: House, done: SettingsChange) -> SettingsChanged:
    """Tell whoever watches, and say what is left to do."""
    house.supervisor.changes.mark_from_thread(Topic.CONFIG, Topic.STATUS)
    return SettingsChanged(changed=list(done.changed), restart=done.restart is not None)

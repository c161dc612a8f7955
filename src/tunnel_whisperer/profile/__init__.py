"""The directory of one identity: where its files are, how they are written, and config.yaml.

Stands at the bottom of the control plane. May import base only. Plain synchronous code.
"""

from .change import change_field, settable_fields
from .contexts import Context, Contexts, check_context_name, suggested_name
from .files import ensure_directory, remove_file, write_file, write_files, write_new_files
from .form import FieldForm, field_form
from .load import Complaints, check_field, compose_yaml, load_config, parse_config
from .places import IDENTITY_FILES, IDENTITY_FOLDERS, Profile, default_directory, locked
from .reference import render_reference
from .running import Running, running, who_runs
from .save import format_config, save_config
from .schema import (
    AnalyticsConfig,
    ClientConfig,
    Config,
    RelayConfig,
    ServerConfig,
    TunnelEntry,
    XrayConfig,
)

__all__ = [
    "IDENTITY_FILES",
    "IDENTITY_FOLDERS",
    "AnalyticsConfig",
    "ClientConfig",
    "Complaints",
    "Config",
    "Context",
    "Contexts",
    "FieldForm",
    "Profile",
    "RelayConfig",
    "Running",
    "ServerConfig",
    "TunnelEntry",
    "XrayConfig",
    "change_field",
    "check_context_name",
    "check_field",
    "compose_yaml",
    "default_directory",
    "ensure_directory",
    "field_form",
    "format_config",
    "load_config",
    "locked",
    "parse_config",
    "remove_file",
    "render_reference",
    "running",
    "save_config",
    "settable_fields",
    "suggested_name",
    "who_runs",
    "write_file",
    "write_files",
    "write_new_files",
]

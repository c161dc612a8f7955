"""Who may use what: a server's users, a relay's tenants, and how a server joins a relay.

Control plane. May import base, profile and pki. Plain synchronous code over files.
"""

from .app_book import AppBook
from .apps import spell_grant
from .identity import make_relay_identity, make_server_identity
from .join import JoinRequest, JoinResponse, apply_response, make_join_request, make_join_response
from .names import check_app_name, check_user_name
from .roles import check_signed_role
from .tenants import TenantBook, TenantRecord
from .user import App, User
from .users import RENEW_BEFORE, Change, Standing, UserBook

__all__ = [
    "RENEW_BEFORE",
    "App",
    "AppBook",
    "Change",
    "JoinRequest",
    "JoinResponse",
    "Standing",
    "TenantBook",
    "TenantRecord",
    "User",
    "UserBook",
    "apply_response",
    "check_app_name",
    "check_signed_role",
    "check_user_name",
    "make_join_request",
    "make_join_response",
    "make_relay_identity",
    "make_server_identity",
    "spell_grant",
]

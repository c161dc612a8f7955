"""Who may use what: a server's users, a relay's tenants, and how a server joins a relay.

Control plane. May import base, profile and pki. Plain synchronous code over files.
"""

from .identity import make_relay_identity, make_server_identity
from .join import JoinRequest, JoinResponse, apply_response, make_join_request, make_join_response
from .names import check_user_name
from .tenants import TenantBook, TenantRecord
from .users import User, UserBook

__all__ = [
    "JoinRequest",
    "JoinResponse",
    "TenantBook",
    "TenantRecord",
    "User",
    "UserBook",
    "apply_response",
    "check_user_name",
    "make_join_request",
    "make_join_response",
    "make_relay_identity",
    "make_server_identity",
]

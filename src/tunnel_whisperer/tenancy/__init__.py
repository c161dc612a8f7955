"""Who may use what: a server's users, a relay's tenants, and how a server joins a relay.

Control plane. May import base, profile and pki. Plain synchronous code over files.
"""

from .about import AboutAnswer, about_question, about_user
from .answers import format_answer, format_refusal, read_answer
from .app_book import AppBook
from .apps import spell_grant
from .claims import ClaimAnswer, ClaimRequest, accept_claim, invite_user
from .enrolment import accept_guest, enroll_server, invite_server, unenroll_server
from .identity import make_relay_identity, make_server_identity, make_standard_relay_identity
from .invites import Invite, InviteBook, invitation_id
from .join import JoinRequest, JoinResponse, apply_response, make_join_request, make_join_response
from .names import check_app_name, check_user_name
from .roles import check_signed_role, other_role
from .standing import Change, Standing
from .tenants import TenantBook, TenantRecord
from .token import Token, is_token
from .user import App, User, check_grants
from .users import RENEW_BEFORE, UserBook

__all__ = [
    "RENEW_BEFORE",
    "AboutAnswer",
    "App",
    "AppBook",
    "Change",
    "ClaimAnswer",
    "ClaimRequest",
    "Invite",
    "InviteBook",
    "JoinRequest",
    "JoinResponse",
    "Standing",
    "TenantBook",
    "TenantRecord",
    "Token",
    "User",
    "UserBook",
    "about_question",
    "about_user",
    "accept_claim",
    "accept_guest",
    "apply_response",
    "check_app_name",
    "check_grants",
    "check_signed_role",
    "check_user_name",
    "enroll_server",
    "format_answer",
    "format_refusal",
    "invitation_id",
    "invite_server",
    "invite_user",
    "is_token",
    "make_join_request",
    "make_join_response",
    "make_relay_identity",
    "make_server_identity",
    "make_standard_relay_identity",
    "other_role",
    "read_answer",
    "spell_grant",
    "unenroll_server",
]

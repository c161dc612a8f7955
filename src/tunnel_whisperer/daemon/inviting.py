"""A server's side of its services: what guests and users are answered."""

from __future__ import annotations

import logging

from ..bundle import client_config
from ..profile import Profile, format_config
from ..server import Services
from ..tenancy import ClaimAnswer, ClaimRequest, InviteBook, about_user, accept_claim
from .guests import answering

__all__ = ["services_of"]

_log = logging.getLogger("tw")


def services_of(profile: Profile) -> Services:
    """The services of this server."""
    invites = InviteBook(profile)

    def claim(invitation: str, question: bytes) -> str:
        request = ClaimRequest.parse(question)
        user, certificate = accept_claim(profile, invitation, request)
        _log.info("user %s came by invitation", user.name)
        config = client_config(profile, user, request.ssh_public_key)
        return ClaimAnswer(certificate, format_config(config)).to_text()

    def about(public_key: str, question: bytes) -> str:
        return about_user(profile, public_key, question).to_text()

    return Services(
        lambda public_key: invites.find(public_key) is not None, answering(claim), answering(about)
    )

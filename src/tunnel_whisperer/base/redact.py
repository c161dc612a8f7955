"""The scrubber that logs and output pass: what looks like a secret is not shown."""

from __future__ import annotations

import re

__all__ = ["redact"]

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A private key in PEM, whole or cut off at the end of a log line.
    (
        re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
        "<private key>",
    ),
    # Credentials in a URL: scheme://user:password@host; a person may have written an @ or / in them as it
    # is. These very words are what our hints say.
    (re.compile(r"(?<=://)(?!user(?::password)?@host:port\b)\S+@"), "<credentials>@"),
    # Proxy-Authorization and Authorization values
    (re.compile(r"(?i)\b((?:proxy-)?authorization:\s*)\S+\s+\S+"), r"\1<credentials>"),
    # An invitation lets whoever has it become what it is for
    (re.compile(r"\btw-(join|connect)-[A-Za-z0-9_-]{8,}"), r"tw-\1-<invitation>"),
    # Keys of the API and the dashboard (api/gate), and login links
    (re.compile(r"\btw-(browser|token|login)-[A-Za-z0-9_-]{8,}"), r"tw-\1-<secret>"),
    # A UUID lets its owner ask the relay for a stream: the first four digits tell which one it is
    (re.compile(r"\b([0-9a-f]{4})[0-9a-f]{4}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I), r"\1..."),
)


def redact(text: str) -> str:
    """The text without private keys, URL credentials, authorisation values, invitations and whole UUIDs."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text

"""The headers of every response: what a browser must not do with our pages."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["INLINE_STYLES", "Headers", "secured"]

Headers = list[tuple[bytes, bytes]]
"""As ASGI has them."""

INLINE_STYLES = (b"x-tw-allow", b"inline-styles")
"""A response with this header may have styles in the page: the terminal page, as xterm.js writes a
style element. The header itself does not leave the process."""

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_ALWAYS: dict[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # Not no-referrer: then a form of our own would be sent with "Origin: null" (Fetch, "append a request
    # Origin header"). A page may ask for it; the one that a login link opens does.
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": (
        b"accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), "
        b"midi=(), payment=(), publickey-credentials-get=(), usb=(), clipboard-read=(), clipboard-write=(self)"
    ),
}

_NEVER = (b"server", b"x-powered-by", INLINE_STYLES[0], b"content-security-policy", b"cache-control")


def secured(headers: Iterable[tuple[bytes, bytes]], *, static: bool = False) -> Headers:
    """A response's headers, with ours in place of its own.

    No Strict-Transport-Security: a certificate that we made ourselves could then not be accepted by a
    person, and plain HTTP on other ports of the host would be shut, too.

    Args:
        static: the file is the same for everybody, and says itself how long it may be kept.
    """
    found = [(name.lower(), value) for name, value in headers]
    always = dict(_ALWAYS)
    if (b"referrer-policy", b"no-referrer") in found:
        always[b"referrer-policy"] = b"no-referrer"
    csp = _CSP
    if INLINE_STYLES in found:
        csp = csp.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
    kept = [
        (name, value)
        for name, value in found
        if name not in _ALWAYS
        and (name not in _NEVER or (static and name == b"cache-control"))
        and not name.startswith(b"access-control-")
    ]
    ours = [(b"content-security-policy", csp.encode()), *always.items()]
    if not static:
        ours.append((b"cache-control", b"no-store"))
    return kept + ours

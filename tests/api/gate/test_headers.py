from __future__ import annotations

import pytest

from tunnel_whisperer.api.gate import INLINE_STYLES
from tunnel_whisperer.api.gate.headers import secured

CSP = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def test_the_headers_byte_for_byte() -> None:
    assert dict(secured([])) == {
        b"content-security-policy": CSP,
        b"x-content-type-options": b"nosniff",
        b"x-frame-options": b"DENY",
        b"referrer-policy": b"same-origin",
        b"cross-origin-opener-policy": b"same-origin",
        b"cross-origin-resource-policy": b"same-origin",
        b"permissions-policy": (
            b"accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), "
            b"midi=(), payment=(), publickey-credentials-get=(), usb=(), clipboard-read=(), clipboard-write=(self)"
        ),
        b"cache-control": b"no-store",
    }


@pytest.mark.parametrize(
    "name", [b"Content-Security-Policy", b"X-Frame-Options", b"Referrer-Policy", b"Cache-Control", b"Server",
             b"Access-Control-Allow-Origin", b"Access-Control-Allow-Credentials", b"X-Powered-By"],
)  # fmt: skip
def test_an_app_weakens_nothing(name: bytes) -> None:
    found = secured([(name, b"anything")])
    assert [value for _, value in found if value == b"anything"] == []
    assert found == secured([])


def test_the_rest_of_an_app_s_headers_stay() -> None:
    own = [(b"content-type", b"text/html"), (b"set-cookie", b"a=b"), (b"set-cookie", b"c=d")]
    assert secured(own)[:3] == own


def test_a_page_may_ask_for_inline_styles_and_for_nothing_else() -> None:
    found = dict(secured([INLINE_STYLES]))
    assert found[b"content-security-policy"] == CSP.replace(
        b"style-src 'self'", b"style-src 'self' 'unsafe-inline'"
    )
    assert INLINE_STYLES[0] not in found
    other = dict(secured([(INLINE_STYLES[0], b"inline-scripts")]))
    assert other[b"content-security-policy"] == CSP
    assert INLINE_STYLES[0] not in other


def test_a_page_may_tell_nobody_where_it_was() -> None:
    assert dict(secured([(b"Referrer-Policy", b"no-referrer")]))[b"referrer-policy"] == b"no-referrer"


def test_only_static_files_are_kept() -> None:
    keep = [(b"cache-control", b"max-age=3600")]
    assert [value for name, value in secured(keep, static=True) if name == b"cache-control"] == [
        b"max-age=3600"
    ]
    assert [value for name, value in secured(keep) if name == b"cache-control"] == [b"no-store"]

"""Caddy's configuration: TLS 1.3 with the tenants' certificates, one path each, a bare 404 besides.

A client certificate is asked for, and verified where one is given: whoever has none gets the same
404 as for any unknown path (Caddy: ``client_auth`` mode ``verify_if_given``). All tenants' CAs are
trusted by the same listener, so that the path is matched with the issuer's name: names are unique
(``Site``), and a tenant's CA can issue no further CA (``pki.issuer_text``).

Needs Caddy 2.8 or newer: ``trust_pool``.
"""

from __future__ import annotations

import json

from ...pki import issuer_text
from .site import Site, SiteTenant

__all__ = ["caddyfile"]

_GLOBAL = """\
{{
	admin {admin}
	http_port {http_port}
	https_port {https_port}
	servers {{
		protocols h1 h2
		max_header_size 16KB
		timeouts {{
			read_header 10s
			idle 10m
		}}
	}}
	log {{
		level WARN
	}}{automatic}
}}
"""
"""``protocols``: UDP is closed, HTTP/3 would only be advertised. No ``read_body`` and ``write``
deadlines: an upload may last for days."""

_TENANT = """\
	@{tag} {{
		path {path}/*
		expression `{{http.request.tls.client.issuer}} == {issuer}`
	}}
	handle @{tag} {{
		reverse_proxy h2c://127.0.0.1:{port} {{
			flush_interval -1
			transport http {{
				versions h2c
				dial_timeout 3s
			}}
		}}
	}}
"""

_REST = """\
	handle {
		header -Server
		respond 404
	}
"""


def caddyfile(site: Site) -> str:
    """The text of ``/etc/caddy/Caddyfile``."""
    layout = site.layout
    head = _GLOBAL.format(
        admin=layout.caddy_admin,
        http_port=layout.http_port,
        https_port=layout.https_port,
        automatic="\n\tauto_https off" if layout.tls_files else "",
    )
    tenants = "".join(_tenant(tenant) for tenant in site.tenants)
    address = f"https://{site.domain}:{layout.https_port}" if layout.tls_files else site.domain
    return f"{head}\n{address} {{\n{_tls(site)}{tenants}{_REST}}}\n"


def _tenant(tenant: SiteTenant) -> str:
    return _TENANT.format(
        tag=tenant.tag, path=tenant.path, port=tenant.inbound_port, issuer=_quoted(issuer_text(tenant.ca_pem))
    )


def _tls(site: Site) -> str:
    files = site.layout.tls_files
    head = f"\ttls {files[0]} {files[1]} {{\n" if files else "\ttls {\n"
    lines = ["\t\tprotocols tls1.3\n"]
    if site.tenants:  # an empty pool trusts nobody, and is refused
        cas = " ".join(site.layout.ca_file(tenant) for tenant in site.tenants)
        lines.append(f"\t\tclient_auth {{\n\t\t\tmode verify_if_given\n\t\t\ttrust_pool file {cas}\n\t\t}}\n")
    return f"{head}{''.join(lines)}\t}}\n"


def _quoted(text: str) -> str:
    """A string of CEL, inside a Caddyfile's backquotes."""
    return json.dumps(text, ensure_ascii=False)

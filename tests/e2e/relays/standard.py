"""A standard relay on an island: Caddy, Xray and sshd, run as systemd would, changed as we change it.

Unrealistic: the certificate is a private CA's, and ``systemctl``, ``xray`` and ``sudo`` are a few
lines of shell in front of the real programs.
"""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.e2e.relays.island import Island
from tests.interop import xray_api
from tests.interop.caddy import binary
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.pki import issue_server, make_ca
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.standard import Difference, Layout, SiteTenant, apply, drift, files
from tunnel_whisperer.provision.standard.host_files import users_script
from tunnel_whisperer.provision.standard.install_script import ADMIN_ACCOUNT
from tunnel_whisperer.provision.standard.sshd_files import admin_keys
from tunnel_whisperer.tenancy import make_standard_relay_identity

__all__ = ["StandardMachine"]

_XRAY = """\
#!/bin/sh
case $1 in
api) shift; exec {python} {api} "$@" ;;
run)  # -test -config FILE: it takes it if it is still there after a while, in a network of its own
    timeout 0.7 unshare -n {python} -c 'import sys, xray; xray.startFromJSON(open(sys.argv[1]).read())' "$4"
    [ $? = 124 ] ;;
esac
"""
_SYSTEMCTL = """\
#!/bin/sh
pid=$(cat "{folder}/$2.pid" 2>/dev/null)
case $1 in
is-active) if kill -0 "$pid" 2>/dev/null; then echo active; else echo inactive; exit 3; fi ;;
reload-or-restart) kill -HUP "$pid" ;;
-q) exit 3 ;;
reload)
    case $2 in
    caddy) caddy reload --adapter caddyfile --config "{folder}/Caddyfile" --address unix/{folder}/admin ;;
    esac ;;
esac
"""


def caddys_tar(domain: str, certificate: str, key: str) -> bytes:
    """As Caddy keeps what it got from Let's Encrypt."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        about = json.dumps({"sans": [domain], "issuer_data": {}})
        for ending, text in (("crt", certificate), ("key", key), ("json", about)):
            entry = tarfile.TarInfo(
                f"certificates/acme-v02.api.letsencrypt.org-directory/{domain}/{domain}.{ending}"
            )
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


class StandardMachine:
    """The machine's programs; they end with the island."""

    def __init__(self, island: Island, identity: Profile, domain: str = "localhost") -> None:
        """Args:
        identity: an empty directory, for the administrator.
        domain: with another name, Caddy looks for its certificate by itself.
        """
        self._domain = domain
        self._island = island
        self.folder = island.public_folder()
        self.steps: list[str] = []
        """What the last change was told to be."""
        config = make_standard_relay_identity(identity, domain)
        self._certify(identity)
        self.relay = StandardRelay(identity, config, self._layout())
        """As its administrator has it."""
        self.site = self.relay.first_site()
        island.add_account(self.site.layout.account)
        island.add_account(ADMIN_ACCOUNT, self.folder / "home")
        self._install()
        self._start()

    def enroll(self) -> Difference:
        """What the administrator's context has, brought here by the administrator's own way."""
        self.steps.clear()
        with self._island.loop() as thread:
            work = self.relay.apply(self.steps.append)
            change = asyncio.run_coroutine_threadsafe(work, thread.loop).result(60)
        self.site = self.relay.site()
        return change

    def apply(self, *tenants: SiteTenant) -> Difference:
        """Let exactly these tenants in, and the administrator."""
        self.steps.clear()
        own = [tenant for tenant in self.site.tenants if not tenant.ssh_public_key]
        wanted = replace(self.site, tenants=(*tenants, *own))
        change = asyncio.run(apply(wanted, self.run, self.steps.append))
        self.site = wanted
        return change

    def wait_for_users(self, server: str) -> None:
        """Until the server has said who its users are, and Xray lets them in."""
        deadline = time.monotonic() + 20
        told = self.folder / "users" / server
        while not told.exists() or list(told.parent.glob(f".{server}.*[!k]")):
            assert time.monotonic() < deadline, f"{server} does not say who its users are"
            time.sleep(0.05)

    def drift(self) -> Difference:
        """What is not as the last change had it."""
        return asyncio.run(drift(self.site, self.run))

    async def run(self, script: str, on_line: Callable[[str], None]) -> int:
        """``sh`` on the machine."""
        path = f"{self.folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        done = await asyncio.to_thread(
            subprocess.run,
            ("ip", "netns", "exec", self._island.name, "sh", "-s"),
            input=script,
            capture_output=True,
            text=True,
            env={"PATH": path, "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder)},
            check=False,
        )
        for line in done.stdout.splitlines():
            on_line(line)
        with (self.folder / "scripts.log").open("a") as log:
            log.write(f"{done.stdout}{done.stderr}")
        return done.returncode

    @property
    def log(self) -> str:
        """What the scripts printed."""
        return (self.folder / "scripts.log").read_text()

    def _layout(self) -> Layout:
        folder = str(self.folder)
        return Layout(
            caddy_admin=f"unix/{folder}/admin",
            tenant_cas=f"{folder}/tenants",
            authorized_keys=f"{folder}/authorized_keys",
            caddyfile=f"{folder}/Caddyfile",
            xray_config=f"{folder}/xray.json",
            xray_group="root",
            sshd_drop_in=f"{folder}/sshd_drop_in",
            sshd_config=f"{folder}/sshd_config",
            firewall=f"{folder}/firewall",
            host_key=f"{folder}/host_key",
            users=f"{folder}/users",
            caddy_data=f"{folder}/caddy",
            users_script=f"{folder}/bin/users",
            work=f"{folder}/work",
            first_tls_files=(f"{folder}/first.crt", f"{folder}/first.key"),
            tls_files=(f"{folder}/relay.crt", f"{folder}/relay.key") if self._domain == "localhost" else None,
        )

    def _certify(self, identity: Profile) -> None:
        """What Caddy would get by ACME, and whom to trust for it."""
        ca = make_ca("relay")
        certificate, key = issue_server(ca, [self._domain])
        identity.relay_ca_cert.write_text(ca.cert_pem)
        if self._domain == "localhost":
            (self.folder / "relay.crt").write_text(certificate)
            (self.folder / "relay.key").write_text(key)
        else:
            (identity.relay / "certificates.tar").write_bytes(caddys_tar(self._domain, certificate, key))

    def _install(self) -> None:
        """What stands there before there is any tenant."""
        for file in files(self.site):
            Path(file.path).parent.mkdir(exist_ok=True)
            Path(file.path).write_text(file.text)
            Path(file.path).chmod(file.mode)
        more = f"PidFile none\nUsePAM no\nStrictModes no\nSetEnv PATH={self.folder}/bin:/usr/sbin:/usr/bin:/bin\n"
        (self.folder / "sshd_config").write_text(f"{more}Include {self.folder}/sshd_drop_in\n")
        (self.folder / "users").mkdir()
        keys = self.folder / "home" / ".ssh" / "authorized_keys"
        keys.parent.mkdir(parents=True)
        keys.write_text(admin_keys(self.site))
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "caddy").symlink_to(binary() or "caddy")
        for name, text in (
            ("xray", _XRAY.format(python=sys.executable, api=xray_api.__file__)),
            ("systemctl", _SYSTEMCTL.format(folder=self.folder)),
            ("users", users_script(self.site.layout)),
            ("sudo", '#!/bin/sh\nshift\nexec "$@"\n'),
        ):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)

    def _start(self) -> None:
        island, folder = self._island, self.folder
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        sshd = shutil.which("sshd") or "sshd"
        program = "import sys, xray; xray.startFromJSON(open(sys.argv[1]).read())"
        config = ("--config", f"{folder}/Caddyfile", "--adapter", "caddyfile")
        home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        started = {
            "ssh": island.start("sshd", sshd, "-D", "-e", "-f", f"{folder}/sshd_config"),
            "xray": island.start("xray", sys.executable, "-c", program, f"{folder}/xray.json"),
            "caddy": island.start("caddy", binary() or "caddy", "run", *config, **home),
        }
        for name, process in started.items():  # ip netns exec becomes the program
            (folder / f"{name}.pid").write_text(str(process.pid))
        island.wait_for("xray", "started")
        for port in (22, 443):
            island.wait_for_port(port)

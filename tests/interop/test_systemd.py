"""A relay as a service of a real systemd, booted in a container of this machine's own /usr.

Takes half a minute: it waits for systemd to start again what was killed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.structure.tree import ROOT

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        shutil.which("systemd-nspawn") is None or os.geteuid() != 0,
        reason="needs root and systemd-nspawn (Debian: systemd-container)",
    ),
]

_DRIVER = """\
#!/bin/bash
exec > {out} 2>&1
export PYTHONPATH={src} TW_CONFIG_DIR=/srv/tw
tw="{python} -m tunnel_whisperer"
mkdir -p /srv/tw
timeout 20 $tw relay run --domain localhost --listen 127.0.0.1:443 | grep -q listening
$tw service install --system || echo "install failed"
# A checkout is not installed: the unit has to know where it is, which an installation does by itself.
mkdir -p /etc/systemd/system/tw.service.d
printf '[Service]\\nEnvironment=PYTHONPATH={src}\\n' > /etc/systemd/system/tw.service.d/path.conf
systemctl daemon-reload
$tw service start --system
pid=$(systemctl show tw -p MainPID --value)
echo "status: $($tw service status --system | grep systemd:)"
grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$pid/status
echo "test: $($tw test relay | grep -E '^ok +http ')"
touch /srv/tw/before; nsenter -t $pid -m touch /usr/x /etc/x /var/x 2>/dev/null; ls /etc/x /var/x 2>/dev/null
systemctl kill -s KILL tw
for _ in $(seq 30); do sleep 1; now=$(systemctl show tw -p MainPID --value)
  [ "$now" != 0 ] && [ "$now" != "$pid" ] && systemctl is-active -q tw && break; done
echo "restarts: $(systemctl show tw -p NRestarts --value), $(systemctl is-active tw)"
$tw service stop --system; echo "stopped: $(systemctl show tw -p Result --value)"
$tw service uninstall --system --yes; ls /etc/systemd/system/tw.service 2>/dev/null
journalctl -u tw --no-pager -n 30
echo done
systemctl poweroff
"""

_TARGET = "[Unit]\nRequires=basic.target tw-test.service\nAfter=basic.target\nAllowIsolate=yes\n"
_SERVICE = "[Unit]\nAfter=basic.target\n[Service]\nExecStart={driver}\n"


@pytest.fixture
def place() -> Iterator[Path]:
    """Not under /tmp, where the container has a file system of its own."""
    with tempfile.TemporaryDirectory(prefix="tw-systemd-", dir="/var/lib") as name:
        yield Path(name)


def _boot(place: Path) -> str:
    """Run the driver in a container; what it said."""
    driver, out = place / "driver", place / "out"
    python = Path(sys.executable).absolute()
    driver.write_text(_DRIVER.format(out=out, src=ROOT / "src", python=python))
    driver.chmod(0o755)
    (place / "tw-test.target").write_text(_TARGET)
    (place / "tw-test.service").write_text(_SERVICE.format(driver=driver))
    units = [
        f"--bind-ro={place / name}:/etc/systemd/system/{name}"
        for name in ("tw-test.target", "tw-test.service")
    ]
    code = {Path(sys.prefix), Path(sys.base_prefix), python.resolve().parents[1], ROOT / "src"}
    # /usr is there anyway.
    binds = [f"--bind-ro={path}" for path in sorted(code) if not path.is_relative_to("/usr")]
    command = [
        "systemd-nspawn", "--quiet", "--directory=/", "--volatile=yes", "--register=no", "--keep-unit", "--private-network",
        f"--bind={place}", *units, *binds, "--boot", "systemd.unit=tw-test.target",
        "systemd.mask=systemd-firstboot.service", "systemd.mask=nftables.service",
    ]  # fmt: skip
    boot = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=200
    )
    if not out.exists():
        pytest.skip(f"no container can be booted here: {(boot.stdout + boot.stderr)[-300:]}")
    return out.read_text()


def test_a_hardened_relay_is_ready_works_comes_back_and_goes(place: Path) -> None:
    said = _boot(place)
    assert said.rstrip().endswith("done"), said
    stands = "listening on 127.0.0.1:443; dashboard on http://127.0.0.1:8080"
    assert f"status:   systemd: active (running): {stands}; starts by itself" in said, said
    # Root without its rights, but for the low port; and a filter on its system calls.
    assert "CapEff:\t0000000000000400" in said and "CapBnd:\t0000000000000400" in said, said
    assert "NoNewPrivs:\t1" in said and "Seccomp:\t2" in said, said
    assert "HTTP/2, a visitor is answered (HTTP 404)" in said, said
    assert "/etc/x" not in said and "/var/x" not in said, said
    assert "restarts: 1, active" in said, said
    assert "stopped: success" in said, said
    assert "tw is removed" in said and "/etc/systemd/system/tw.service\n" not in said, said

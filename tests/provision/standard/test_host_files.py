"""What a relay needs of its machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.provision.standard.golden import check_golden
from tunnel_whisperer.provision.standard import Layout
from tunnel_whisperer.provision.standard.host_files import host_files


def test_they_are_the_ones_that_were_read() -> None:
    check_golden("host-files", "".join(f"==> {file.path}\n{file.text}\n" for file in host_files(Layout())))


@pytest.mark.interop
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    (unit,) = [file for file in host_files(Layout()) if file.path.endswith("/xray.service")]
    # The program is not here.
    path = tmp_path / "xray.service"
    path.write_text(unit.text.replace("/usr/local/bin/xray", "/bin/true"))
    done = subprocess.run(
        ("systemd-analyze", "verify", "--man=no", str(path)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "xray.service" not in done.stderr, done.stderr

"""What is taken of the certificates that a machine sent, and how they get to the next one."""

from __future__ import annotations

import io
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tunnel_whisperer.pki import issue_server, make_ca
from tunnel_whisperer.provision.standard import Layout
from tunnel_whisperer.provision.standard.certificates import restore_script, usable_certificates

DOMAIN = "relay.example.org"
NOW = datetime.now(UTC)
FOLDER = f"certificates/acme/{DOMAIN}"


def caddys_files(domain: str = DOMAIN, *, days: float = 60) -> dict[str, bytes]:
    ca = make_ca("acme")
    certificate, key = issue_server(ca, [domain], days)
    # A chain, as every CA of ACME gives it.
    texts = {"crt": f"{certificate}\n{ca.cert_pem}", "key": key, "json": "{}"}
    return {f"{FOLDER}/{DOMAIN}.{ending}": text.encode() for ending, text in texts.items()}


def tar_of(files: dict[str, bytes], *others: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for other in others:
            archive.addfile(other)
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _names(saved: bytes) -> list[str]:
    usable = usable_certificates(saved, DOMAIN, NOW)
    if not usable:
        return []
    with tarfile.open(fileobj=io.BytesIO(usable)) as archive:
        assert all(member.isreg() and member.mode == 0o600 for member in archive)
        return archive.getnames()


def test_of_all_that_caddy_has_the_relays_own_is_taken() -> None:
    files = caddys_files()
    others = {
        "certificates/acme/other.org/other.org.crt": b"x",
        f"certificates/../{DOMAIN}/{DOMAIN}.crt": b"x",
        f"../{FOLDER}/{DOMAIN}.crt": b"x",
        f"/{FOLDER}/{DOMAIN}.crt": b"x",
        f"{FOLDER}/{DOMAIN}.sh": b"x",
        f"certificates/big/{DOMAIN}/{DOMAIN}.crt": b"x" * 100_000,
    }
    link = tarfile.TarInfo(f"certificates/link/{DOMAIN}/{DOMAIN}.key")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
    assert _names(tar_of({**others, **files}, link)) == sorted(files)


@pytest.mark.parametrize("days", [0.5, -3])
def test_one_that_ends_soon_is_not_worth_it(days: float) -> None:
    files = caddys_files(days=90)
    saved = tar_of(files)
    assert usable_certificates(saved, DOMAIN, NOW + timedelta(days=90 - days)) == b""


@pytest.mark.parametrize(
    "change",
    [
        {f"{FOLDER}/{DOMAIN}.key": caddys_files()[f"{FOLDER}/{DOMAIN}.key"]},
        {f"{FOLDER}/{DOMAIN}.key": b"no key"},
        {f"{FOLDER}/{DOMAIN}.crt": caddys_files("other.org")[f"{FOLDER}/{DOMAIN}.crt"]},
    ],
)
def test_what_does_not_belong_together_is_nothing(change: dict[str, bytes]) -> None:
    assert _names(tar_of({**caddys_files(), **change})) == []


def test_a_part_is_nothing() -> None:
    files = caddys_files()
    for name in files:
        assert _names(tar_of({other: data for other, data in files.items() if other != name})) == []


@pytest.mark.parametrize("saved", [b"", b"x", b"\0" * 1024, tar_of(caddys_files())[:700]])
def test_a_damaged_tar_is_nothing(saved: bytes) -> None:
    assert usable_certificates(saved, DOMAIN, NOW) == b""


def test_they_are_put_where_caddy_keeps_them_and_nothing_is_replaced(tmp_path: Path) -> None:
    files = caddys_files()
    usable = usable_certificates(tar_of(files), DOMAIN, NOW)
    layout = Layout(caddy_data=f"{tmp_path}/.local/share/caddy")
    kept = Path(layout.caddy_data) / FOLDER / f"{DOMAIN}.json"
    for text in ("{}", "newer"):
        done = subprocess.run(
            ("sh", "-s"), input=restore_script(layout, usable), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert kept.read_text() == text
        kept.write_text("newer")
    found = {
        str(path.relative_to(layout.caddy_data))
        for path in Path(layout.caddy_data).rglob("*.*")
        if path.is_file()
    }
    assert found == set(files)

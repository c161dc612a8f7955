"""What a stranger gets from a running relay: curl, openssl, and sockets that behave badly.

A whole tunnel stands behind the relay all the time, and must not notice.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.conftest import PROBE, probe
from tests.interop.roles import Roles
from tests.interop.xray import free_port
from tunnel_whisperer.base.limits import HANDSHAKE_TIMEOUT_S, HEAD_TIMEOUT_S
from tunnel_whisperer.pki import CertificateAuthority, issue_client, make_ca

pytestmark = [
    pytest.mark.interop,
    pytest.mark.xdist_group("strangers"),  # one relay for all
    pytest.mark.skipif(
        not shutil.which("curl") or not shutil.which("openssl"), reason="no curl or openssl here"
    ),
]


class Site:
    """A relay with two tenants, and a tunnel of the first one's user."""

    def __init__(self, roles: Roles, service: int) -> None:
        self.roles = roles
        self.port = roles.port
        self.local = free_port()
        self.ca = roles.directory / "relay" / "relay" / "ca.crt"
        bundle = roles.let_in("alice", f"{self.local}:{service}")
        self.alice = self._unpacked(bundle)
        roles.start("client", "connect", str(bundle))
        roles.wait_for("client", "connected to the server")
        roles.tw("second", "join", "localhost", "--id", "second", "--out", "q.json")
        roles.tw("relay", "enroll", "q.json", "--port", str(self.port), "--out", "a.json")
        roles.tw("second", "join", "--apply", "a.json")
        roles.tw("second", "create", "user", "mallory", "-m", "22", "--out", "mallory.zip")
        self.mallory = self._unpacked(roles.directory / "mallory.zip")
        roles.wait_for("relay", "2 servers enrolled")

    def _unpacked(self, bundle: Path) -> tuple[Path, Path]:
        directory = self.roles.directory / f"{bundle.stem}-files"
        zipfile.ZipFile(bundle).extractall(directory)
        return directory / "client.crt", directory / "client.key"

    def forged(self, ca: CertificateAuthority, days_ago: float = 0) -> tuple[Path, Path]:
        """A client certificate of that CA, for 30 days from then on."""
        then = dt.datetime.now(dt.UTC) - dt.timedelta(days=days_ago)
        pair = issue_client(ca, uuid.uuid4(), "forged", days=30, now=lambda: then)
        certificate, key = self.roles.directory / "forged.crt", self.roles.directory / "forged.key"
        certificate.write_text(pair[0])
        key.write_text(pair[1])
        return certificate, key

    def curl(
        self, *words: str, certificate: tuple[Path, Path] | None = None, path: str = "/"
    ) -> subprocess.CompletedProcess[bytes]:
        identity = ["--cert", str(certificate[0]), "--key", str(certificate[1])] if certificate else []
        url = f"https://localhost:{self.port}{path}"
        return subprocess.run(
            ["curl", "-q", "-sS", "-i", "--path-as-is", "--noproxy", "*", "--max-time", "15", "--cacert",
             str(self.ca), *identity, *words, url],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False,
        )  # fmt: skip

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def dial_tls(self) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.ca))
        return context.wrap_socket(self.dial(), server_hostname="localhost")

    def is_well(self) -> None:
        """The tunnel carries, and strangers are still answered."""
        assert "ok" in probe("fetch", self.local, 100_000)
        assert self.curl("--http1.1").stdout.startswith(b"HTTP/1.1 404")
        assert "Traceback" not in self.roles.said("relay")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    port = free_port()
    with (
        Roles(tmp_path_factory.mktemp("strangers")) as roles,
        subprocess.Popen([sys.executable, PROBE, "serve", str(port)], stdout=subprocess.PIPE) as service,
    ):
        assert service.stdout is not None
        assert service.stdout.readline().strip() == b"serving"
        try:
            yield Site(roles, port)
        finally:
            service.terminate()


# -- requests --------------------------------------------------------------------------------------

PATHS = (
    "/",
    "/robots.txt",
    "/tw",
    "/tw/",
    "/tw/plant",
    "/tw/plant/",
    "/tw/nobody/",
    "/tw/plant/x/0",
    "/../x",
    "/%00",
    "/?a=b",
)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE")
PADDING = "Referer: https://localhost/tw/plant/?x_padding=" + 200 * "X"
"""What a real client sends (wire spec 3.1): the request that would be answered, with a certificate."""


@pytest.mark.parametrize(
    ("http", "answer"),
    [
        ("--http1.1", b"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n"),
        ("--http2", b"HTTP/2 404 \r\ndate: {date}\r\ncontent-length: 0\r\n\r\n"),
    ],
)
def test_without_a_certificate_every_request_is_the_same_bare_404(
    http: str, answer: bytes, site: Site
) -> None:
    answers: dict[bytes, list[str]] = {}

    def ask(*words: str, path: str = "/", certificate: tuple[Path, Path] | None = None) -> None:
        result = site.curl(http, *words, path=path, certificate=certificate)
        said = result.stdout if result.returncode == 0 else result.stderr
        said = re.sub(rb"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", b"{date}", said)
        answers.setdefault(said.lower(), []).append(f"{words} {path} {certificate}")

    for path in PATHS:
        ask(path=path)
    for method in METHODS:
        ask("-X", method, path="/tw/plant/")
    for words in (
        ("-I",),
        ("-H", PADDING),
        ("-H", PADDING, "-X", "OPTIONS"),
        ("-H", PADDING, "-d", "body"),
        ("-H", "X-Client-Certificate: AAAA"),
        ("-H", "Upgrade: websocket", "-H", "Connection: Upgrade"),
        ("-A", "Mozilla/5.0"),
    ):
        ask(*words, path="/tw/plant/")
    # A good certificate of another tenant of the same relay is a stranger here.
    ask("-H", PADDING, path="/tw/plant/", certificate=site.mallory)
    ask("-H", PADDING, path="/tw/plant/", certificate=site.forged(_authority(site, "second")))
    assert list(answers) == [answer.lower()], answers
    # What the answer adds for the form of a request does not depend on its path.
    expecting = ("-H", PADDING, "-d", "body", "-H", "Expect: 100-continue")
    one, other = (site.curl(http, *expecting, path=path).stdout for path in ("/", "/tw/plant/"))
    assert one == other
    assert one.startswith(answer[:12])
    site.is_well()


def test_with_the_certificate_it_asks_for_there_is_another_answer(site: Site) -> None:
    # Without this, the test above would pass with a path that nobody has.
    result = site.curl("--http2", "-H", PADDING, "-X", "OPTIONS", path="/tw/plant/", certificate=site.alice)
    assert result.stdout.startswith(b"HTTP/2 200"), result


def _authority(site: Site, identity: str) -> CertificateAuthority:
    directory = site.roles.directory / identity
    return CertificateAuthority("CA", (directory / "ca.crt").read_text(), (directory / "ca.key").read_text())


# -- handshakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_a_certificate_of_an_unknown_ca_is_refused_with_an_alert(http: str, site: Site) -> None:
    result = site.curl(http, path="/tw/plant/", certificate=site.forged(make_ca("nobody")))
    assert (result.returncode, result.stdout) == (56, b"")
    assert b"alert unknown ca" in result.stderr
    site.is_well()


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_an_expired_certificate_is_refused_with_an_alert(http: str, site: Site) -> None:
    result = site.curl(http, path="/tw/plant/", certificate=site.forged(_authority(site, "server"), 100))
    assert (result.returncode, result.stdout) == (56, b"")
    assert b"certificate expired" in result.stderr
    site.is_well()


@pytest.mark.parametrize("words", [("-tls1_2",), ("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")])
def test_older_tls_is_refused(words: tuple[str, ...], site: Site) -> None:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{site.port}", *words]
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
    )
    assert result.returncode != 0
    assert "alert protocol version" in result.stderr
    assert "BEGIN CERTIFICATE" not in result.stdout  # it did not even learn the relay's name
    site.is_well()


# -- sockets ---------------------------------------------------------------------------------------


def _end_of(sock: socket.socket) -> tuple[bytes, float]:
    """All that comes until the peer ends the connection, and how long that took."""
    began, data = time.monotonic(), b""
    try:
        while piece := sock.recv(65536):
            data += piece
    except ConnectionError:
        pass
    return data, time.monotonic() - began


def _garbage(site: Site) -> None:
    with site.dial() as sock:
        sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + bytes(range(256)) * 16)
        data, took = _end_of(sock)
        # At most a TLS alert (RFC 8446 section 6: record type 21).
        assert data[:1] in (b"", b"\x15")
        assert len(data) <= 7
        assert took < 3


def _plain_http(site: Site) -> None:
    with site.dial() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        data, took = _end_of(sock)
        assert b"HTTP" not in data
        assert took < 3


def _half_a_handshake(site: Site) -> None:
    hello = ssl.MemoryBIO()
    half = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    with site.dial() as sock:
        sock.sendall(hello.read()[:-20])
        data, took = _end_of(sock)
        assert data == b""
        assert took < HANDSHAKE_TIMEOUT_S + 3


def _silence(site: Site) -> None:
    with site.dial() as sock:
        data, took = _end_of(sock)
        assert data == b""
        assert took < HANDSHAKE_TIMEOUT_S + 3


def _slow_head(site: Site) -> None:
    with site.dial_tls() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        _, took = _end_of(sock)
        assert took < HEAD_TIMEOUT_S + 3


def _dripping_head(site: Site) -> None:
    began = time.monotonic()
    with site.dial_tls() as sock:
        try:
            for _ in range(60):
                sock.sendall(b"X")
                time.sleep(0.2)
        except OSError:
            pass
        assert time.monotonic() - began < HEAD_TIMEOUT_S + 3


def _large_head(site: Site) -> None:
    with site.dial_tls() as sock:
        try:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + 65536 * b"x")
        except OSError:
            pass
        data, took = _end_of(sock)
        assert b"\r\n\r\n" not in data.partition(b"\r\n\r\n")[2]
        assert took < HEAD_TIMEOUT_S + 3


def _nonsense_over_tls(site: Site) -> None:
    with site.dial_tls() as sock:
        sock.sendall(b"\x00\x01\x02 nonsense\r\n\r\n")
        data, took = _end_of(sock)
        assert b"tw" not in data
        assert took < HEAD_TIMEOUT_S + 3


def test_bad_manners_end_the_connection_and_nothing_else(site: Site) -> None:
    manners: list[Callable[[Site], None]] = [
        _garbage, _plain_http, _half_a_handshake, _silence, _slow_head, _dripping_head, _large_head,
        _nonsense_over_tls,
    ]  # fmt: skip
    before = len(site.roles.said("relay").splitlines())
    failures: list[str] = []

    def behave(badly: Callable[[Site], None]) -> None:
        try:
            badly(site)
        except BaseException as exc:
            failures.append(f"{badly.__name__}: {exc!r}")

    threads = [threading.Thread(target=behave, args=(badly,)) for badly in manners]
    for thread in threads:
        thread.start()
    site.is_well()  # meanwhile
    for thread in threads:
        thread.join()
    assert not failures, failures
    site.is_well()
    lines = site.roles.said("relay").splitlines()[before:]
    assert len(lines) <= len(manners), lines
    assert site.roles.said("client").count("connected to the server") == 1


def test_three_hundred_idle_connections_do_not_disturb_the_tunnel(site: Site) -> None:
    with ExitStack() as idle:
        for _ in range(300):
            idle.enter_context(site.dial())
        assert "ok" in probe("short", site.local, 50)
        told = probe("tick", site.local, 2)
        assert float(told.split()[-2]) < 2.0, told  # the longest gap, on a busy machine
    site.is_well()
    assert site.roles.said("client").count("connected to the server") == 1

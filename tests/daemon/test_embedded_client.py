"""The client inside another program, up to the point where it dials."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tunnel_whisperer.base.errors import Misuse, TwError
from tunnel_whisperer.base.limits import MAX_BUNDLE_BYTES
from tunnel_whisperer.base.values import Grant, Secret
from tunnel_whisperer.bundle import encrypt, pack_client
from tunnel_whisperer.daemon.embedded_client import ConnectionState, EmbeddedClient, Wish
from tunnel_whisperer.net.proxy import Proxy
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import (
    TenantBook,
    UserBook,
    apply_response,
    make_join_request,
    make_join_response,
    make_relay_identity,
    make_server_identity,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Alice's file, for a relay on this machine that nobody runs."""
    directory = tmp_path_factory.mktemp("identities")
    relay, server = Profile(directory / "relay"), Profile(directory / "server")
    make_relay_identity(relay, "localhost")
    make_server_identity(server, "plant")
    request = make_join_request(server, "localhost")
    record = TenantBook(relay).enroll(request)
    apply_response(server, make_join_response(relay, request, record.port, relay_port=1))
    return pack_client(server, UserBook(server).create("alice", (Grant.parse("15432:5432"),)))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def wish(
    bundle: Path | bytes,
    *,
    passphrase: str | None = None,
    proxy: Proxy | None = None,
    from_environment: bool = False,
    ports: dict[int | str, int] | None = None,
    timeout_s: float | None = 0,
) -> Wish:
    secret = None if passphrase is None else Secret(passphrase)
    return Wish(bundle, secret, proxy, from_environment, ports or {}, timeout_s)


def refused(wanted: Wish) -> TwError:
    """Why it does not start; it is over then."""

    async def main() -> TwError:
        client = EmbeddedClient(wanted)
        with pytest.raises(TwError) as caught:
            await client.start()
        assert client.state is ConnectionState.ENDED
        assert client.error is not None and client.error.code == caught.value.code
        await client.stop()
        return caught.value

    return real_run(main())


def test_without_waiting_the_ports_are_open_and_no_file_is_left(bundle: bytes, temporary: Path) -> None:
    async def main() -> None:
        client = EmbeddedClient(wish(bundle))
        assert client.state == "connecting"
        await client.start()
        assert client.state in ("connecting", "waiting")
        assert client.ports[5432] not in (0, 5432, 15432)
        assert list(temporary.iterdir()) == []
        await client.stop()
        assert client.state == "closed"
        with pytest.raises(TwError, match="was closed"):
            await client.wait(None)

    real_run(main())


def test_who_waits_is_told_the_last_failure_when_the_time_is_over(bundle: bytes) -> None:
    async def main() -> None:
        client = EmbeddedClient(wish(bundle, timeout_s=0.3))
        with pytest.raises(TwError) as caught:
            await client.start()
        assert caught.value.code == "relay-unreachable"
        assert client.state is ConnectionState.WAITING
        assert client.ports[5432]  # it goes on
        with pytest.raises(TwError) as again:
            await client.wait(0.05)
        assert str(again.value) == str(caught.value)
        assert again.value is not caught.value
        await client.stop()

    real_run(main())


def test_an_encrypted_file_is_opened_by_its_passphrase_only(bundle: bytes, tmp_path: Path) -> None:
    path = tmp_path / "alice.zip"
    path.write_bytes(encrypt(bundle, "correct horse"))
    unasked = refused(wish(path))
    assert (unasked.code, unasked.where) == ("bad-argument", str(path))
    assert "passphrase=" in unasked.hint
    assert refused(wish(path, passphrase="wrong")).code == "wrong-passphrase"

    async def main() -> None:
        client = EmbeddedClient(wish(path, passphrase="correct horse"))
        await client.start()
        assert client.ports["127.0.0.1:5432"]
        await client.stop()

    real_run(main())


def test_a_file_that_is_none_of_ours_is_named(tmp_path: Path) -> None:
    gone = refused(wish(tmp_path / "gone.zip"))
    assert (gone.code, gone.where) == ("file-unreadable", str(tmp_path / "gone.zip"))
    assert refused(wish(tmp_path)).code == "file-unreadable"
    (tmp_path / "x.zip").write_bytes(b"no zip")
    assert refused(wish(tmp_path / "x.zip")).where.startswith(str(tmp_path / "x.zip"))
    assert refused(wish(b"no zip")).code == "bad-bundle"
    (tmp_path / "x.zip").write_bytes(bytes(2 * MAX_BUNDLE_BYTES + 1))
    assert "larger" in refused(wish(tmp_path / "x.zip")).why


def test_a_wish_for_a_port_that_is_not_granted_or_taken_opens_nothing(bundle: bytes) -> None:
    assert refused(wish(bundle, ports={3306: 3306})).code == "no-such-name"

    async def main() -> None:
        client = EmbeddedClient(wish(bundle))
        await client.start()
        second = EmbeddedClient(wish(bundle, ports={5432: client.ports[5432]}))
        with pytest.raises(Misuse) as caught:
            await second.start()
        assert caught.value.code == "port-in-use"
        await second.stop()
        await client.stop()

    real_run(main())


def test_the_proxy_that_is_given_is_used_whatever_the_environment_says(
    bundle: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://")

    async def proxy_of(wanted: Wish) -> Proxy | None:
        client = EmbeddedClient(wanted)
        await client.start()
        try:
            assert client.tunnel is not None
            return client.tunnel.uplink.settings.relay.proxy
        finally:
            await client.stop()

    given = Proxy.parse("http://127.0.0.1:3128")
    assert real_run(proxy_of(wish(bundle, proxy=given))) == given
    assert real_run(proxy_of(wish(bundle))) is None
    # The relay is this machine here, and that is never reached through the environment's proxy.
    assert real_run(proxy_of(wish(bundle, from_environment=True))) is None


def test_an_unexpected_failure_is_told_as_one_of_ours(bundle: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise ValueError("a wheel came off")

    monkeypatch.setattr("tunnel_whisperer.daemon.embedded_client.install_bundle", fail)
    broken = refused(wish(bundle))
    assert (broken.code, broken.why) == ("internal", "ValueError: a wheel came off")

from __future__ import annotations

import base64
import io
import stat
import struct
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tenancy.setting import Setting, joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.limits import MAX_BUNDLE_BYTES
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import BundleContents, check_client_files, open_bundle, pack_client
from tunnel_whisperer.pki import issue_client, make_ca, new_ssh_key
from tunnel_whisperer.profile import Profile, format_config, load_config, parse_config, save_config
from tunnel_whisperer.tenancy import User, UserBook, make_server_identity

NAMES = ["config.yaml", "id_ed25519", "id_ed25519.pub", "client.crt", "client.key"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return joined(tmp_path_factory.mktemp("both"))


@pytest.fixture(scope="module")
def alice(both: Setting) -> User:
    return UserBook(both.server).create("alice", [Grant.parse("5432"), Grant.parse("10502:plc-7:502")])


@pytest.fixture(scope="module")
def data(both: Setting, alice: User) -> bytes:
    return pack_client(both.server, alice)


@pytest.fixture(scope="module")
def files(data: bytes) -> Mapping[str, bytes]:
    return open_bundle(data).files


def _zip(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return result.getvalue()


def _error(data: bytes) -> str:
    with pytest.raises(Misuse) as caught:
        open_bundle(data)
    assert caught.value.code == "bad-bundle"
    assert caught.value.hint == "ask for the file again, and pass it on unchanged"
    return str(caught.value)


def test_a_bundle_holds_what_the_client_needs(both: Setting, alice: User, data: bytes) -> None:
    contents = open_bundle(data)
    config, server = contents.config, load_config(both.server.config)
    assert config.missing() == ()
    assert (config.mode, config.xray.uuid) == ("client", alice.uuid)
    assert replace(config.xray, uuid=server.xray.uuid) == server.xray
    assert config.client.server_ssh_port == server.server.remote_port
    assert config.client.server_host_key == " ".join(both.server.host_public_key.read_text().split()[:2])
    assert config.client.ssh_user == "tw"
    assert config.client.grants() == alice.grants
    assert list(contents.files) == NAMES
    assert contents.files["id_ed25519.pub"].decode() == f"{alice.public_key} alice@tw\n"


def test_a_bundle_whose_role_the_server_did_not_sign_is_refused(files: Mapping[str, bytes]) -> None:
    config = parse_config(files["config.yaml"])
    for signature in ("", base64.b64encode(bytes(64)).decode()):
        text = format_config(replace(config, role_signature=signature)).encode()
        assert "the server did not sign" in _error(_zip({**files, "config.yaml": text}))


def test_nothing_of_the_servers_own_gets_into_a_bundle(tmp_path: Path) -> None:
    both = joined(tmp_path)
    config = load_config(both.server.config)
    own = replace(config, proxy="http://me:hunter2@proxy:3128", log_level="debug")
    save_config(both.server.config, replace(own, xray=replace(own.xray, transport="packet-up", http="1.1")))
    data = pack_client(both.server, UserBook(both.server).create("alice", [Grant.parse("5432")]))
    contents = open_bundle(data)
    assert b"hunter2" not in data
    assert (contents.config.proxy, contents.config.log_level) == ("", "info")
    assert (contents.config.xray.transport, contents.config.xray.http) == ("auto", "auto")
    for path in (both.server.private_key, both.server.host_key, both.server.ca_key, both.server.client_key):
        secret = path.read_bytes().splitlines()[-2]
        assert secret not in data


def test_the_same_user_gives_the_same_bytes(both: Setting, alice: User, data: bytes) -> None:
    assert pack_client(both.server, alice) == data


def test_unzipping_into_a_directory_makes_a_client(data: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path)
        assert [stat.S_IMODE(x.external_attr >> 16) for x in archive.infolist()] == [0o600] * 5
    profile = Profile(tmp_path)
    assert load_config(profile.config) == open_bundle(data).config
    for path in (profile.private_key, profile.public_key, profile.client_cert, profile.client_key):
        assert path.is_file()


def test_a_bundle_that_somebody_zipped_again_is_still_one(files: Mapping[str, bytes]) -> None:
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        again = dict(reversed(list(files.items())))
        assert open_bundle(_zip(again, compression)).files == files


def test_keys_are_not_shown(data: bytes) -> None:
    contents = open_bundle(data)
    assert "PRIVATE" not in repr(contents)
    assert str(contents.config.xray.uuid) not in repr(contents)


def test_a_server_without_a_relay_has_no_bundles(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    make_server_identity(profile, "plant")
    user = UserBook(profile).create("alice", [Grant.parse("5432")])
    with pytest.raises(Misuse, match=r"has no slot at a relay yet: xray\.relay_host is not set") as caught:
        pack_client(profile, user)
    assert caught.value.code == "not-set-up"


def test_only_a_server_packs(both: Setting, alice: User) -> None:
    with pytest.raises(Misuse, match="a relay's, not a server's") as caught:
        pack_client(both.relay, alice)
    assert caught.value.code == "wrong-role"


def test_a_user_whose_files_are_lost_has_no_bundle(tmp_path: Path) -> None:
    both = joined(tmp_path)
    user = UserBook(both.server).create("alice", [Grant.parse("5432")])
    (both.server.users / "alice" / "client.key").unlink()
    with pytest.raises(Misuse) as caught:
        pack_client(both.server, user)
    assert caught.value.code == "not-set-up"
    assert caught.value.where.endswith("client.key")


def test_what_is_no_zip_is_no_bundle(data: bytes) -> None:
    assert _error(b"") == "this is not a zip file"
    assert _error(b"hello") == "this is not a zip file"
    assert _error(b"MZ" + data) == "this is not a zip file"
    assert _error(data[:-10]) == "the zip file is damaged"
    assert _error(data[: len(data) // 2]) == "the zip file is damaged"
    assert _error(data + b"\0" * MAX_BUNDLE_BYTES) == "more than 1024 KiB are no bundle"


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(files: Mapping[str, bytes], name: str) -> None:
    left = {x: content for x, content in files.items() if x != name}
    assert _error(_zip(left)) == f"{name}: this file is missing in the bundle"


@pytest.mark.parametrize("name", ["../id_ed25519", "/etc/passwd", "a/config.yaml", "CONFIG.YAML", "authorized_keys",
                                  "config.yaml ", "..\\config.yaml", "C:config.yaml", "ca.key"])  # fmt: skip
def test_any_other_name_is_refused(files: Mapping[str, bytes], name: str) -> None:
    # On Windows, zipfile itself turns the backslash into a slash.
    assert _error(_zip({**files, name: b"x"})).endswith("this file does not belong into a bundle")


def test_a_name_with_a_hidden_end_is_refused(files: Mapping[str, bytes]) -> None:
    data = _zip(
        {**{x: c for x, c in files.items() if x != "client.key"}, "client.key_x": files["client.key"]}
    )
    assert "does not belong" in _error(data.replace(b"client.key_x", b"client.key\0x"))


def test_a_directory_a_link_and_a_device_are_refused(files: Mapping[str, bytes]) -> None:
    assert _error(_zip({**files, "config.yaml/": b""})) == "'config.yaml/': this is not a plain file"
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR):
        result = io.BytesIO()
        with zipfile.ZipFile(result, "w") as archive:
            for name, content in files.items():
                info = zipfile.ZipInfo(name)
                info.external_attr = ((kind if name == "client.key" else stat.S_IFREG) | 0o600) << 16
                archive.writestr(info, content)
        assert _error(result.getvalue()) == "'client.key': this is not a plain file"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_refused(files: Mapping[str, bytes]) -> None:
    result = io.BytesIO(_zip(files))
    with zipfile.ZipFile(result, "a") as archive:
        archive.writestr("config.yaml", b"mode: relay")
    assert _error(result.getvalue()) == "config.yaml: this file is there twice"


def test_too_many_entries_are_refused_before_they_are_looked_at(files: Mapping[str, bytes]) -> None:
    many = {**files, **{f"x{n}": b"" for n in range(20)}}
    assert _error(_zip(many)) == "a bundle has 5 files, this one 25"


def test_an_encrypted_entry_is_refused(files: Mapping[str, bytes]) -> None:
    data = bytearray(_zip(files))
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1  # general purpose flags of the first entry in the directory (APPNOTE 4.4.4)
    assert _error(bytes(data)) == "config.yaml: the zip file has a password"


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused(files: Mapping[str, bytes], compression: int) -> None:
    assert _error(_zip(files, compression)) == "config.yaml: this file is compressed in an unusual way"


def test_a_bomb_is_refused_whatever_size_it_claims(files: Mapping[str, bytes]) -> None:
    bomb = {**files, "id_ed25519": b"\0" * (64 * MAX_BUNDLE_BYTES)}
    data = bytearray(_zip(bomb, zipfile.ZIP_DEFLATED))
    assert len(data) < MAX_BUNDLE_BYTES
    assert _error(bytes(data)) == "more than 1024 KiB are in it"
    # Now with a small size in the directory: what does not fit the claim is damaged.
    at = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    data[at + 24 : at + 28] = struct.pack("<L", 100)
    assert _error(bytes(data)) == "the zip file is damaged"


def test_a_damaged_entry_is_refused(data: bytes) -> None:
    at = data.index(b"OPENSSH PRIVATE KEY-----\n") + 60
    assert _error(data[:at] + b"A" + data[at + 1 :]) == "the zip file is damaged"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (b"mode: client\nxary: {}\n", "config.yaml:2: xary: is not a field"),
        (b"mode: client\nxray:\n  relay_port: 0\n",
         "config.yaml:3: xray.relay_port: '0' is not a whole number from 1 to 65535"),
        (b"version: 2\nmode: future\n",
         "config.yaml:1: version: this file was written by a newer tw (format 2, this one reads 1)"),
        (b"\xff", "config.yaml:1: this line is not UTF-8"),
        (b"mode: server\n", "config.yaml: this is the bundle of a server, not of a client"),
        (b"mode: client\n", "config.yaml: xray.uuid: is not set"),
        (b"", "config.yaml: mode: is missing"),
    ],
)  # fmt: skip
def test_a_bundle_with_a_bad_config(files: Mapping[str, bytes], config: bytes, message: str) -> None:
    assert _error(_zip({**files, "config.yaml": config})) == message


def test_keys_and_certificates_must_fit_together(files: Mapping[str, bytes], both: Setting) -> None:
    key, public = new_ssh_key()
    owner = parse_config(files["config.yaml"]).xray.uuid
    assert owner is not None
    ca = make_ca("x")
    cert, cert_key = issue_client(ca, uuid.uuid4(), "x")
    for change, message in [
        ({"id_ed25519": b"nothing"}, "id_ed25519: this is not an unencrypted SSH private key"),
        ({"id_ed25519": key.encode()}, "id_ed25519.pub: this is not the public key of id_ed25519"),
        ({"id_ed25519.pub": public.encode()}, "id_ed25519.pub: this is not the public key of id_ed25519"),
        ({"id_ed25519.pub": b""}, "id_ed25519.pub: a public key line begins with ssh-ed25519"),
        ({"client.crt": b"\xff"}, "client.crt: this is not one certificate in PEM"),
        ({"client.crt": cert.encode()}, "client.crt: the certificate and its key do not belong together"),
        ({"client.key": cert_key.encode()}, "client.crt: the certificate and its key do not belong together"),
        ({"client.key": b"x"}, "client.crt: the certificate's key is damaged or encrypted"),
        ({"client.crt": cert.encode(), "client.key": cert_key.encode()},
         "client.crt: it is for another user than xray.uuid of config.yaml"),
    ]:  # fmt: skip
        assert _error(_zip({**files, **change})) == message


def _outcome(data: bytes) -> BundleContents | str:
    try:
        return open_bundle(data)
    except Misuse as exc:
        return exc.code


@given(draw=st.data())
def test_mutated_bundles_give_bad_bundle_or_the_same_keys(data: bytes, draw: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(changed) - 1) | st.integers(len(changed) - 400, len(changed) - 1))
        changed[at : at + draw.draw(st.integers(0, 4))] = draw.draw(st.binary(max_size=4))
    outcome = _outcome(bytes(changed))
    assert outcome == "bad-bundle" or (
        isinstance(outcome, BundleContents)
        and outcome.files["id_ed25519"] == open_bundle(data).files["id_ed25519"]
    )


@given(st.binary(max_size=300))
def test_any_bytes_give_bad_bundle(data: bytes) -> None:
    for prefix in (b"", b"PK\x03\x04"):
        assert _outcome(prefix + data) == "bad-bundle"


def test_what_did_not_come_in_a_bundle_is_checked_as_if_it_had(both: Setting, alice: User) -> None:
    whole = open_bundle(pack_client(both.server, alice))
    assert check_client_files(whole.files) == whole
    with pytest.raises(Misuse, match="missing"):
        check_client_files({name: data for name, data in whole.files.items() if name != "client.key"})
    other = open_bundle(pack_client(both.server, UserBook(both.server).create("bob", [Grant.parse("22")])))
    mixed = {**whole.files, "client.crt": other.files["client.crt"], "client.key": other.files["client.key"]}
    with pytest.raises(Misuse, match="another user"):
        check_client_files(mixed)

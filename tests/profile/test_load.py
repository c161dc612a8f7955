from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.base.limits import MAX_CONFIG_BYTES
from tunnel_whisperer.base.values import Grant, HostPort
from tunnel_whisperer.profile import check_field, load_config, parse_config

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINWJZyOcQj6+tbPAsNb+M9EE51xQLbJQoQ7rShqixD4Z"

GOOD = f"""
mode: client
xray:
  uuid: 01234567-89AB-cdef-0123-456789abcdef
  relay_host: Relay.Example.com
  path: /tw/plant
  http: 1.1
client:
  server_ssh_port: 20000
  server_host_key: {KEY} plant@tw
  tunnels:
    - {{local_port: 5432, remote_host: 127.0.0.1, remote_port: 5432}}
    - local_port: 10502
      remote_host: plc-7
      remote_port: 502
  port_overrides: {{5432: 15432}}
"""


def _error(text: str | bytes) -> str:
    with pytest.raises(Misuse) as caught:
        parse_config(text.encode() if isinstance(text, str) else text)
    assert caught.value.code == "bad-config"
    return render(caught.value).removeprefix("tw: bad-config: ")


def test_a_file_as_a_person_writes_it() -> None:
    config = parse_config(GOOD.encode())
    assert config.xray.relay_host == "relay.example.com"
    assert config.xray.http == "1.1"
    assert str(config.xray.uuid) == "01234567-89ab-cdef-0123-456789abcdef"
    assert config.client.server_host_key == KEY
    assert config.client.grants() == (
        Grant(15432, HostPort("127.0.0.1", 5432)),
        Grant(10502, HostPort("plc-7", 502)),
    )
    assert config.missing() == ()


def test_windows_line_ends_and_byte_order_mark_are_read() -> None:
    data = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    assert parse_config(data) == parse_config(GOOD.encode())


def test_nothing_after_the_colon_is_the_default() -> None:
    config = parse_config(b"mode: server\nproxy:\nxray:\nserver:\n  ssh_port:\n")
    assert (config.proxy, config.xray.relay_port, config.server.ssh_port) == ("", 443, 2222)


def test_what_a_mode_cannot_work_without() -> None:
    assert parse_config(b"mode: relay").missing() == ("relay.domain",)
    assert parse_config(b"mode: client").missing() == (
        "xray.uuid", "xray.relay_host", "xray.path", "client.server_ssh_port", "client.server_host_key",
    )  # fmt: skip
    assert parse_config(b"mode: server").missing() == (
        "xray.uuid", "xray.relay_host", "xray.path", "server.relay_ssh_user", "server.relay_host_key",
        "server.remote_port",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # names
        ("mode: client\nxray:\n  relay_hots: a\n",
         "config.yaml:3: xray.relay_hots: is not a field (try: xray.relay_host)"),
        ("mode: client\nrelay_port: 443\n",
         "config.yaml:2: relay_port: is not a field (try: xray.relay_port)"),
        ("mode: client\nsevrer: {}\n", "config.yaml:2: sevrer: is not a field (try: server)"),
        ("mode: client\nmode: server\n", "config.yaml:2: mode: is there twice (try: keep one of them)"),
        ("mode: client\nxray:\n  path: /tw/a\n  http: 2\n  path: /tw/a\n",
         "config.yaml:5: xray.path: is there twice (try: keep one of them)"),
        ("mode: client\n[a]: 1\n", "config.yaml:2: a field's name must be a plain word"),
        ("mode: client\nclient:\n  tunnels:\n  - {local_port: 1, remote_host: a, remote_prt: 1}\n",
         "config.yaml:4: client.tunnels[0].remote_prt: is not a field (try: client.tunnels[0].remote_port)"),
        # shapes
        ("", "config.yaml: mode: is missing (try: mode: client, server or relay)"),
        ("log_level: info\n", "config.yaml:1: mode: is missing (try: one of relay, server, client)"),
        ("- mode: client\n", "config.yaml:1: is not a group of fields (try: write name: value, indented)"),
        ("mode: client\nxray: 3\n",
         "config.yaml:2: xray: is not a group of fields (try: write name: value, indented)"),
        ("mode: [client]\n", "config.yaml:1: mode: is not one of relay, server, client"),
        ("mode: client\nclient:\n  tunnels: 5432\n",
         "config.yaml:3: client.tunnels: is not a list (try: begin each entry with a dash)"),
        ("mode: client\nclient:\n  tunnels:\n  - local_port: 1\n",
         "config.yaml:4: client.tunnels[0].remote_host: is missing (try: a host name or address)"),
        # values
        ("mode: clinet\n",
         "config.yaml:1: mode: 'clinet' is not one of relay, server, client (try: client)"),
        ("mode: client\nxray:\n  relay_port: 70000\n",
         "config.yaml:3: xray.relay_port: '70000' is not a whole number from 1 to 65535"),
        ("mode: client\nxray:\n  relay_port: 0\n",
         "config.yaml:3: xray.relay_port: '0' is not a whole number from 1 to 65535"),
        ("mode: client\nxray:\n  relay_port: 22:22\n",
         "config.yaml:3: xray.relay_port: '22:22' is not a whole number from 1 to 65535"),
        ("mode: client\nxray:\n  relay_port: 0o17\n",
         "config.yaml:3: xray.relay_port: '0o17' is not a whole number from 1 to 65535"),
        ("mode: client\nxray:\n  relay_port: '443'\n",
         "config.yaml:3: xray.relay_port: '443' is text, not a number (try: write it without quotes)"),
        ("mode: client\nxray:\n  relay_host: https://r.example\n",
         ("config.yaml:3: xray.relay_host: 'https://r.example' is not a host name or address"
         " (try: the name alone: no scheme, port or path)")),
        ("mode: client\nxray:\n  relay_host: 10\n",
         "config.yaml:3: xray.relay_host: '10' is not text for YAML (try: write it in quotes)"),
        ("mode: client\nxray:\n  path: /tw/plant/\n",
         "config.yaml:3: xray.path: '/tw/plant/' is not a path like /tw/plant (try: no slash at its end)"),
        ("mode: client\nxray:\n  path: /tw/../x\n",
         "config.yaml:3: xray.path: '/tw/../x' is not a path like /tw/plant (try: no slash at its end)"),
        ("mode: client\nxray:\n  http: 3\n",
         "config.yaml:3: xray.http: '3' is not one of auto, 2, 1.1"),
        ("mode: client\nxray:\n  transport: stream-onr\n",
         ("config.yaml:3: xray.transport: 'stream-onr' is not one of auto, stream-one, stream-up, packet-up"
         " (try: stream-one)")),
        ("mode: client\nxray:\n  uuid: 1234-secret\n",
         "config.yaml:3: xray.uuid: this is not a UUID (try: copy it as a whole, like 01234567-89ab-...)"),
        ("mode: client\nxray:\n  relay_ca: nothing\n",
         ("config.yaml:3: xray.relay_ca: this is not one certificate in PEM"
         " (try: it begins with -----BEGIN CERTIFICATE-----)")),
        ("mode: client\nclient:\n  server_host_key: ssh-rsa AAAA\n",
         ("config.yaml:3: client.server_host_key: this is not a public key line"
         " (try: it begins with ssh-ed25519 AAAA)")),
        ("mode: client\nclient:\n  listen_address: localhost\n",
         ("config.yaml:3: client.listen_address: 'localhost' is not an IP address"
         " (try: 127.0.0.1 is this machine only)")),
        ("mode: relay\nrelay:\n  listen: 443x\n",
         "config.yaml:3: relay.listen: '443x' is not host:port or :port (try: :443 is every interface)"),
        ("mode: relay\nrelay:\n  behind_proxy: maybe\n",
         "config.yaml:3: relay.behind_proxy: 'maybe' is not true or false"),
        ("mode: server\nserver:\n  remote_port: 22\n",
         "config.yaml:3: server.remote_port: '22' is not a whole number from 1024 to 65535"),
        ("mode: server\nserver:\n  relay_ssh_user: a b\n",
         "config.yaml:3: server.relay_ssh_user: 'a b' is not a user name"),
        ("mode: server\nproxy: http://:hunter2@proxy\n",
         ("config.yaml:2: proxy: the proxy URL has a password but no user name"
         " (try: write http://user:password@host:port, https://.. or socks5://..)")),
        ("mode: server\nproxy: http://me:hunter2@\n",
         ("config.yaml:2: proxy: this is not a proxy URL"
         " (try: write http://user:password@host:port, https://.. or socks5://..)")),
        ("mode: server\nproxy: http://proxy:80/hunter2\n",
         ("config.yaml:2: proxy: a proxy URL ends after the port"
         " (try: write / ? # in a password as %2F %3F %23)")),
        # together
        (("mode: client\nclient:\n  tunnels:\n"
         "  - {local_port: 1, remote_host: a, remote_port: 1}\n  - {local_port: 1, remote_host: b, remote_port: 1}\n"),
         "config.yaml:5: client.tunnels[1].local_port: 1 is taken by client.tunnels[0].local_port"),
        (("mode: client\nclient:\n  tunnels:\n"
         "  - {local_port: 1, remote_host: a, remote_port: 1}\n  - {local_port: 2, remote_host: b, remote_port: 1}\n"
         "  port_overrides: {1: 2}\n"),
         "config.yaml:6: client.port_overrides: local port 2 would be opened twice"),
        ("mode: client\nclient:\n  port_overrides: {a: 2}\n",
         "config.yaml:3: client.port_overrides.a: 'a' is not a whole number from 1 to 65535"),
        # YAML
        ("mode: client\nxray:\n\tpath: /tw/a\n",
         "config.yaml:3: there is a tab in this line (try: indent with spaces)"),
        ("mode: client\nxray: {path: /tw/a\nserver: 1\n",
         "config.yaml:3: this is not YAML: expected ',' or '}', but got ':' (try: each line is NAME: VALUE; look at the line above it, too)"),
        ("a: &x [1]\nb: *x\n",
         "config.yaml:1: anchors and aliases are not read here (try: write the values out)"),
        ("mode: *x\n", "config.yaml:1: anchors and aliases are not read here (try: write the values out)"),
        ("mode: !!python/name:os.system x\n",
         "config.yaml:1: YAML tags are not read here (try: write the values out)"),
        ("mode: client\nxray: " + "[" * 5000,
         "config.yaml:2: this is nested too deeply (try: write the values out)"),
        ("mode: client\n---\nmode: server\n",
         "config.yaml:2: this is not YAML: but found another document (try: each line is NAME: VALUE; look at the line above it, too)"),
        ("mode: client\nlog_level: \x07\n",
         "config.yaml:2: there is a control character in this line (try: remove it)"),
        (b"mode: client\nlog_level: \xff\n",
         "config.yaml:2: this line is not UTF-8 (try: save the file as UTF-8)"),
        ("#" * (MAX_CONFIG_BYTES + 1),
         "config.yaml: the file has more than 256 KiB (try: is it the right file?)"),
        # versions
        ("new_field: 1\nversion: 2\n",
         ("config.yaml:2: version: this file was written by a newer tw (format 2, this one reads 1)"
         " (try: update tw on this machine)")),
        ("mode: client\nversion: 0\n", "config.yaml:2: version: '0' is not a whole number from 1 to 1"),
        ("mode: client\nversion: one\n", "config.yaml:2: version: 'one' is not a whole number from 1 to 1"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_line_field_and_way_out(text: str | bytes, message: str) -> None:
    assert _error(text) == message


def test_a_missing_and_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    with pytest.raises(Misuse, match="no identity here yet") as caught:
        load_config(path)
    assert caught.value.code == "not-set-up"
    assert caught.value.where == str(path)
    path.mkdir()
    with pytest.raises(Misuse) as caught:
        load_config(path)
    assert caught.value.code == "file-unreadable"


def test_a_fault_says_which_of_several_config_yaml_it_is_in(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("mode: client\nnonsense: 1\n")
    with pytest.raises(Misuse) as caught:
        load_config(path)
    assert caught.value.where == f"{path}:2"


def test_secrets_are_not_shown() -> None:
    config = parse_config(GOOD.encode() + b"proxy: http://me:hunter2@proxy:3128\n")
    assert config.proxy == "http://me:hunter2@proxy:3128"
    assert "hunter2" not in repr(config)
    assert "89ab" not in repr(config)


@pytest.mark.parametrize(
    "url", ["http://p:3128", "https://u:p@p.example:443/", "socks5://[2001:db8::1]:1080"]
)
def test_proxy_urls(url: str) -> None:
    assert parse_config(f"mode: client\nproxy: {url}\n".encode()).proxy == url.removesuffix("/")


@pytest.mark.parametrize("address", [":443", "127.0.0.1:8443", "[::1]:443"])
def test_listen_addresses(address: str) -> None:
    assert parse_config(f"mode: relay\nrelay:\n  listen: '{address}'\n".encode()).relay.listen == address


def test_a_port_alone_listens_everywhere() -> None:
    assert parse_config(b"mode: relay\nrelay:\n  listen: '443'\n").relay.listen == ":443"


def test_a_value_of_another_file_is_checked_as_a_field() -> None:
    assert check_field("xray.relay_host", "R.Example.") == "r.example"
    assert check_field("xray.relay_port", 443) == 443
    with pytest.raises(Misuse, match="not a host name"):
        check_field("xray.relay_host", "a b")
    with pytest.raises(Misuse, match="is text, not a number"):
        check_field("xray.relay_port", "443")


def _outcome(data: bytes) -> str:
    try:
        parse_config(data)
    except Misuse as exc:
        return exc.code
    return ""


_LINES = st.lists(
    st.sampled_from(
        [*GOOD.splitlines(), "version: 1", "? a", "<<: {}", "- 1", "proxy: *a", "server: {", "}", "!!x", "|"]
    )
    | st.text(max_size=20),
    max_size=12,
)


@given(
    _LINES.map("\n".join) | st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1"))
)
def test_whatever_is_in_the_file_only_bad_config_comes_out(text: str) -> None:
    assert _outcome(text.encode("utf-8", "replace")) in ("", "bad-config")


@given(st.binary(max_size=100))
def test_whatever_bytes_are_in_the_file_only_bad_config_comes_out(data: bytes) -> None:
    assert _outcome(data) in ("", "bad-config")

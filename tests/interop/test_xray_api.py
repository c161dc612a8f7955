"""Our stand-in for ``xray api`` says what the captured calls said, and the real Xray obeys."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop import xray, xray_api
from tests.wire.vectors import load

pytestmark = pytest.mark.interop

CALLS = [entry for entry in load("api_grpc.json")["log"] if "request_hex" in entry]


def _inbound(tag: str, port: int, path: str, *clients: tuple[str, str]) -> dict[str, object]:
    return {
        "tag": tag,
        "listen": "127.0.0.1",
        "port": port,
        "protocol": "vless",
        "settings": {
            "clients": [{"email": email, "id": uid} for email, uid in clients],
            "decryption": "none",
        },
        "streamSettings": {"network": "xhttp", "xhttpSettings": {"path": path, "mode": "auto"}},
    }


def _captured(note: str) -> str:
    (found,) = [entry["request_hex"] for entry in CALLS if entry.get("note") == note]
    return str(found)


U2, U3 = "22222222-2222-3333-4444-555555555555", "33333333-2222-3333-4444-555555555555"


def test_an_inbound_is_added_as_captured() -> None:
    assert xray_api.add_inbound(_inbound("in2", 20402, "/p2", ("u2", U2))).hex() == _captured("adi")


def test_users_come_and_go_as_captured() -> None:
    assert xray_api.add_user("in2", {"email": "u3", "id": U3}).hex() == _captured("adu")
    assert xray_api.remove_user("in2", "u3").hex() == _captured("rmu u3")


@pytest.mark.skipif(bool(xray.missing()), reason=xray.missing())
def test_the_real_one_obeys(tmp_path: Path) -> None:
    api = xray.free_port()
    config = {
        "log": {"loglevel": "warning"},
        "api": {"tag": "api", "listen": f"127.0.0.1:{api}", "services": ["HandlerService"]},
        "inbounds": [],
        "outbounds": [{"protocol": "blackhole"}],
    }

    def call(*words: str, given: str = "") -> str:
        done = subprocess.run(
            (sys.executable, xray_api.__file__, words[0], f"-s=127.0.0.1:{api}", *words[1:]),
            input=given,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def users() -> list[str]:
        return [user["email"] for user in json.loads(call("inbounduser", "-tag=t"))["users"]]

    with xray.Xray(config, tmp_path, "api"):
        inbound = _inbound("t", xray.free_port(), "/t", ("a", U2))
        call("adi", given=json.dumps({"inbounds": [inbound]}))
        assert [each["tag"] for each in json.loads(call("lsi"))["inbounds"]] == ["t"]
        more = _inbound("t", 1, "/t", ("b", U3))
        assert "Added 1 user(s)" in call("adu", given=json.dumps({"inbounds": [more]}))
        assert sorted(users()) == ["a", "b"]
        assert "Removed 1 user(s)" in call("rmu", "-tag=t", "a")
        assert users() == ["b"]
        call("rmi", "t")
        assert json.loads(call("lsi"))["inbounds"] == []

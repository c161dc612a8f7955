from __future__ import annotations

import asyncio
import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clock import real_run
from tunnel_whisperer.api.gate import Password, check_password
from tunnel_whisperer.base.errors import Misuse, Refused
from tunnel_whisperer.base.limits import MAX_PASSWORD_CHARS, MAX_PASSWORD_CHECKS, MAX_PASSWORD_WAITING

GOOD = "correct horse battery"


@pytest.fixture
def password(tmp_path: Path) -> Password:
    return Password(tmp_path / "dashboard")


def test_a_password_is_set_verified_replaced_and_removed(password: Password) -> None:
    assert not password.is_set()
    assert not real_run(password.verify(GOOD))
    password.set(GOOD)
    assert password.is_set()
    assert real_run(password.verify(GOOD))
    for wrong in ("", GOOD + "x", GOOD[:-1], GOOD.upper(), "\udc80" * 20, "x" * 1_000_000):
        assert not real_run(password.verify(wrong))
    password.set("another one, as long")
    assert not real_run(password.verify(GOOD))
    password.remove()
    assert not password.is_set()
    assert not real_run(password.verify("another one, as long"))


def test_the_file_is_private_and_holds_scrypt_with_its_own_salt(password: Password, tmp_path: Path) -> None:
    path = tmp_path / "dashboard" / "password.json"
    password.set(GOOD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = json.loads(path.read_text())
    assert first["scrypt"] == {"n": 32768, "r": 8, "p": 3}
    assert GOOD not in path.read_text()
    password.set(GOOD)
    second = json.loads(path.read_text())
    assert first["salt"] != second["salt"]
    assert first["hash"] != second["hash"]


def test_the_hash_is_the_one_of_rfc_7914() -> None:
    # Section 12, second vector; with more p than ours and less n.
    from tunnel_whisperer.api.gate.password import _scrypt

    found = _scrypt("password", b"NaCl", 1024, 8, 16)
    assert found.hex() == "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"


def test_the_same_keys_pressed_on_another_system_are_the_same_password(password: Password) -> None:
    password.set("Stra\u00dfe am See \u00e9")
    assert real_run(password.verify("Stra\u00dfe am See e\u0301"))


@pytest.mark.parametrize(
    ("weak", "why"),
    [
        ("", "has 0 characters, and needs 12"),
        ("elevenchars", "has 11 characters"),
        ("aaaaaaaaaaaaaaaa", "one character"),
        ("x1" * MAX_PASSWORD_CHARS, "more than 256"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: Password, weak: str, why: str) -> None:
    with pytest.raises(Misuse, match=why) as caught:
        password.set(weak)
    assert caught.value.code == "weak-password"
    assert not password.is_set()


def test_kinds_of_characters_do_not_matter() -> None:
    assert check_password("aaaaaaaaaaab") == "aaaaaaaaaaab"
    assert check_password("пароль длинный") == "пароль длинный"


@pytest.mark.parametrize(
    "change",
    [{"scrypt": None}, {"scrypt": {"n": 2**30, "r": 8, "p": 1}}, {"scrypt": {"n": 2, "r": 8, "p": 1}}, {"salt": ""},
     {"scrypt": {"n": 2**15 + 1, "r": 8, "p": 3}}, {"scrypt": {"n": 2**15, "r": 8, "p": 10**9}}, {"hash": "00"}, {"hash": 5}, {"salt": "zz"},
     {"scrypt": {"n": True, "r": 8, "p": 3}}],
)  # fmt: skip
def test_a_damaged_file_lets_nobody_in(
    password: Password, tmp_path: Path, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tunnel_whisperer.api.gate.password._P", 1)  # quicker
    password.set(GOOD)
    path = tmp_path / "dashboard" / "password.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    for look in (password.is_set, lambda: real_run(password.verify(GOOD))):
        with pytest.raises(Misuse) as caught:
            look()
        assert caught.value.code == "bad-record"


def test_two_are_checked_at_once_some_wait_and_more_are_refused(password: Password, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    password.set(GOOD)
    go, lock = threading.Event(), threading.Lock()
    running = most = 0

    def slow(*_: Any) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        assert go.wait(10)
        with lock:
            running -= 1
        return True

    monkeypatch.setattr("tunnel_whisperer.api.gate.password._Hashed.is_of", slow)

    async def main() -> None:
        room = MAX_PASSWORD_CHECKS + MAX_PASSWORD_WAITING
        async with asyncio.TaskGroup() as group:
            checks = [group.create_task(password.verify(GOOD)) for _ in range(room)]
            await asyncio.sleep(0)
            with pytest.raises(Refused) as caught:
                await password.verify(GOOD)
            assert caught.value.code == "too-many"
            checks[0].cancel()  # who leaves gives nothing free: the thread works on
            await asyncio.sleep(0)
            with pytest.raises(Refused):
                await password.verify(GOOD)
            go.set()
        assert [check.result() for check in checks[1:]] == [True] * (room - 1)
        assert await password.verify(GOOD)

    real_run(main())
    assert most == MAX_PASSWORD_CHECKS

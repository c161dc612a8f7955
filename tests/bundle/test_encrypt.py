from __future__ import annotations

import base64
import shutil
import time
from pathlib import Path

import pexpect
import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bundle.age_file import age_file
from tunnel_whisperer.base.errors import Misuse, TwError
from tunnel_whisperer.base.limits import MAX_BACKUP_BYTES, MAX_PASSPHRASE_WORK
from tunnel_whisperer.bundle import decrypt, encrypt, is_encrypted

# Made by age 1.1.1 (the Go implementation), `age -p`, passphrase "correct horse".
AGE_FILE = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBCbjFod003RkthZmVKNWhucFk4UFFRIDE4CmpwMG9VcHVEQT"
    "d3LzF5WmR6ajRoYisyQlorZXdsREZQNXpaNThsbWNMQXcKLS0tIE1XeW9UaHkzR2NNd3NpaEt1K0tiL25POEsrVGhh"
    "Y0dNaExJQ09EcldtWmsKsPR+c6JJhGKy5QMFnSIaFMO4J/6P4aR7aRy/+slad5upxfrTPUuR8RTShog="
)
CONTENT = b"made by age\n"


def _armoured(data: bytes, end: str = "\n") -> bytes:
    text = base64.b64encode(data).decode()
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    marks = "-----{} AGE ENCRYPTED FILE-----"
    return end.join([marks.format("BEGIN"), *lines, marks.format("END"), ""]).encode()


def _error(data: bytes, code: str = "bad-bundle", passphrase: str = "correct horse") -> str:
    began = time.monotonic()
    with pytest.raises(Misuse) as caught:
        decrypt(data, passphrase)
    assert time.monotonic() - began < 2
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value.why


def test_what_was_encrypted_is_opened_by_the_passphrase_and_by_no_other() -> None:
    sealed = encrypt(b"PK content", "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n \N{SNOWMAN}")
    assert is_encrypted(sealed)
    assert b"content" not in sealed
    assert decrypt(sealed, "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n \N{SNOWMAN}") == b"PK content"
    with pytest.raises(Misuse) as caught:
        decrypt(sealed, "grun")
    assert caught.value.code == "wrong-passphrase"


def test_a_file_made_by_age_itself_is_opened() -> None:
    assert decrypt(AGE_FILE, "correct horse") == CONTENT


@pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")
def test_age_itself_opens_ours(tmp_path: Path) -> None:
    (tmp_path / "x.age").write_bytes(encrypt(b"ours", "correct horse"))
    child = pexpect.spawn("age", ["-d", "-o", "x", "x.age"], cwd=str(tmp_path), timeout=120)
    child.expect("passphrase")
    child.sendline("correct horse")
    child.expect(pexpect.EOF)
    assert (tmp_path / "x").read_bytes() == b"ours"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_text_form_is_opened_too(end: str) -> None:
    sealed = _armoured(age_file(CONTENT, "correct horse"), end)
    assert is_encrypted(sealed)
    assert decrypt(sealed, "correct horse") == CONTENT


def test_other_files_are_not_taken_for_encrypted_ones() -> None:
    assert not is_encrypted(b"")
    assert not is_encrypted(b"PK\x03\x04")
    assert not is_encrypted(b"age")


@pytest.mark.parametrize("work", [MAX_PASSPHRASE_WORK + 1, 30, 63, 99])
def test_a_file_that_would_take_gigabytes_is_refused_before_anything_is_computed(work: int) -> None:
    assert f"work factor {work}" in _error(age_file(b"x", "correct horse", told=str(work)))


@pytest.mark.parametrize("told", ["0", "01", "-1", "100", "1e9", "", "18 18", "99999999999"])
def test_a_work_factor_that_is_no_number_is_refused(told: str) -> None:
    assert "damaged" in _error(age_file(b"x", "correct horse", told=told or " "))


def test_a_file_for_a_key_says_so() -> None:
    sealed = pyrage.encrypt(b"x", [pyrage.x25519.Identity.generate().to_public()])
    assert "encrypted to a key" in _error(sealed)


def test_another_version_of_the_format_is_named() -> None:
    sealed = age_file(b"x", "correct horse").replace(b"org/v1", b"org/v2", 1)
    assert is_encrypted(sealed)
    assert "another version" in _error(sealed)


def test_a_second_recipient_beside_the_passphrase_is_refused() -> None:
    sealed = age_file(b"x", "correct horse")
    line = sealed.split(b"\n---")[0].removeprefix(b"age-encryption.org/v1\n")
    assert "damaged" in _error(b"age-encryption.org/v1\n" + line + b"\n" + line + b"\n---" + sealed[-80:])


def test_a_file_larger_than_any_of_ours_is_refused_unread() -> None:
    head = age_file(b"x", "correct horse")
    assert "larger" in _error(head + bytes(MAX_BACKUP_BYTES + 64 * 1024))
    assert "larger" in _error(b"-----BEGIN AGE ENCRYPTED FILE-----" + bytes(2 * MAX_BACKUP_BYTES))


def test_text_that_is_cut_is_damaged() -> None:
    assert "damaged" in _error(_armoured(age_file(b"x", "p"))[:-40])
    assert "damaged" in _error(b"-----BEGIN AGE ENCRYPTED FILE-----\n*\n-----END AGE ENCRYPTED FILE-----")


_SEALED = age_file(CONTENT, "correct horse")


@given(st.integers(0, len(_SEALED) - 1), st.integers(1, 255), st.booleans())
def test_a_changed_or_cut_file_is_never_opened(place: int, change: int, cut: bool) -> None:
    data = bytearray(_SEALED)
    data[place] ^= change
    with pytest.raises(TwError) as caught:
        decrypt(bytes(_SEALED[:place] if cut else data), "correct horse")
    assert caught.value.code in ("bad-bundle", "wrong-passphrase")

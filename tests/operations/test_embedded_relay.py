"""What a relay of this machine is given before it listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.operations.embedded_relay import RelayWish, check_embedded_relay, make_embedded_relay
from tunnel_whisperer.profile import Profile, load_config


def _refused(profile: Profile, wish: RelayWish) -> str:
    with pytest.raises(Misuse) as refused:
        make_embedded_relay(profile, wish)
    return refused.value.code


def test_what_is_left_out_stays_as_it_is(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "relay")
    assert _refused(profile, RelayWish()) == "not-set-up" and not profile.directory.exists()
    made = make_embedded_relay(profile, RelayWish("relay.test", ":8443"))
    assert (made.mode, made.relay.kind, made.relay.domain) == ("relay", "embedded", "relay.test")
    again = make_embedded_relay(profile, RelayWish())
    assert again == made == load_config(profile.config)
    changed = make_embedded_relay(profile, RelayWish(listen="127.0.0.1:8080", behind_proxy=True))
    assert (changed.relay.listen, changed.relay.behind_proxy) == ("127.0.0.1:8080", True)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (RelayWish("relay.test", "nowhere"), "bad-argument"),
        (RelayWish("relay.test", ":8080", behind_proxy=True), "bad-argument"),
        (RelayWish("relay.test", cert="only.pem"), "bad-argument"),
        (RelayWish("relay.test", cert="no.pem", key="no.key"), "file-unreadable"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wish: RelayWish, code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _refused(Profile(tmp_path / "relay"), wish) == code
    assert not (tmp_path / "relay").exists()


def test_a_file_is_remembered_as_it_is_found_from_any_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert RelayWish(cert="a.pem", key="").absolute() == RelayWish(cert=str(tmp_path / "a.pem"))
    check_embedded_relay(Profile(tmp_path / "relay"), RelayWish("relay.test"))
    assert not (tmp_path / "relay").exists()

"""The file that names the relay that is being made."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.state import Hint, Phase, begin, enter, forget, read_hint


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile(tmp_path / "identity")


def _file(profile: Profile) -> Path:
    return profile.relay / "machine.json"


def test_nothing_was_begun(profile: Profile) -> None:
    assert read_hint(profile) is None
    forget(profile)
    with pytest.raises(Misuse) as caught:
        enter(profile, Phase.MADE)
    assert caught.value.code == "not-set-up"


def test_a_relay_has_its_id_before_anything_is_made(profile: Profile) -> None:
    hint = begin(profile, "hetzner", "nbg1", now=1_700_000_000.0)
    assert read_hint(profile) == hint == Hint("hetzner", "nbg1", hint.relay_id, Phase.MAKING, 1_700_000_000.0)
    assert stat.S_IMODE(_file(profile).stat().st_mode) == 0o600


def test_a_run_after_one_that_died_goes_on_with_the_same_relay(profile: Profile) -> None:
    first = begin(profile, "aws", "eu-central-1")
    assert begin(profile, "aws", "eu-central-1") == first


def test_two_relays_have_two_ids(tmp_path: Path) -> None:
    ids = {begin(Profile(tmp_path / str(n)), "hetzner", "nbg1").relay_id for n in range(20)}
    assert len(ids) == 20


@pytest.mark.parametrize(("provider", "region"), [("hetzner", "fsn1"), ("aws", "nbg1")])
def test_a_relay_that_was_begun_elsewhere_is_not_forgotten(
    profile: Profile, provider: str, region: str
) -> None:
    first = begin(profile, "hetzner", "nbg1")
    with pytest.raises(Misuse) as caught:
        begin(profile, provider, region)
    assert caught.value.code == "exists" and "destroy" in caught.value.hint
    assert read_hint(profile) == first


def test_the_phase_is_remembered_until_the_relay_is_gone(profile: Profile) -> None:
    begin(profile, "hetzner", "nbg1")
    for phase in Phase:
        enter(profile, phase)
        hint = read_hint(profile)
        assert hint is not None and hint.phase is phase
    forget(profile)
    assert read_hint(profile) is None


def test_the_machines_addresses_are_remembered_with_it(profile: Profile) -> None:
    begin(profile, "hetzner", "nbg1")
    enter(profile, Phase.MADE, ("9.9.9.9", "2001:db8::1"))
    enter(profile, Phase.DESTROYING)
    hint = read_hint(profile)
    assert hint is not None and hint.addresses == ("9.9.9.9", "2001:db8::1")


@pytest.mark.parametrize(
    "change",
    [
        {"phase": "asleep"},
        {"relay_id": "../../etc"},
        {"relay_id": ""},
        {"begun_at": "now"},
        {"format": 2},
        {"token": "x"},
        {"addresses": ["relay.example.org"]},
        {"addresses": ["9.9.9.9"] * 5},
        {"addresses": [9]},
    ],
)
def test_a_file_that_is_not_as_written_is_refused_and_named(
    profile: Profile, change: dict[str, object]
) -> None:
    begin(profile, "hetzner", "nbg1")
    record = json.loads(_file(profile).read_text())
    _file(profile).write_text(json.dumps(record | change))
    with pytest.raises(Misuse) as caught:
        read_hint(profile)
    assert caught.value.code == "bad-record" and caught.value.where == str(_file(profile))


def test_where_nothing_can_be_written_nothing_is_begun(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Misuse) as caught:
        begin(profile, "hetzner", "nbg1")
    assert caught.value.code == "state-not-written" and not _file(profile).exists()

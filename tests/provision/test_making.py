"""A relay's machine is made and removed, with a process that dies anywhere; at DigitalOcean's double."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.provision.doubles.trouble import Killed
from tests.provision.drivers.contract import KEY
from tests.provision.drivers.test_digitalocean import DigitalOceanBench
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.drivers import Step
from tunnel_whisperer.provision.making import has_machine, make_machine, remove_machine
from tunnel_whisperer.provision.state import Phase, read_hint


def _quiet(step: Step) -> None:
    assert str(step)


def _make(bench: DigitalOceanBench, profile: Profile) -> tuple[str, ...]:
    driver = bench.driver()
    return make_machine(profile, driver, driver.plan(), KEY, "#cloud-config\n", _quiet)


def _hint_id(profile: Profile) -> str:
    hint = read_hint(profile)
    assert hint is not None
    return hint.relay_id


def test_whenever_it_died_the_next_run_ends_with_one_machine(tmp_path: Path) -> None:
    calm = DigitalOceanBench()
    first = _make(calm, Profile(tmp_path / "calm"))
    total, died = len(calm.trouble.calls), 0
    for at in range(total):
        bench, profile = DigitalOceanBench(), Profile(tmp_path / str(at))
        bench.trouble.at, bench.trouble.after = at, True
        try:
            _make(bench, profile)
        except Killed:
            died += 1
        bench.trouble.calm()
        assert _make(bench, profile) == first
        hint = read_hint(profile)
        assert hint is not None and hint.phase is Phase.MADE and hint.addresses == first
        assert sum(name.startswith("droplet") for name in bench.there()) == 1
    assert died == total


def test_what_was_begun_is_forgotten_when_it_is_gone_and_not_before(tmp_path: Path) -> None:
    bench, profile = DigitalOceanBench(), Profile(tmp_path / "identity")
    _make(bench, profile)
    relay_id = _hint_id(profile)
    assert has_machine(bench.driver().find(relay_id))
    bench.trouble.calm()
    bench.trouble.at = 3
    with pytest.raises(Killed):
        remove_machine(profile, bench.driver(), relay_id, _quiet)
    hint = read_hint(profile)
    assert hint is not None and hint.phase is Phase.DESTROYING
    bench.trouble.calm()
    remove_machine(profile, bench.driver(), relay_id, _quiet)
    assert read_hint(profile) is None and bench.there() == []
    assert not has_machine(bench.driver().find(relay_id))


def test_where_nothing_can_be_noted_nothing_is_made(tmp_path: Path) -> None:
    bench, blocked = DigitalOceanBench(), tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(TwError):
        _make(bench, Profile(blocked))
    assert bench.there() == []

"""What there is to say of a relay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.operations.relay_about import RelayAbout, about_relay
from tunnel_whisperer.operations.relay_making import take_own_machine
from tunnel_whisperer.operations.steps import quiet
from tunnel_whisperer.profile import Profile, write_file
from tunnel_whisperer.tenancy import make_relay_identity, make_server_identity


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile(tmp_path)


def test_nothing_is_here_yet(profile: Profile) -> None:
    assert about_relay(profile) == RelayAbout("none") and about_relay(profile).to_json()["begun"] is None


def test_a_relay_of_this_machine_and_its_certificate(profile: Profile) -> None:
    make_relay_identity(profile, "relay.test", listen="127.0.0.1:8443")
    about = about_relay(profile).to_json()
    assert (about["kind"], about["domain"], about["listen"]) == ("embedded", "relay.test", "127.0.0.1:8443")
    assert about["certificate"]["source"] == "own" and about["certificate"]["ends"].startswith("20")
    write_file(profile.relay_cert, "no certificate")
    broken = about_relay(profile).certificate
    assert broken is not None and broken.trouble and not broken.ends
    profile.relay_cert.unlink()
    gone = about_relay(profile).certificate
    assert gone is not None and gone.trouble == "No such file or directory"


def test_behind_a_web_server_the_certificate_is_not_ours(profile: Profile) -> None:
    make_relay_identity(profile, "relay.test", listen="127.0.0.1:8080", behind_proxy=True)
    about = about_relay(profile)
    assert about.behind_proxy and about.certificate is not None and about.certificate.source == "web server"


def test_a_relay_on_a_machine_of_its_own(profile: Profile) -> None:
    take_own_machine(profile, "relay.example.org", ("203.0.113.7",), True, quiet)
    about = about_relay(profile)
    assert (about.kind, about.ssh_open, about.servers, about.certificate) == ("standard", True, 0, None)
    assert about.begun is not None and about.begun.addresses == ("203.0.113.7",)
    assert about.to_json()["begun"]["records"] == [
        {"name": "relay.example.org", "type": "A", "value": "203.0.113.7"}
    ]


def test_a_server_is_no_relay(profile: Profile) -> None:
    make_server_identity(profile, "plant")
    with pytest.raises(Misuse) as refused:
        about_relay(profile)
    assert refused.value.code == "wrong-role"

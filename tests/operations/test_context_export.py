"""A context as one file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.values import Grant, Secret
from tunnel_whisperer.bundle import decrypt, is_encrypted, open_any, open_bundle
from tunnel_whisperer.operations.context_acts import context_named
from tunnel_whisperer.operations.context_export import backup_file_name, export_context, hand_out
from tunnel_whisperer.operations.importing import connect_file
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Contexts, Profile


@pytest.fixture
def contexts(tmp_path: Path) -> Contexts:
    """Of a machine that is a server."""
    return Contexts(joined(tmp_path).server.directory)


def _events(profile: Profile) -> list[str]:
    lines = "".join(path.read_text() for path in profile.audit.glob("*.jsonl")).splitlines()
    return [json.loads(line)["event"] for line in lines]


def test_one_is_packed_whole_and_that_is_recorded(contexts: Contexts) -> None:
    server = context_named(contexts, None)
    assert open_any(export_context(server)).config.server_id == "plant"
    locked = export_context(server, passphrase=Secret("correct horse"))
    assert is_encrypted(locked)
    assert open_any(decrypt(locked, "correct horse")).config.server_id == "plant"
    assert _events(server.profile).count("identity-exported") == 2
    assert backup_file_name(server) == "plant-tw-context.zip"


def test_what_was_not_kept_is_not_recorded(contexts: Contexts) -> None:
    server = context_named(contexts, None)

    def keep(data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        hand_out(server, b"", None, keep)
    assert "identity-exported" not in _events(server.profile)


def test_a_client_keeps_no_record_of_it(contexts: Contexts, tmp_path: Path) -> None:
    made = create_user(context_named(contexts, None).profile, NewUser("alice", (Grant.parse("5432"),)))
    profile = Profile(tmp_path / "client")
    connect_file(profile, open_bundle(made.data), "alice.zip")
    client = context_named(Contexts(profile.directory), None)
    assert open_bundle(export_context(client)).config.mode == "client"
    assert not profile.audit.exists()

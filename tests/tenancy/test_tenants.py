from __future__ import annotations

import json
import logging
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from tests.profile.crash import every_kill, fill_disk, needs_fork, snapshot
from tests.tenancy.setting import NOW
from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.pki import issue_client, make_ca, new_ssh_key
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import JoinRequest, TenantBook, TenantRecord


def _request(server_id: str) -> JoinRequest:
    return JoinRequest(
        server_id, uuid.uuid4(), make_ca(server_id).cert_pem, new_ssh_key()[1], "relay.example"
    )


PLANT, LAB, SHIP = (_request(name) for name in ("plant", "lab", "ship"))


@pytest.fixture
def book(tmp_path: Path) -> TenantBook:
    return TenantBook(Profile(tmp_path), lambda: NOW)


def test_slots_count_from_20000_and_are_remembered(book: TenantBook, tmp_path: Path) -> None:
    assert book.all() == []
    plant, lab = book.enroll(PLANT), book.enroll(LAB)
    assert plant == TenantRecord("plant", PLANT.uuid, PLANT.ca_pem, PLANT.ssh_public_key, 20000, NOW)
    assert lab.port == 20001
    assert TenantBook(Profile(tmp_path)).all() == [lab, plant]


def test_the_same_request_gets_the_same_slot(book: TenantBook, tmp_path: Path) -> None:
    first = book.enroll(PLANT)
    before = snapshot(tmp_path)
    assert book.enroll(PLANT) == first
    assert snapshot(tmp_path) == before


def test_a_live_port_is_never_given_twice_and_a_free_one_is_given_again(book: TenantBook) -> None:
    for request in (PLANT, LAB, SHIP):
        book.enroll(request)
    book.remove("lab")
    assert book.enroll(LAB).port == 20001
    assert [record.port for record in book.all()] == [20001, 20000, 20002]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (replace(LAB, server_id="plant"), "a server 'plant' with another key is enrolled"),
        (replace(PLANT, ssh_public_key=LAB.ssh_public_key), "a server 'plant' with another key is enrolled"),
        (replace(LAB, uuid=PLANT.uuid), "the server 'plant' has the same UUID"),
        (replace(LAB, ca_pem=PLANT.ca_pem), "the server 'plant' has the same CA"),
        (replace(LAB, ssh_public_key=PLANT.ssh_public_key), "the server 'plant' has the same SSH key"),
    ],
)
def test_what_another_tenant_has_is_refused(
    book: TenantBook, tmp_path: Path, request_: JoinRequest, message: str
) -> None:
    book.enroll(PLANT)
    before = snapshot(tmp_path)
    with pytest.raises(Misuse) as caught:
        book.enroll(request_)
    assert caught.value.code == "exists"
    assert str(caught.value) == message
    assert caught.value.hint
    assert snapshot(tmp_path) == before


def test_a_ca_is_known_by_its_key_not_by_its_text(book: TenantBook) -> None:
    ca = make_ca("x")
    book.enroll(replace(PLANT, ca_pem=ca.cert_pem))
    renewed = make_ca("y", key_pem=ca.key_pem)
    assert renewed.cert_pem != ca.cert_pem
    with pytest.raises(Misuse, match="has the same CA"):
        book.enroll(replace(LAB, ca_pem=renewed.cert_pem))


def test_removing_is_told_by_name(book: TenantBook) -> None:
    book.enroll(PLANT)
    with pytest.raises(Misuse) as caught:
        book.remove("plan")
    assert render(caught.value) == "tw: no-such-name: no server 'plan' is enrolled (try: did you mean plant?)"
    with pytest.raises(Misuse) as caught:
        book.remove("../x")
    assert caught.value.code == "bad-argument"
    book.remove("plant")
    assert book.all() == []
    with pytest.raises(Misuse, match="no server 'plant'"):
        book.remove("plant")


def test_the_stamp_changes_with_the_tenants_only(book: TenantBook, tmp_path: Path) -> None:
    stamps = [book.stamp(), book.stamp()]
    book.enroll(PLANT)
    stamps += [book.stamp(), book.stamp()]
    path = tmp_path / "servers" / "plant.json"
    os.utime(path, (1, 1))
    stamps += [book.stamp()]
    book.remove("plant")
    stamps += [book.stamp()]
    assert stamps[0] == stamps[1] == stamps[5]
    assert stamps[2] == stamps[3]
    assert len({stamps[0], stamps[2], stamps[4]}) == 3


def test_a_record_is_taken_apart_again_only_when_it_changed(
    book: TenantBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.enroll(PLANT), book.enroll(LAB)
    before, parsed, real = book.all(), [], TenantRecord.parse

    def parse(data: bytes, where: str = "") -> TenantRecord:
        parsed.append(Path(where).stem)
        return real(data, where)

    monkeypatch.setattr(TenantRecord, "parse", parse)
    assert book.all() == before
    assert parsed == []
    path = tmp_path / "servers" / "plant.json"
    path.write_text(path.read_text().replace("20000", "20009"))
    assert [record.port for record in book.all()] == [20001, 20009]
    assert parsed == ["plant"]


def _spoil(tmp_path: Path, **fields: object) -> Path:
    path = tmp_path / "servers" / "plant.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return path


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": 2}, "format: written by a newer tw (format 2, this one reads 1)"),
        ({"server_id": "other"}, "server_id: is not 'plant'"),
        ({"server_id": "A"}, "server_id: 'A' is not a server id"),
        ({"port": 22}, "port: is not a whole number from 20000 to 29999"),
        ({"ca": "x"}, "ca: this is not one certificate in PEM"),
        ({"ssh_public_key": "x"}, "ssh_public_key: a public key line begins with ssh-ed25519"),
        ({"uuid": 1}, "uuid: is not text"),
        ({"enrolled_at": -1}, "enrolled_at: is not a time in seconds since 1970"),
        ({"enrolled_at": True}, "enrolled_at: is not a time in seconds since 1970"),
        ({"more": 1}, "more: is not a field of it"),
    ],
)
def test_a_damaged_record_is_left_out_and_stops_enrolling(
    book: TenantBook,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fields: dict[str, object],
    message: str,
) -> None:
    book.enroll(PLANT)
    lab = book.enroll(LAB)
    path = _spoil(tmp_path, **fields)
    logging.getLogger("tw").propagate = True
    with caplog.at_level(logging.ERROR):
        assert book.all() == [lab]
    assert caplog.messages == [f"this server is not let in: {path}: {message}"]
    with pytest.raises(Misuse, match="plant"):
        book.all_or_none()
    # Its port is not known now, and might be given away.
    with pytest.raises(Misuse) as caught:
        book.enroll(SHIP)
    assert caught.value.code == "bad-record"
    assert str(caught.value) == f"{path}: {message}"
    book.remove("plant")
    assert book.enroll(SHIP).port == 20000


def test_garbage_and_leftovers_of_a_kill_are_no_tenants(book: TenantBook, tmp_path: Path) -> None:
    book.enroll(PLANT)
    (tmp_path / "servers" / ".lab.json.abc.tmp").write_text("{")
    (tmp_path / "servers" / ".lab.json").write_text("{")
    (tmp_path / "servers" / "notes.txt").write_text("mine")
    assert [record.server_id for record in book.all()] == ["plant"]
    (tmp_path / "servers" / "x.json").write_bytes(b"\xff")
    with pytest.raises(Misuse, match="this is no record of a server"):
        book.enroll(LAB)


@needs_fork
def test_an_enrolment_killed_anywhere_is_completed_by_the_next_run(book: TenantBook, tmp_path: Path) -> None:
    book.enroll(PLANT)

    def prepare() -> None:
        if any(record.server_id == "lab" for record in book.all()):
            book.remove("lab")

    for _ in every_kill(lambda: book.enroll(LAB), prepare):
        assert [record.port for record in book.all()] in ([20000], [20001, 20000])
        assert book.enroll(LAB).port == 20001


@needs_fork
def test_a_removal_killed_anywhere_leaves_a_tenant_or_none(book: TenantBook) -> None:
    seen = set()
    for _ in every_kill(lambda: book.remove("plant"), lambda: book.enroll(PLANT)):
        seen.add(len(book.all()))
    assert seen == {0, 1}


def test_a_full_disk_enrols_nobody(book: TenantBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book.enroll(PLANT)
    before = snapshot(tmp_path)
    fill_disk(monkeypatch, 1, "fsync")
    with pytest.raises(Misuse) as caught:
        book.enroll(LAB)
    assert caught.value.code == "state-not-written"
    assert snapshot(tmp_path) == before


@needs_fork
def test_two_processes_never_give_one_port_twice(book: TenantBook) -> None:
    requests = [_request(f"s{n}") for n in range(20)]
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for request in requests[:10]:
                book.enroll(request)
            status = 0
        finally:
            os._exit(status)
    for request in requests[10:]:
        book.enroll(request)
    assert os.waitpid(child, 0)[1] == 0
    assert sorted(record.port for record in book.all()) == list(range(20000, 20020))


def test_a_relay_that_is_full_says_so(book: TenantBook, monkeypatch: pytest.MonkeyPatch) -> None:
    from tunnel_whisperer.tenancy import tenants

    monkeypatch.setattr(tenants, "_LAST_PORT", 20000)
    book.enroll(PLANT)
    with pytest.raises(Misuse) as caught:
        book.enroll(LAB)
    assert render(caught.value) == "tw: too-many: all 1 slots of this relay are taken (try: tw unenroll one)"


def test_a_leaf_in_place_of_a_ca_is_refused_at_the_door() -> None:
    leaf, _ = issue_client(make_ca("x"), uuid.uuid4(), "x")
    with pytest.raises(Misuse, match="ca: this certificate is not a CA's"):
        JoinRequest.parse(replace(PLANT, ca_pem=leaf).to_text())

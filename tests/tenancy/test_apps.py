from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.limits import MAX_APPS, MAX_GRANTS_PER_USER
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy.apps import apps_file, format_apps, read_apps, spell_grant
from tunnel_whisperer.tenancy.user import App

SPELLINGS = ["5432", "15432:5432", "10502:plc-7.plant.lan:502", "8080:[fd00::1]:80", "1:[::1]:1"]


def _read(directory: Path, text: str) -> dict[str, App]:
    profile = Profile(directory)
    apps_file(profile).write_text(text, encoding="utf-8")
    return read_apps(profile)


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_grant_is_spelled_as_people_write_it(text: str) -> None:
    assert spell_grant(Grant.parse(text)) == text


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    apps = [App("historian", tuple(map(Grant.parse, SPELLINGS))), App("on", (Grant.parse("22"),))]
    text = format_apps(apps)
    assert list(_read(tmp_path, text).values()) == apps
    assert "\n  historian:\n  - 5432\n  - 15432:5432\n  - 10502:plc-7.plant.lan:502\n" in text


def test_a_server_without_the_file_has_no_apps(tmp_path: Path) -> None:
    assert read_apps(Profile(tmp_path)) == {}


@pytest.mark.parametrize("text", ["", "# nothing\n", "version: 1\n", "apps:\n", "version: 1\napps: {}\n"])
def test_a_file_may_have_no_apps(tmp_path: Path, text: str) -> None:
    assert _read(tmp_path, text) == {}


def test_what_yaml_takes_for_other_things_is_read_as_it_is_written(tmp_path: Path) -> None:
    apps = _read(tmp_path, "apps:\n  yes: [22, 1:30]\n  1.5: ['80']\n")
    assert {name: [spell_grant(grant) for grant in app.grants] for name, app in apps.items()} == {
        "yes": ["22", "1:30"],
        "1.5": ["80"],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1\n", "apps.yaml:1: the file: is not a group of fields"),
        ("apps: [a]\n", "apps.yaml:1: apps: is not a group of fields"),
        ("version: 1\nother: 2\n", "apps.yaml:2: other: is not a field"),
        ("version: 9\n",
         "apps.yaml:1: version: this file was written by a newer tw (format 9, this one reads 1)"),
        ("version: one\n", "apps.yaml:1: version: is not a whole number"),
        ("version: [1]\n", "apps.yaml:1: version: is not a whole number"),
        ("version: 99999999999999999999\n",
         "apps.yaml:1: version: this file was written by a newer tw (format 999999999, this one reads 1)"),
        ("apps:\n  a: [1]\n  a: [2]\n", "apps.yaml:3: a: is there twice"),
        ("apps:\n  [a]: [1]\n", "apps.yaml:2: apps: a name must be a plain word"),
        ("apps:\n  A b: [1]\n", "apps.yaml:2: apps.A b: 'A b' is not the name of an app"),
        ("apps:\n  a:\n", "apps.yaml:2: apps.a: has no list of grants"),
        ("apps:\n  a: 5432\n", "apps.yaml:2: apps.a: has no list of grants"),
        ("apps:\n  a: []\n", "apps.yaml:2: apps.a: has no list of grants"),
        ("apps:\n  a:\n  - 5432\n  - {x: 1}\n", "apps.yaml:4: apps.a[1]: is not a grant"),
        ("apps:\n  a:\n  - 5432\n  - 0\n", "apps.yaml:4: apps.a[1]: '0' is not a port number from 1 to 65535"),
        ("apps:\n  a:\n  - 5432\n  - 5432:80\n", "apps.yaml:4: apps.a[1]: local port 5432 is there twice"),
        ("apps:\n  a:\n  - 1-9\n",
         "apps.yaml:3: apps.a[0]: '1-9' is a range, and a grant opens one port: nothing is open that nobody named"),
        (f"apps:\n  a: {list(range(1, MAX_GRANTS_PER_USER + 2))}\n",
         "apps.yaml:2: apps.a: has more than 256 grants"),
        ("apps:\n" + "".join(f"  a{n}: [1]\n" for n in range(MAX_APPS + 1)),
         "apps.yaml:1: apps: more than 64 are too many"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line_and_nothing_is_read(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(Misuse) as caught:
        _read(tmp_path, text)
    assert caught.value.code == "bad-apps"
    assert str(caught.value) == message
    assert caught.value.hint


@pytest.mark.parametrize(
    "text", ["apps: [", "apps: &a {x: *a}\n", "apps: !!python/object:os.system {}\n", "\x00"]
)
def test_what_is_no_plain_yaml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Misuse) as caught:
        _read(tmp_path, text)
    assert caught.value.code == "bad-apps"

"""What shells complete is what the commands take."""

from __future__ import annotations

from tunnel_whisperer.cli.flag_table import FLAGS, render_flags
from tunnel_whisperer.cli.flags import ARGUMENTS, EVERYWHERE, FIELDS
from tunnel_whisperer.cli.table import COMMANDS

KINDS = {"flag", "file", "dir", "user", "app", "server", "context", "field", "value", "text"}


def test_the_table_is_what_the_generator_writes() -> None:
    assert FLAGS.read_text(encoding="utf-8") == render_flags(), "run make docs"


def test_every_command_and_kind_is_known() -> None:
    assert set(ARGUMENTS) == {" ".join(entry.words) for entry in COMMANDS}
    for name, kind, what in (*EVERYWHERE, *(x for own in ARGUMENTS.values() for x in own)):
        assert kind.removesuffix("*") in KINDS or kind.startswith("="), (name, kind)
        assert "\n" not in what and "\t" not in what


def test_names_of_what_is_there_are_completed_and_new_names_are_not() -> None:
    def first(command: str) -> str:
        return next(kind for name, kind, _ in ARGUMENTS[command] if not name)

    assert [first(x) for x in ("edit user", "delete user", "export user", "create user")] == [
        "user",
        "user",
        "user",
        "text",
    ]
    assert [first(x) for x in ("use", "rename context", "unenroll", "delete app")] == [
        "context",
        "context",
        "server",
        "app",
    ]
    assert "xray.http" in FIELDS and "xray.uuid" not in FIELDS

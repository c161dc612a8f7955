"""The commands as data: ``tw --help`` prints it without importing any of them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMMANDS", "CommandEntry", "find"]


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One command."""

    words: tuple[str, ...]
    """What the user types after ``tw``."""
    module: str
    """Its file in this package."""
    summary: str
    """One line, as an imperative."""


COMMANDS = (
    CommandEntry(("demo",), "demo", "relay, server and client on this machine, end to end"),
    CommandEntry(("create", "relay-server"), "create_relay_server", "make a relay on a machine of its own"),
    CommandEntry(("create", "user"), "create_user", "let somebody in, and write their file"),
    CommandEntry(("serve",), "serve", "run the server of this machine"),
    CommandEntry(("connect",), "connect", "open the local ports, and keep them connected"),
    CommandEntry(("dashboard",), "dashboard", "run this context's role, and a dashboard for your browser"),
    CommandEntry(("status",), "status", "how this machine stands, and what to do next"),
    CommandEntry(("join",), "join", "join a relay, by invitation or by asking for a slot"),
    CommandEntry(
        ("test", "relay"), "relay_test", "go the way to the relay step by step, and say where it ends"
    ),
    CommandEntry(
        ("doctor",), "doctor", "tell what this network lets through, and what to ask of who runs it"
    ),
    CommandEntry(("relay", "run"), "relay_run", "run a relay on this machine"),
    CommandEntry(("relay", "ssh"), "relay_ssh", "log in to a relay's machine, through the relay"),
    CommandEntry(("relay", "close-ssh"), "relay_close_ssh", "shut port 22 of a relay's machine again"),
    CommandEntry(
        ("destroy", "relay-server"), "destroy_relay_server", "remove all that was made for a relay elsewhere"
    ),
    CommandEntry(("service", "install"), "service_install", "have this context's role run by itself"),
    CommandEntry(("service", "start"), "service_start", "start the service, or start it again"),
    CommandEntry(("service", "stop"), "service_stop", "stop the service"),
    CommandEntry(("service", "uninstall"), "service_uninstall", "take the service off the system"),
    CommandEntry(("service", "status"), "service_status", "show how the service stands"),
    CommandEntry(("enroll",), "enroll", "admit a server to this relay, or invite one"),
    CommandEntry(("unenroll",), "unenroll", "remove a server from this relay, or an invitation"),
    CommandEntry(("edit", "user"), "edit_user", "change what a user may reach, and until when"),
    CommandEntry(("list", "users"), "list_users", "show the users of this server"),
    CommandEntry(("list", "servers"), "list_servers", "show the servers of this relay"),
    CommandEntry(("delete", "user"), "delete_user", "stop letting somebody in, for good"),
    CommandEntry(("export", "user"), "export_user", "write a user's file again"),
    CommandEntry(("apply",), "apply", "put in force what the records say"),
    CommandEntry(("unregister",), "unregister", "stop letting somebody in, and keep their files"),
    CommandEntry(("create", "app"), "create_app", "give a set of ports a name"),
    CommandEntry(("list", "apps"), "list_apps", "show the named sets of ports"),
    CommandEntry(("edit", "app"), "edit_app", "change a named set of ports, for all who have it"),
    CommandEntry(("delete", "app"), "delete_app", "forget a named set of ports"),
    CommandEntry(("audit",), "audit", "show who did what, and when"),
    CommandEntry(("audit", "verify"), "audit_verify", "check that nobody changed the audit record"),
    CommandEntry(("create", "context"), "create_context", "make an empty context, and switch to it"),
    CommandEntry(("list", "contexts"), "list_contexts", "show the contexts (identities) of this machine"),
    CommandEntry(("use",), "use", "switch to another context"),
    CommandEntry(("rename", "context"), "rename_context", "give a context another name"),
    CommandEntry(("delete", "context"), "delete_context", "remove a context; the last one: everything"),
    CommandEntry(("export", "context"), "export_context", "write a context into one file, as a backup"),
    CommandEntry(("import",), "import_bundle", "make a context out of a file"),
    CommandEntry(("config", "view"), "config_view", "show the configuration of this machine"),
    CommandEntry(("config", "set"), "config_set", "change the configuration of this machine"),
    CommandEntry(("proxy",), "proxy", "show the proxy on the way to the relay"),
    CommandEntry(("proxy", "set"), "proxy_set", "use this proxy on the way to the relay"),
    CommandEntry(
        ("proxy", "clear"), "proxy_clear", "use the proxy of the environment again, if there is one"
    ),
    CommandEntry(("set-port",), "set_port", "open another local port than the one that was given"),
    CommandEntry(("listen",), "listen", "choose the interface of the local ports"),
    CommandEntry(("completion",), "completion", "print the script with which a shell completes tw"),
)


def find(words: list[str]) -> tuple[CommandEntry, int] | None:
    """The command that ``words`` begin with, and how many of them name it."""
    for length in (2, 1):
        for entry in COMMANDS:
            if len(entry.words) == length and tuple(words[:length]) == entry.words:
                return entry, length
    return None

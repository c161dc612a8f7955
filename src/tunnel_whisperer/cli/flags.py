"""Arguments of each command as data; written by docs/generate.py: change the command, then run make docs.

An argument is its name (empty for one by position), its kind and its help. Kinds: ``flag`` has no
value; ``file``, ``dir``, ``user``, ``app``, ``server``, ``context``, ``field`` and its ``value`` have one
of these; ``=a|b`` one of these words; ``text`` any. A ``*`` behind the kind: as many as one likes.
"""

# fmt: off

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ARGUMENTS", "EVERYWHERE", "FIELDS", "Argument"]

Argument = tuple[str, str, str]

EVERYWHERE: tuple[Argument, ...] = (
    ("--help", "flag", "show this help message and exit"),
    ("--config-dir", "dir", "directory of configuration and keys (default: TW_CONFIG_DIR, else the system's usual one)"),
    ("--log-level", "=debug|info|warning|error", "how much to log"),
    ("--log-format", "=text|json", "how to log"),
)

ARGUMENTS: Mapping[str, tuple[Argument, ...]] = {
    "demo": (
        ("--target", "text", "put a service of yours behind the tunnel"),
        ("--once", "flag", "end after the check"),
    ),
    "create relay-server": (
        ("--domain", "text", "the relay's name, which you put into DNS"),
        ("--provider", "=hetzner|digitalocean|aws|manual", "where its machine is; manual: one that you have"),
        ("--region", "text", "of the provider (default: its first)"),
        ("--size", "text", "of the provider (default: the smallest sensible)"),
        ("--ip", "text*", "manual: of the machine; repeat it for IPv6"),
        ("--out", "file", "manual: the install script (default NAME-install.sh)"),
        ("--ssh-open", "flag", "leave port 22 open to everybody; it is shut otherwise, and tw relay ssh comes by the relay"),
        ("--server", "text", "then make a server on this computer too, and switch to it"),
        ("--no-wait", "flag", "end when the machine is there"),
        ("--yes", "flag", "do not ask whether to make it"),
        ("--credentials-file", "file", "the provider's token, or lines such as AWS_ACCESS_KEY_ID=..; else the environment is looked at"),
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "create user": (
        ("", "text", "short name, such as alice"),
        ("-m", "text*", "a port of this server to open for them; LOCAL:PORT to number it otherwise at their end, LOCAL:HOST:PORT for a port of another machine (repeatable)"),
        ("--map", "text*", "a port of this server to open for them; LOCAL:PORT to number it otherwise at their end, LOCAL:HOST:PORT for a port of another machine (repeatable)"),
        ("--app", "app*", "a named set of ports, made by tw create app (repeatable)"),
        ("--from", "user", "may do what this user may; other flags add to it"),
        ("--expires", "text", "let in until then: 2030-12-24T18:00 (local time), for 12h or 7d from now, or never"),
        ("--single-session", "flag", "one session at a time: a new one ends the old one"),
        ("--no-single-session", "flag", "one session at a time: a new one ends the old one"),
        ("--out", "file", "where to write the user's file (default NAME-tw-config.zip)"),
        ("--passphrase", "flag", "ask for a passphrase, and encrypt with it"),
        ("--passphrase-file", "file", "encrypt with the first line of this file"),
        ("--invite", "flag", "instead of a file print a token, which works once; the user's machine makes the keys itself"),
        ("--invite-for", "text", "of an invitation: how long it can be used, 30m, 24h (default) or 7d"),
        ("--json", "flag", "of an invitation: for programs"),
    ),
    "serve": (
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "connect": (
        ("", "file", "the file or invitation from the server's admin, the first time; - reads an invitation from standard input"),
        ("--map", "text*", "open another local port for that target, this time (LOCAL:HOST:PORT if it is not the server itself)"),
        ("--passphrase-file", "file", "the first line of it opens an encrypted file; asked for if left out"),
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "dashboard": (
        ("--port", "text", "where browsers come (default 8080; 0: any free one)"),
        ("--listen", "text", "interface for browsers (default 127.0.0.1); others need a password, and get HTTPS"),
        ("--name", "text*", "a name by which browsers of other machines open it (repeatable)"),
        ("--cert", "file", "certificate chain for it (default: one made here)"),
        ("--key", "file", "key of the certificate"),
        ("--no-start", "flag", "do not start the role; the dashboard can, later"),
        ("--no-open", "flag", "print the link, and open no browser"),
        ("--unattended", "flag", "as a service: the role runs even where the port is taken, and no link is printed"),
        ("--set-password", "flag", "ask for the password of the dashboard, keep it, and end"),
        ("--password-file", "file", "with --set-password: read it there; - is standard input"),
        ("--token", "text", "make a token for a program, print it, and end; it may read"),
        ("--token-may-all", "flag", "of --token: it may change everything, too"),
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "status": (
        ("--json", "flag", "for programs; well is true, false, or null where nothing runs"),
    ),
    "join": (
        ("", "text", "invitation from the relay's admin (- reads it from standard input); or name of the relay to ask for a slot"),
        ("--id", "text", "short name of this server (default: as invited, else its host name)"),
        ("--out", "file", "where to write the request (default ID-request.json)"),
        ("--apply", "file", "take over the response of the relay's admin"),
    ),
    "test relay": (
        ("--json", "flag", "for programs"),
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "doctor": (
        ("", "text", "a relay; this machine's own by default"),
        ("--silence", "text", "how long to leave a connection alone (15; 0: not at all)"),
        ("--json", "flag", "for programs"),
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "relay run": (
        ("--domain", "text", "name or address that clients use; needed the first time"),
        ("--listen", "text", "where to listen (default :443)"),
        ("--cert", "file", "certificate chain (PEM); otherwise a CA of its own is made"),
        ("--key", "file", "key of the certificate (PEM)"),
        ("--behind-proxy", "flag", "plain HTTP, behind a web server that ends TLS and hands the client certificate on"),
        ("--no-behind-proxy", "flag", "plain HTTP, behind a web server that ends TLS and hands the client certificate on"),
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "relay ssh": (
        ("", "text*", "to run there (default: a shell)"),
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "relay close-ssh": (
        ("--credentials-file", "file", "the provider's token, or lines such as AWS_ACCESS_KEY_ID=..; else the environment is looked at"),
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "destroy relay-server": (
        ("--yes", "flag", "do not ask, not even where certificates are lost"),
        ("--provider", "=hetzner|digitalocean|aws", "where to look for a relay that no context knows"),
        ("--id", "text", "of that relay; without it, all that are there are listed"),
        ("--credentials-file", "file", "the provider's token, or lines such as AWS_ACCESS_KEY_ID=..; else the environment is looked at"),
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "service install": (
        ("--system", "flag", "a service that starts with the machine (root's default)"),
        ("--user", "flag", "a service of yours (everybody else's default)"),
        ("--context", "context", "use this context, by name or id, not the active one"),
        ("--no-start", "flag", "only from the next start of the machine on"),
        ("--print", "flag", "show the file that would be written, and stop"),
    ),
    "service start": (
        ("--system", "flag", "a service that starts with the machine (root's default)"),
        ("--user", "flag", "a service of yours (everybody else's default)"),
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "service stop": (
        ("--system", "flag", "a service that starts with the machine (root's default)"),
        ("--user", "flag", "a service of yours (everybody else's default)"),
        ("--context", "context", "use this context, by name or id, not the active one"),
    ),
    "service uninstall": (
        ("--system", "flag", "a service that starts with the machine (root's default)"),
        ("--user", "flag", "a service of yours (everybody else's default)"),
        ("--context", "context", "use this context, by name or id, not the active one"),
        ("--yes", "flag", "do not ask"),
    ),
    "service status": (
        ("--system", "flag", "a service that starts with the machine (root's default)"),
        ("--user", "flag", "a service of yours (everybody else's default)"),
        ("--context", "context", "use this context, by name or id, not the active one"),
        ("--json", "flag", "for programs"),
    ),
    "enroll": (
        ("", "file", "file that tw join wrote"),
        ("--out", "file", "where to write the response (default ID-response.json)"),
        ("--port", "text", "port that clients dial (default: the one that the relay listens on, behind a web server 443)"),
        ("--invite", "flag", "without a request: print a token, with which one server joins"),
        ("--name", "text", "of an invitation: the id that the server is to have"),
        ("--expires", "text", "of an invitation: how long it can be used, 30m, 24h (default) or 7d"),
        ("--json", "flag", "of an invitation: for programs"),
    ),
    "unenroll": (
        ("", "server", "its id, or an invitation, as tw list servers shows it"),
        ("--yes", "flag", "do not ask"),
    ),
    "edit user": (
        ("", "user", "as tw list users shows it"),
        ("-m", "text*", "a port of this server to open for them; LOCAL:PORT to number it otherwise at their end, LOCAL:HOST:PORT for a port of another machine (repeatable)"),
        ("--grant", "text*", "a port of this server to open for them; LOCAL:PORT to number it otherwise at their end, LOCAL:HOST:PORT for a port of another machine (repeatable)"),
        ("--revoke", "text*", "take back the port with this number at the user's end (repeatable)"),
        ("--app", "app*", "give an app (repeatable)"),
        ("--no-app", "text*", "take an app back (repeatable)"),
        ("--expires", "text", "let in until then: 2030-12-24T18:00 (local time), for 12h or 7d from now, or never"),
        ("--single-session", "flag", "one session at a time: a new one ends the old one"),
        ("--no-single-session", "flag", "one session at a time: a new one ends the old one"),
        ("--yes", "flag", "do not ask"),
    ),
    "list users": (
        ("--json", "flag", "for programs"),
    ),
    "list servers": (
        ("--json", "flag", "for programs"),
        ("--live", "flag", "ask a standard relay's machine who is connected"),
    ),
    "delete user": (
        ("", "user", "as tw list users shows it"),
        ("--yes", "flag", "do not ask"),
    ),
    "export user": (
        ("", "user", "as tw list users shows it"),
        ("--out", "file", "where to write the user's file (default NAME-tw-config.zip)"),
        ("--passphrase", "flag", "ask for a passphrase, and encrypt with it"),
        ("--passphrase-file", "file", "encrypt with the first line of this file"),
        ("--invite", "flag", "instead of a file print a token, which works once; the user's machine makes the keys itself"),
        ("--invite-for", "text", "of an invitation: how long it can be used, 30m, 24h (default) or 7d"),
        ("--json", "flag", "of an invitation: for programs"),
        ("--force", "flag", "replace the file that is there"),
    ),
    "apply": (
        ("", "user*", "whom to let in, unregistered or not (default: all who are not unregistered); none at a relay"),
    ),
    "unregister": (
        ("", "user", "as tw list users shows it"),
    ),
    "create app": (
        ("", "text", "short name, such as historian"),
        ("-m", "text*", "a port of this server to open for them; LOCAL:PORT to number it otherwise at their end, LOCAL:HOST:PORT for a port of another machine (repeatable)"),
        ("--map", "text*", "a port of this server to open for them; LOCAL:PORT to number it otherwise at their end, LOCAL:HOST:PORT for a port of another machine (repeatable)"),
    ),
    "list apps": (
        ("--json", "flag", "for programs"),
    ),
    "edit app": (
        ("", "app", "as tw list apps shows it"),
        ("-m", "text*", "a port of this server to open for them; LOCAL:PORT to number it otherwise at their end, LOCAL:HOST:PORT for a port of another machine (repeatable)"),
        ("--grant", "text*", "a port of this server to open for them; LOCAL:PORT to number it otherwise at their end, LOCAL:HOST:PORT for a port of another machine (repeatable)"),
        ("--revoke", "text*", "take back the port with this number at the user's end (repeatable)"),
        ("--yes", "flag", "do not ask"),
    ),
    "delete app": (
        ("", "app", "as tw list apps shows it"),
        ("--yes", "flag", "do not ask"),
    ),
    "audit": (
        ("--user", "user", "only what this user, server or admin did, or underwent"),
        ("--since", "text", "only from then on: 2026-12-24T18:00 (local time), 90m, 12h, 7d"),
        ("--json", "flag", "for programs: the records as they are, one a line"),
    ),
    "audit verify": (
        ("--contains", "text", "hash that was noted earlier: its record, and so all before it, must be there unchanged"),
        ("--json", "flag", "for programs"),
    ),
    "create context": (
        ("", "text", "up to 63 lower-case letters, digits, dots, dashes and underscores"),
    ),
    "list contexts": (
        ("--json", "flag", "for programs"),
    ),
    "use": (
        ("", "context", "name, id or the beginning of an id, as tw list contexts shows them"),
    ),
    "rename context": (
        ("", "context", "name or id, as tw list contexts shows them"),
        ("", "text", "the new one"),
    ),
    "delete context": (
        ("", "context", "name or id, as tw list contexts shows them"),
        ("--yes", "flag", "do not ask"),
    ),
    "export context": (
        ("", "context", "name or id (default: the active one)"),
        ("--out", "file", "where to write it (default NAME-tw-context.zip)"),
        ("--force", "flag", "replace the file that is there"),
        ("--passphrase", "flag", "ask for a passphrase, and encrypt with it"),
        ("--passphrase-file", "file", "encrypt with the first line of this file"),
    ),
    "import": (
        ("", "file", "a user's file, or one of tw export context"),
        ("--name", "text", "what to call the context (default: user, server id or relay)"),
        ("--activate", "flag", "switch to it"),
        ("--force", "flag", "replace the context of that name"),
        ("--passphrase-file", "file", "the first line of it opens an encrypted file; asked for if left out"),
    ),
    "config view": (
        ("--json", "flag", "for programs; every field, defaults included"),
    ),
    "config set": (
        ("", "field", "field of config.yaml, as tw config view --json names it: xray.http"),
        ("", "value", "what it is to be; '' for its default"),
        ("", "field*", "further pairs, all of them taken over together"),
    ),
    "proxy": (
        ("--json", "flag", "for programs"),
    ),
    "proxy set": (
        ("", "text", "http://, https:// or socks5://[user:password@]host[:port]; asked for if it is left out"),
        ("--ask-password", "flag", "ask for the password, which then is in no shell history"),
    ),
    "proxy clear": (
    ),
    "set-port": (
        ("", "text", "a local port as the server's admin gave it; left out: show all"),
        ("", "text", "the port that this machine opens instead; PORT again: as given"),
        ("--json", "flag", "show the ports for programs"),
    ),
    "listen": (
        ("", "text", "of the interface: 127.0.0.1 is this machine alone, 0.0.0.0 all of its interfaces; left out: show it"),
    ),
    "completion": (
        ("", "=bash|zsh|fish|powershell", "for which shell"),
    ),
}

FIELDS: Mapping[str, str] = {
    "log_level": "debug|info|warning|error",
    "log_format": "text|json",
    "proxy": "",
    "xray.relay_host": "",
    "xray.relay_port": "",
    "xray.transport": "auto|stream-one|stream-up|packet-up",
    "xray.http": "auto|2|1.1",
    "server.dashboard_port": "",
    "server.dashboard_listen": "",
    "client.listen_address": "",
    "relay.listen": "",
    "relay.behind_proxy": "",
    "relay.cert": "",
    "relay.key": "",
    "analytics.enabled": "",
    "analytics.history_size": "",
}
"""Those of ``tw config set``, and the words that each may be."""

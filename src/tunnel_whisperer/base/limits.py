"""Every number that bounds what a peer can make us hold: value, unit, source.

docs/threats.md names the attack behind each; docs/reference/limits.md is generated from here, so
each constant has a string under it.
"""

from __future__ import annotations

# -- windows and buffers of admitted peers ----------------------------------------------------

PATH_WINDOW_BYTES = 16 * 1024 * 1024
"""Bytes under way on one stream or channel: 1 Gbit/s at 100 ms is 12.5 MB (design.md 6)."""

CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024
"""Bytes under way on one HTTP/2 connection: several full streams side by side."""

STREAM_HIGH_WATER_BYTES = 256 * 1024
"""Unsent bytes at which a writer is paused; small, for a queue is latency for its neighbours."""

NOTSENT_LOWAT_BYTES = 256 * 1024
"""Unsent bytes that the kernel may hold per socket (TCP_NOTSENT_LOWAT), for the same reason."""

MAX_FRAME_BYTES = 256 * 1024
"""HTTP/2 DATA frame size that we accept; large frames cost less per byte to parse."""

SSH_PACKET_BYTES = 128 * 1024
"""Payload of one SSH channel packet between our own ends; OpenSSH keeps to its own 32 KiB."""

# -- strangers ---------------------------------------------------------------------------------

STRANGER_WINDOW_BYTES = 64 * 1024
"""Unacknowledged bytes of a stream whose VLESS header has not been admitted."""

MAX_HEADER_BYTES = 12 * 1024
"""Size of a request head: 8192 + 4096 as Xray (wire spec 3.4)."""

MAX_CONCURRENT_STREAMS = 250
"""Exchanges on one HTTP/2 connection, as Xray (wire spec 4)."""

HEAD_TIMEOUT_S = 4.0
"""Time to finish a request head on a new connection, as Xray (wire spec 4)."""

HANDSHAKE_TIMEOUT_S = 10.0
"""Time for a TLS handshake."""

MAX_CONNECTIONS = 4096
"""Open TCP connections of one relay."""

MAX_CONNECTIONS_PER_ADDRESS = 512
"""Open TCP connections of one address; a NAT may hide many clients."""

MAX_HANDSHAKES_PER_S = 200
"""TLS handshakes begun per second; more wait in the accept queue."""

VLESS_HEADER_TIMEOUT_S = 15.0
"""Time for the VLESS request header to arrive on an open stream."""

MAX_VLESS_ADDONS_BYTES = 255
"""The addons length is one byte (wire spec 1.1)."""

# -- XHTTP sessions ----------------------------------------------------------------------------

SESSION_REAP_S = 30.0
"""A session without its GET is dropped after this time (wire spec 5.4)."""

MAX_HALF_OPEN_SESSIONS = 256
"""Sessions per tenant that still wait for their GET."""

MAX_HALF_OPEN_BYTES = 16 * 1024 * 1024
"""Upload bytes per tenant that wait for the GET of their sessions. HTTP/2 gives a window back when a
POST is over, so it does not bound them; above, the session that holds most is dropped."""

MAX_SESSION_ID_CHARS = 128
"""Longer session ids are refused; Xray sends 36."""

MAX_POST_BYTES = 1_000_000
"""Body of one packet-up POST (scMaxEachPostBytes, wire spec 3.4)."""

MAX_BUFFERED_POSTS = 30
"""Out-of-order packets held per session (scMaxBufferedPosts, wire spec 5.3)."""

PACKET_BACKLOG_BYTES = 256 * 1024
"""Bytes of packet-up POSTs that the application has not taken; above, POSTs wait for their answer."""

HALF_CLOSED_REAP_S = 300.0
"""A packet-up session whose download has ended is dropped after this time without a packet: nothing
else would tell that its client is gone. As Xray's idle limit (wire spec 6)."""

MAX_REFUSED_BODY_BYTES = 256 * 1024
"""Body of a refused request that is read and thrown away before the request is reset."""

# -- shares of one relay and of one server ------------------------------------------------------

MAX_STREAMS_PER_TENANT = 1024
"""Streams of one server and its users at a relay: one for each client that is connected."""

MAX_STREAMS_PER_USER = 32
"""Those of one certificate: the machines on which somebody uses one file, and reconnections whose
predecessors are not known to be dead yet."""

USER_STREAMS_BURST = 60
"""Streams that one certificate may begin at once. A client that tries all transports makes three."""

USER_STREAMS_PER_S = 2
"""Streams that it may begin for good. Each costs the server a key exchange, also for a user who was
deleted there; a client of ours makes three every 2 s at most."""

TENANT_STREAMS_BURST = MAX_STREAMS_PER_TENANT
"""Streams that all of a tenant's may begin at once: the relay was restarted, and all come back."""

TENANT_STREAMS_PER_S = 50
"""Streams that they may begin for good: a tenant can make up any number of users."""

MAX_HELD_BYTES_PER_TENANT = 256 * 1024 * 1024
"""Bytes of a tenant's connections that wait in the relay for who reads slowly or not at all; above,
the connection that holds most is reset. 16 at PATH_WINDOW_BYTES, a thousand ordinary ones."""

MAX_HELD_BYTES_PER_USER = 256 * 1024 * 1024
"""The same at a server, for one user."""

MAX_HELD_BYTES = 1024 * 1024 * 1024
"""The same for all tenants of a relay, or users of a server; who holds most loses first."""

HELD_CHECK_S = 1.0
"""How often that is looked at: what one line carries in this time may be held besides."""

MAX_LOGINS = 128
"""SSH logins under way at a server, whatever the relay lets through; above, the oldest is ended: it
is the least likely to succeed. Each holds 0.1 MB."""

MAX_LOGINS_AT_RELAY = 1024
"""The same at a relay, where all servers come back at once after a restart."""

LOGINS_BURST = 500
"""SSH logins that a server takes up at once: its clients come back after the relay's restart."""

LOGINS_PER_S = 20
"""SSH logins that it takes up for good: each costs 5 ms of a processor, and a hostile relay could
ask for them all day."""

MAX_SESSIONS_PER_SERVER = 8
"""SSH sessions of one server at its relay: the living one, and those not known to be dead yet. Above,
the oldest is ended."""

MAX_SESSIONS_PER_USER = 32
"""SSH sessions of one user at a server, for the same reasons as MAX_STREAMS_PER_USER; above, the
oldest is ended."""

MAX_TARGETS_PER_USER = 4096
"""Connections to targets, open and being opened, of one user over all sessions."""

RESERVED_FILES = 64
"""Open files that connections leave to everything else: a process whose peers hold all of them can
read neither its access record nor its list of tenants, and so could revoke nothing."""

FILES_PER_CONNECTION = 2
"""Open files of a connection to a relay at the most: there is a second handle during its handshake."""

MAX_LOCAL_CONNECTIONS = 4096
"""Connections of one local port, waiting ones included: as MAX_CHANNELS_PER_SESSION."""

# -- SSH ---------------------------------------------------------------------------------------

SSH_LOGIN_TIMEOUT_S = 20.0
"""Time from the first byte of SSH to a finished login."""

SSH_KEEPALIVE_INTERVAL_S = 12.0
"""Silence after which the peer is asked for a sign of life. Shorter than HTTP/2's, which then need
not ask; longer costs nothing but time: 1,000 idle sessions at a relay are 80 questions a second."""

SSH_ANSWER_TIMEOUT_S = 6.0
"""Wait for an answer to one such question."""

SSH_KEEPALIVE_COUNT = 2
"""Unanswered questions before the session is given up: noticed within 12 + 2 x 6 = 24 s."""

SSH_LOGIN_FAILURES = 10
"""Refused attempts to log in on one connection; OpenSSH has 6, which an agent full of keys exceeds."""

MAX_CHANNELS_PER_SESSION = 4096
"""Open channels in one session."""

CHANNEL_START_WINDOW_BYTES = 256 * 1024
"""Receive window of a new channel; it doubles with use up to PATH_WINDOW_BYTES, so that a channel
whose reader is stuck from the start holds no more than this."""

CHANNEL_LEAST_WINDOW_BYTES = 32 * 1024
"""Receive window of a new channel when SESSION_WINDOW_BYTES are used up; one packet of OpenSSH."""

SESSION_WINDOW_BYTES = 256 * 1024 * 1024
"""Receive windows of all channels of one session together, which is what a peer can make us hold
by letting every reader get stuck; 16 channels at PATH_WINDOW_BYTES."""

SSH_BACKLOG_BYTES = 4 * 1024 * 1024
"""Unsent bytes of a session whose peer does not read; data stops at STREAM_HIGH_WATER_BYTES, the
rest are answers to what the peer keeps asking. More ends the session."""

SSH_MAX_DEFERRED = 20_000
"""Answers held while new keys are agreed on: a few for each of MAX_CHANNELS_PER_SESSION. A peer
that begins with new keys and does not end, but goes on asking, loses the session."""

SSH_REKEY_BYTES = 32 * 1024**3
"""Bytes under one SSH key: half of the 2^32 cipher blocks that RFC 4344 section 3.2 allows."""

SSH_REKEY_INTERVAL_S = 3600.0
"""Age of an SSH key at which new keys are agreed on."""

HURRY_GAP_S = 2.0
"""A client whose applications keep asking begins an attempt to connect no sooner than this after
the last one began: the first step of the backoff."""

SSH_CLOSE_LINGER_S = 1.0
"""After the disconnect message, the stream has this long to end before it is cut."""

SSH_LEAVE_S = 0.5
"""Who is stopped waits this long for its disconnect message to be taken, so that the other end's
records say who ended the session. A path that swallows it must not hold up a Ctrl-C."""

SSH_PROBE_TIMEOUT_S = 3.0
"""Time for a live peer to answer when it is asked for a sign of life out of turn."""

SSH_OPEN_TIMEOUT_S = 30.0
"""Time for the answer to a channel open; the far side's own dial takes up to 10 s of it."""

MAX_COMMAND_OUTPUT_BYTES = 8 * 1024 * 1024
"""What a command at a relay's machine may print: the state of 512 tenants takes 100 KB."""

RELAY_CHANGE_TIMEOUT_S = 300.0
"""Time for a standard relay's machine to make a change: it waits up to 120 s for another one."""

RELAY_LOOK_S = 5.0
"""How often a new relay's name and certificate are looked at; Caddy's own first pause is a minute."""

SAVED_CERTIFICATES_BYTES = 4 * 1024 * 1024
"""Size of Caddy's certificates as a tar; one name's have 20 KB. A machine that was taken over sends more."""

ANNOUNCE_TIMEOUT_S = 60.0
"""Time for a standard relay to take a list of users: Xray is told them one by one."""

ANNOUNCE_AGAIN_S = 15.0
"""Rest before a list that was not taken is told again."""

MAX_PEER_REASON_CHARS = 200
"""Length of a peer's own words that we repeat in a message or a log."""

PING_INTERVAL_S = 14.0
"""HTTP/2: silence after which a PING is sent. Only a link without a living session is that silent."""

PING_TIMEOUT_S = 10.0
"""HTTP/2: a PING unanswered for this long ends the connection."""

# -- HTTP/2 and HTTP/1.1 connections -------------------------------------------------------------

MAX_HEADER_BLOCK_FRAMES = 16
"""HTTP/2: HEADERS and CONTINUATION frames of one head; MAX_HEADER_BYTES fit in one."""

MAX_HEADER_BLOCK_BYTES = 24 * 1024
"""HTTP/2: a compressed head that is held; between MAX_HEADER_BYTES and this it is refused alone."""

MAX_SETTINGS_PER_FRAME = 32
"""HTTP/2: settings in one SETTINGS frame, as nghttp2; six are defined."""

MAX_CONTROL_FRAME_BYTES = 16 * 1024
"""HTTP/2: a frame that must be held until it is complete (all but plain DATA)."""

IDLE_FRAMES_BURST = 20_000
"""HTTP/2: frames that carry nothing (PING, SETTINGS, WINDOW_UPDATE, empty DATA..) that a peer may
send at once. A Go peer answers a full PATH_WINDOW_BYTES with 8,000 WINDOW_UPDATEs."""

IDLE_FRAMES_PER_S = 1_000
"""HTTP/2: such frames for good; every BYTES_PER_WINDOW_UPDATE that we send allow one more."""

BYTES_PER_WINDOW_UPDATE = 2 * 1024
"""HTTP/2: a Go peer sends two WINDOW_UPDATEs per 4 KiB that it consumed."""

RESETS_BURST = 1_000
"""HTTP/2: streams that a peer may reset, or make us reset, at once: all clients behind one proxy."""

RESETS_PER_S = 100
"""HTTP/2: such streams for good (rapid reset, CVE-2023-44487)."""

MAX_WAITING_CONTROL_FRAMES = 10_000
"""HTTP/2: answers (PING, SETTINGS, RST_STREAM) held for a peer that does not read, as Go."""

MAX_WAITING_CONTROL_BYTES = 1024 * 1024
"""HTTP/2: the same in bytes, heads included: 250 of them with the longest padding fit."""

MAX_REMEMBERED_RESETS = 1_024
"""HTTP/2: streams that we reset, whose late frames are ignored."""

FLUSH_BYTES = 256 * 1024
"""Body bytes handed to a transport per turn of the event loop."""

TURN_BYTES = 64 * 1024
"""Body bytes of one exchange per turn while others wait."""

HTTP_IDLE_TIMEOUT_S = 300.0
"""A server ends a connection without an exchange after this time, as Xray's client pool."""

HTTP_CLOSE_LINGER_S = 2.0
"""Time for the last bytes of a connection that we end to leave; then it is cut."""

MAX_PIPELINED_BYTES = 64 * 1024
"""HTTP/1.1: bytes held of requests that wait for the one before them."""

MAX_CHUNK_LINE_BYTES = 256
"""HTTP/1.1: a chunk's size with its extensions, which carry nothing (as CVE-2023-39326)."""

MAX_INTERIM_RESPONSES = 16
"""HTTP/1.1: 1xx heads before the final one; a client that asks for nothing special gets none."""

# -- waiting -----------------------------------------------------------------------------------

DIAL_TIMEOUT_S = 10.0
"""One TCP connection attempt, proxy handshake included."""

TARGET_DIAL_TIMEOUT_S = 10.0
"""The server's attempt to reach a target."""

OPEN_WAIT_S = 35.0
"""A new local connection waits this long for the session to come back."""

STREAM_CLOSE_LINGER_S = 10.0
"""After our close, the peer has this long to end its own direction before the stream is reset."""

STREAM_ANSWER_TIMEOUT_S = 10.0
"""Time for the VLESS response header after a stream was asked for; then the next mode is tried."""

MAX_LINKS = 12
"""Links that one stream may open: one on HTTP/2, a few for packet-up on HTTP/1.1."""

CERTIFICATE_CACHE_S = 60.0
"""How long a relay remembers such a check: a certificate that expires is noticed after this time."""

MAX_CERTIFICATE_CACHE = 1024
"""Client certificates whose check is remembered by a relay."""

# -- files -------------------------------------------------------------------------------------

MAX_CONFIG_BYTES = 256 * 1024
"""Size of config.yaml that is read; ours have under 4 KiB."""

MAX_YAML_DEPTH = 8
"""Nesting of config.yaml: a deeper file is meant to exhaust the stack."""

PROFILE_LOCK_TIMEOUT_S = 10.0
"""Time to wait for another process that changes the same profile; each change takes milliseconds."""

MAX_JOIN_FILE_BYTES = 64 * 1024
"""Size of a join request or response; ours have under 4 KiB."""

MAX_RECORD_BYTES = 256 * 1024
"""Size of the record of one user or tenant; a grant takes under 400 bytes."""

MAX_STATE_BYTES = 4 * 1024 * 1024
"""Size of what a running role tells of itself in run/state.json; a tenant or session takes 200 bytes."""

MAX_GRANTS_PER_USER = 256
"""Grants of one user: keeps a line of the access record, which a person should be able to read, under 100 KiB."""

MAX_APPS = 64
"""Named sets of grants of one server; apps.yaml is read as config.yaml is, and has the same size."""

AUDIT_FILE_BYTES = 4 * 1024 * 1024
"""A file of the audit record that has this size is closed, and the next one is begun."""

AUDIT_FILES_KEPT = 64
"""Files of the audit record, the newest; with AUDIT_FILE_BYTES it takes 256 MiB at most."""

MAX_AUDIT_TEXT_CHARS = 1024
"""Of one text in an audit record: some are a peer's own words."""

MAX_AUDIT_ITEMS = 256
"""Of one list in an audit record: all grants of a user (MAX_GRANTS_PER_USER)."""

MAX_AUDIT_WAITING = 10_000
"""Audit records that wait for a slow disk, 5 MB at most; more are counted as lost."""

AUDIT_LOCK_TIMEOUT_S = 5.0
"""Time to wait for another process that writes to the same audit record; each write takes milliseconds."""

AUDIT_CLOSE_S = 2.0
"""Time that the last audit records get to reach the disk when a role is stopped."""

AUDIT_BURST = 1000
"""Audit records of one kind about one peer, at once; what is above is counted, and told in one record
per AUDIT_SUMMARY_S."""

AUDIT_PER_S = 1.0
"""And for good."""

AUDIT_REFUSALS_BURST = 20
"""The same for refusals: strangers could fill the disk with them, or push everything else out."""

AUDIT_REFUSALS_PER_S = 0.015
"""And for good: one a minute, the summary of what was only counted included."""

AUDIT_SUMMARY_S = 60.0
"""How often what was only counted is told."""

MAX_AUDIT_PACES = 4_096
"""Peers whose pace of audit records is known; beyond, the one not heard of for longest is forgotten."""

MAX_SERVICE_BYTES = 96 * 1024
"""A question to a service inside a session, and an answer: MAX_JOIN_FILE_BYTES as text in JSON fits."""

SERVICE_QUESTION_TIMEOUT_S = 10.0
"""Time for the whole question, once the channel is open."""

SERVICE_ANSWER_TIMEOUT_S = 25.0
"""Time that a client waits for an answer: the other end may wait PROFILE_LOCK_TIMEOUT_S itself."""

MAX_SERVICE_ANSWERS = 4
"""Answers of one kind that are worked out at once; more are refused."""

SERVICE_BURST = 10
"""Questions of one key to one service at once. A client asks one per session, a guest one or two."""

SERVICE_REFILL_S = 30.0
"""One more such question after this time."""

MAX_SERVICE_PACES = 1_024
"""Keys whose pace of questions is known; beyond, the one not heard of for longest is forgotten."""

MAX_INVITATIONS = 64
"""Invitations of one relay or server that are not over: the relay trusts a CA for each of them."""

MAX_INVITATION_S = 30 * 86_400
"""Longest life of an invitation: whoever finds it later must have no use for it."""

MAX_TOKEN_CHARS = 4096
"""Length of an invitation as text, which is what a terminal takes in one line; ours have up to 1,000."""

MAX_CERTIFICATE_BYTES = 16 * 1024
"""Size of a certificate that is parsed; ours have under 1 KiB."""

MAX_BUNDLE_BYTES = 1024 * 1024
"""Size of a bundle, and of all that is in it once unpacked (zip bomb)."""

MAX_BUNDLE_ENTRIES = 16
"""Entries of a bundle; ours have five."""

MAX_BACKUP_BYTES = 32 * 1024 * 1024
"""Size of a whole identity in one file, and of all that is in it once unpacked; a user takes 4 KiB."""

MAX_BACKUP_ENTRIES = 9999
"""Entries of such a file; a user has five, a tenant one."""

MAX_PASSPHRASE_WORK = 20
"""scrypt work factor of an encrypted file from outside: 1 GiB and 3 s; ours have 18 to 20 (about a second)."""

# -- the log and the numbers in memory -------------------------------------------------------------

MAX_COUNTED_LABELS = 2_000
"""Pairs of user and port, or tenants, that are counted apart; what comes later is counted as ``other``."""

HISTORY_FINE_S = 10.0
"""Time from one sample of the counters to the next."""

HISTORY_COARSE_S = 300.0
"""The same of those that reach further back."""

MAX_HISTORY_NAMES = 50
"""Users, ports or tenants that one sample tells apart: those with the most bytes in it."""

MAX_HISTORY_POINTS = 100_000
"""Bytes of one user, port or tenant in one sample, over all samples of a kind: 24 bytes each. The oldest
samples go earlier when that many are busy."""

MAX_HISTORY_EVENTS = 1_000
"""Reconnects that are remembered."""

LOG_RING_LINES = 5_000
"""Lines of the log that are kept in memory for whoever looks; peers cause most of them."""

LOG_RING_BYTES = 2 * 1024 * 1024
"""Memory that they take: a peer that causes long lines makes older ones go sooner, and no more."""

LOG_LINE_CHARS = 4_000
"""Length of one of them; a traceback has up to 3,000."""

LOG_PAGE_LINES = 1_000
"""Lines that are given out at once."""

LOG_FOLLOW_PAUSE_S = 0.1
"""Time between two looks of one who follows the log: fifty at 1,000 lines a second cost 500 looks."""

# -- who may use the API and the dashboard ---------------------------------------------------------

BROWSER_IDLE_S = 12 * 3600.0
"""A browser that asked for nothing for this time logs in again: a working day."""

BROWSER_LIFE_S = 30 * 86_400.0
"""A browser logs in again after this time, however busy it was: a stolen cookie ends, too."""

MAX_BROWSERS = 256
"""Browsers that are logged in; above, the one not seen for longest is put out."""

MAX_API_TOKENS = 64
"""Tokens for programs; above, a new one is refused."""

MAX_KEYS_BYTES = 512 * 1024
"""Size of keys.json and password.json that is read; a browser takes under 1 KiB."""

KEY_SEEN_S = 60.0
"""How often it is written down when each key was last used."""

KEY_CHECK_S = 1.0
"""How often a stream or WebSocket that stands is held against the keys: a revoked one carries no more."""

LOGIN_LINK_S = 600.0
"""Life of a login link; it works once."""

MAX_LOGIN_LINKS = 16
"""Login links that were not used yet; above, the oldest works no more."""

MIN_PASSWORD_CHARS = 12
"""Of the dashboard's password. At LOGIN_REFILL_S, even one of common words is out of reach."""

MAX_PASSWORD_CHARS = 256
"""Of a password that is tried."""

MAX_PASSWORD_CHECKS = 2
"""Passwords that are checked at once: each takes 32 MiB and a third of a second of a processor."""

MAX_PASSWORD_WAITING = 8
"""Passwords that wait for such a check; more are refused."""

LOGIN_FREE_FAILURES = 5
"""Failed logins of one address (IPv6: one /64) without a pause; each further one doubles it, from 1 s."""

LOGIN_PAUSE_S = 900.0
"""Longest such pause."""

LOGIN_FORGET_S = 3600.0
"""An address without a failed login for this time begins anew."""

MAX_LOGIN_ADDRESSES = 4096
"""Addresses whose failed logins are known; beyond, the one not heard of for longest is forgotten."""

LOGIN_BURST = 60
"""Failed logins of all addresses together, at once: a guesser may have many of them."""

LOGIN_REFILL_S = 10.0
"""One more after this time: 3 million guesses in a year."""

MAX_LOGIN_BYTES = 8 * 1024
"""Body of a request without a key: a password in a form."""

LOGIN_BODY_TIMEOUT_S = 10.0
"""Time for such a body."""

MAX_REQUEST_BYTES = 1024 * 1024
"""Body of any other request, unless its path takes files."""

# -- providers of machines -----------------------------------------------------------------------

CLOUD_CONNECT_TIMEOUT_S = 10.0
"""Time to reach a provider's API."""

CLOUD_CALL_TIMEOUT_S = 60.0
"""Silence in the middle of one call to a provider; making a server takes seconds."""

CLOUD_TRIES = 4
"""Attempts at one call that can be repeated without harm."""

CLOUD_PAUSE_S = 60.0
"""Longest pause before the next attempt, whatever the provider asks for."""

MAX_CLOUD_PAGES = 50
"""Pages of one list that are read: a provider whose last page has a next one would keep us for ever."""

CLOUD_READY_TIMEOUT_S = 600.0
"""Time for a new machine to run and have an address; a minute is usual."""

CLOUD_GONE_TIMEOUT_S = 600.0
"""Time for a machine to be gone after it was deleted, and for what it used to be free."""

CLOUD_POLL_S = 3.0
"""How often either is looked at: DigitalOcean allows 250 requests a minute."""

HETZNER_USER_DATA_BYTES = 32 * 1024
"""Size of a machine's user data at Hetzner (its API's description of POST /servers)."""

DIGITALOCEAN_USER_DATA_BYTES = 64 * 1024
"""The same at DigitalOcean, plain text only (its API's description of POST /v2/droplets)."""

AWS_USER_DATA_BYTES = 16 * 1024
"""The same at AWS, before base64 (the EC2 user guide on user data); compressed when it is above."""

MAX_USER_DATA_BYTES = 1024 * 1024
"""User data that is compressed to see whether it fits; a relay's has 20 KiB."""

MAX_HINT_BYTES = 4 * 1024
"""Size of the file that tells which relay is being made; ours has 200 bytes."""

# -- the local API and the dashboard ------------------------------------------------------------

MAX_WATCHERS = 200
"""Open pages and programs that are told of changes: each holds a connection and a set of topics."""

MAX_JOBS = 50
"""Long work that is remembered, running or ended."""

MAX_JOB_STEPS = 400
"""Steps of one piece of long work that are kept, the first and the last ones."""

MAX_API_CONNECTIONS = 400
"""Connections to the API and the dashboard: a page holds two, and a page left open is no attack."""

API_THREADS = 4
"""Requests that read files or render a page at the same time: each of these threads makes every step of
the tunnel wait its turn for the interpreter. The fifth request waits; measured, bench dashboard-watchers."""

PROCESS_THREADS = 64
"""Name lookups, files and providers that are waited for at the same time in the whole process. With
asyncio's own number, six on a small machine, six names whose name server does not answer would hold up
each other name, and all that is written beside the tunnel."""

API_HEAD_BYTES = 16 * 1024
"""Size of a request's head there."""

API_IDLE_S = 30
"""How long a connection without a request is kept there."""

API_END_S = 1
"""Time for requests under way when the process ends: with the role's own time, it stays below 5 s."""

API_ANSWER_TIMEOUT_S = 15.0
"""Time for an answer over the Unix socket: a command is not to hang with the process that it asks."""

MAX_NOTICE_OWNERS = 200
"""Browsers that have something to be told on their next page."""

MAX_NOTICES = 5
"""What each of them may be told at once."""

MAX_FORM_FIELDS = 1500
"""Fields of one form of a page (a body of a million empty ones): 256 ports with four each, and the rest."""

MAX_FILE_UPLOAD_BYTES = MAX_BACKUP_BYTES + 64 * 1024
"""Body of a request that brings a file which may be a whole identity."""

RELAY_DRAFT_S = 1800.0
"""How long the order of a relay's machine waits for its next step: a provider's credentials are in it."""

MAX_RELAY_DRAFTS = 8
"""Such orders at once; the oldest makes room."""

MAX_TERMINALS = 4
"""Shells at a relay's machine that pages hold open: each is a process and a connection."""

TERMINAL_IDLE_S = 1800.0
"""A shell in which nobody types ends after this: a page may be left open on a screen that others see."""

TERMINAL_BUFFER_BYTES = 64 * 1024
"""Output of a shell that a page has not taken yet; then the shell waits, as at a slow terminal."""

MAX_TERMINAL_INPUT_BYTES = 256 * 1024
"""What was typed or pasted and the shell has not taken: more of it ends the terminal."""

MAX_TERMINAL_CELLS = 1000
"""Rows or columns of a terminal: a page cannot have a shell make up more."""

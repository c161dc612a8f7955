#!/bin/bash
# Makes this machine the relay @DOMAIN@: Caddy (HTTPS) -> Xray and OpenSSH on loopback.
# For Debian 12 and Ubuntu 24.04, as root. Can be run again at any time: servers that were enrolled
# since stay enrolled, and keys of others stay where they are.
set -Eeuo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
umask 022

WORK=@WORK@
STATE=$WORK/install.json
CADDY_KEY=@CADDY_KEY@
CADDY_LEAST=@CADDY_LEAST@
XRAY_VERSION=@XRAY_VERSION@
ADMIN=@ADMIN@
TENANTS=@TENANTS@

STEP="looking at the machine"
tell() { printf '{"step": "%s", "state": "%s"}\n' "$STEP" "$1" >"$STATE.new" && mv -f "$STATE.new" "$STATE"; }
step() {
    STEP=$1
    echo "tw: $STEP"
    tell running
}
fail() {
    trap - ERR
    echo "tw: failed while $STEP: $1" >&2
    tell failed
    exit 1
}
trap '[ $BASHPID != $$ ] || fail "line $LINENO: $BASH_COMMAND"' ERR

look() {
    [ "$(id -u)" = 0 ] || { echo "tw: this has to run as root (sudo bash $0)" >&2; exit 1; }
    mkdir -p "$WORK"
    step "looking at the machine"
    # shellcheck disable=SC1091
    . /etc/os-release
    case "$ID-$VERSION_ID" in
    debian-12 | debian-13 | ubuntu-24.04) ;;
    *) fail "$PRETTY_NAME is neither Debian 12 nor Ubuntu 24.04" ;;
    esac
    case "$(uname -m)" in
    x86_64) XRAY_FILE=Xray-linux-64.zip XRAY_SHA256=@XRAY_SHA256_AMD64@ ;;
    aarch64) XRAY_FILE=Xray-linux-arm64-v8a.zip XRAY_SHA256=@XRAY_SHA256_ARM64@ ;;
    *) fail "there is no Xray for $(uname -m)" ;;
    esac
}

get() { apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@" >/dev/null; }

# The lock of the lists is one that apt does not wait for, and a young machine's daily apt may hold it.
update_lists() {
    local try said
    for try in $(seq 100); do
        said=$(get update 2>&1) && return
        case "$said" in
        *"Could not get lock"*) sleep 3 ;;
        *) fail "$said" ;;
        esac
    done
    fail "another apt holds the lists after $try tries: $said"
}

install_packages() {
    step "installing Debian's packages"
    update_lists
    get install -y --no-install-recommends ca-certificates curl gnupg iproute2 nftables openssh-server \
        sudo unattended-upgrades unzip
}

fetch() { curl -fsSL --retry 5 --retry-delay 3 --retry-all-errors --connect-timeout 20 "$1" -o "$2"; }

install_caddy() {
    step "installing Caddy"
    local folder found
    folder=$(mktemp -d)
    fetch https://dl.cloudsmith.io/public/caddy/stable/gpg.key "$folder/key"
    found=$(GNUPGHOME=$folder gpg --batch --with-colons --show-keys "$folder/key" 2>/dev/null |
        awk -F: '$1 == "fpr" { print $10; exit }')
    [ "$found" = "$CADDY_KEY" ] || fail "the key of Caddy's packages is $found, not $CADDY_KEY"
    GNUPGHOME=$folder gpg --batch --yes --dearmor -o /usr/share/keyrings/tw-caddy.gpg "$folder/key" 2>/dev/null
    rm -rf "$folder"
    echo "deb [signed-by=/usr/share/keyrings/tw-caddy.gpg] https://dl.cloudsmith.io/public/caddy/stable/deb/debian any-version main" \
        >/etc/apt/sources.list.d/tw-caddy.list
    update_lists
    # Its own site would answer on port 80 before ours is there.
    [ -e @CADDYFILE@ ] || { mkdir -p /etc/caddy && : >@CADDYFILE@; }
    get install -y --no-install-recommends caddy
    found=$(caddy version | grep -o '[0-9][0-9.]*' | head -n 1)
    [ "$(printf '%s\n' "$CADDY_LEAST" "$found" | sort -V | head -n 1)" = "$CADDY_LEAST" ] ||
        fail "Caddy $found is older than $CADDY_LEAST"
}

install_xray() {
    step "installing Xray $XRAY_VERSION"
    local folder
    if ! echo "$XRAY_SHA256  /usr/local/share/tw/$XRAY_FILE" | sha256sum -c --status 2>/dev/null; then
        mkdir -p /usr/local/share/tw
        fetch "https://github.com/XTLS/Xray-core/releases/download/v$XRAY_VERSION/$XRAY_FILE" \
            "/usr/local/share/tw/$XRAY_FILE"
        echo "$XRAY_SHA256  /usr/local/share/tw/$XRAY_FILE" | sha256sum -c --status ||
            fail "$XRAY_FILE has another SHA-256 than $XRAY_SHA256"
    fi
    folder=$(mktemp -d)
    unzip -qo "/usr/local/share/tw/$XRAY_FILE" xray -d "$folder"
    install -m 755 "$folder/xray" /usr/local/bin/xray
    rm -rf "$folder"
    getent passwd xray >/dev/null || useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin xray
}

make_accounts() {
    step "making the accounts"
    # No password, but not locked either: sshd refuses locked accounts.
    getent passwd "$TENANTS" >/dev/null ||
        useradd --system --password '*' --home-dir /nonexistent --shell /bin/sh "$TENANTS"
    getent passwd "$ADMIN" >/dev/null ||
        useradd --password '*' --create-home --shell /bin/bash "$ADMIN"
    install -d -m 700 -o "$TENANTS" -g "$TENANTS" @USERS@
    # cloud-init's own /etc/sudoers leaves the path as it is for people, without sshd and nft.
    cat >/etc/sudoers.d/tw <<END
Defaults:$ADMIN secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
$ADMIN ALL=(ALL) NOPASSWD: ALL
END
    chmod 440 /etc/sudoers.d/tw
}

# Somebody's own file, such as a firewall's, stays beside ours.
keep() {
    if [ -s "$1" ] && [ ! -e "$1.before-tw" ] && ! cmp -s "$1" "$2"; then cp -p "$1" "$1.before-tw"; fi
}

write_files() {
    step "writing the configuration"
    local folder path
    folder=$(mktemp -d)
    base64 -d <<'END' | tar -xz -C "$folder" --no-same-owner
@ARCHIVE@
END
    mkdir -p @TENANT_CAS@ "$(dirname @AUTHORIZED_KEYS@)" "$(dirname @XRAY_CONFIG@)"
    while read -r path; do
        # What has servers in it is kept: it may know more of them than this script.
        case "$path" in
        @CADDYFILE@ | @AUTHORIZED_KEYS@ | @XRAY_CONFIG@ | @HOST_KEY@ | @TENANT_CAS@/*)
            [ -s "$path" ] && [ -e "$WORK/installed" ] && continue
            ;;
        esac
        mkdir -p "$(dirname "$path")"
        [ -e "$WORK/installed" ] || keep "$path" "$folder$path"
        install -m "$(stat -c %a "$folder$path")" "$folder$path" "$path"
    done < <(cd "$folder" && find . -type f | sed 's/^\.//' | sort)
    rm -rf "$folder"
    chown root:xray @XRAY_CONFIG@
    chmod 640 @XRAY_CONFIG@
    local keys=/home/$ADMIN/.ssh/authorized_keys
    install -d -m 700 -o "$ADMIN" -g "$ADMIN" "$(dirname "$keys")"
    touch "$keys"
    # Ours end with a mark, and are renewed; all others stay.
    { grep -v ' tw-admin$' "$keys" || true; cat <<'END'
@ADMIN_KEYS@
END
    } >"$keys.new"
    chown "$ADMIN:$ADMIN" "$keys.new"
    chmod 600 "$keys.new"
    mv -f "$keys.new" "$keys"
}

listening() { ss -Hltn "sport = :$1" | awk '{ print $4 }' | sort -u | tr '\n' ' '; }

start_ssh() {
    step "restarting sshd"
    mkdir -p /run/sshd
    sshd -t
    # A socket of systemd's listens on its own addresses, which are all (Debian), or those of the last
    # daemon-reload (Ubuntu 24.04).
    if systemctl -q is-active ssh.socket || systemctl -q is-enabled ssh.socket 2>/dev/null; then
        systemctl -q disable --now ssh.socket
    fi
    systemctl daemon-reload
    systemctl -q enable ssh
    systemctl restart ssh
    local found
    found=$(listening 22)
    [ "$found" = "@SSH_LISTENS@" ] || fail "sshd listens on ${found:-nothing}instead of @SSH_LISTENS@"
    sshd -T -C user=root,host=x,addr=127.0.0.1 | grep -qx 'passwordauthentication no' ||
        fail "sshd would take passwords: another file in /etc/ssh/sshd_config.d says so"
}

start_firewall() {
    step "shutting all ports but 80 and 443"
    if command -v ufw >/dev/null; then ufw disable >/dev/null; fi
    nft -c -f @FIREWALL@
    systemctl -q enable nftables
    # Not a restart, which throws away the rules of others, and leaves the machine open for a moment.
    systemctl start nftables
    nft -f @FIREWALL@
    nft list table inet tw >/dev/null
}

start_services() {
    step "starting Xray"
    systemctl daemon-reload
    systemctl -q enable xray
    systemctl restart xray
    wait_for @API_PORT@ xray
    step "starting Caddy"
    caddy validate --adapter caddyfile --config @CADDYFILE@ >/dev/null 2>&1 ||
        fail "Caddy does not take @CADDYFILE@: caddy validate --config @CADDYFILE@ says why"
    systemctl -q enable caddy
    if systemctl -q is-active caddy; then systemctl reload caddy; else systemctl restart caddy; fi
    wait_for 443 caddy
}

wait_for() {
    local try
    for try in $(seq 60); do
        [ -n "$(listening "$1")" ] && return
        sleep 0.5
    done
    fail "$2 does not listen on port $1 after $try tries: journalctl -u $2 says why"
}

# In one function, so that nothing runs of a script that arrived in part.
main() {
    look
    install_packages
    install_caddy
    install_xray
    make_accounts
    write_files
    start_ssh
    start_firewall
    start_services
    touch "$WORK/installed"
    STEP="the relay runs"
    echo "tw: $STEP"
    tell "done"
}

main

#!/bin/sh
# What a server may do at this relay besides listening on its port: say who its users are.
#
#   users ID TAG PORT    the forced command of a server's key (sshd, authorized_keys): reads UUIDs, one a
#                        line, and lets exactly these in at that server's door in Xray
#   users --all          after Xray has started: as each server said last
#
# Each line is checked, the door is the one in the relay's own file, and nothing else is touched.
set -u
export LC_ALL=C
folder=@USERS@
keys=@AUTHORIZED_KEYS@

api() { command=$1; shift; xray api "$command" -s=127.0.0.1:@API_PORT@ "$@"; }

there() {  # TAG: who is let in now, but the server itself
    api inbounduser -tag="$1" 2>/dev/null |
        sed -n 's|.*"email": "[^"/]*/\([0-9a-f-]*\)".*|\1|p' | grep -E "$shape" | sort -u
}

let_in() {  # ID TAG PORT, the list in "$folder/ID"
    there "$2" >"$folder/.$1.there"
    for uuid in $(comm -23 "$folder/.$1.there" "$folder/$1"); do
        api rmu -tag="$2" "$1/$uuid" >/dev/null
    done
    clients=$(comm -13 "$folder/.$1.there" "$folder/$1" |
        sed "s|.*|{\"id\": \"&\", \"email\": \"$1/&\", \"level\": 0}|" | paste -sd, -)
    [ -z "$clients" ] || printf '{"inbounds": [{"tag": "%s", "listen": "127.0.0.1", "port": %s, "protocol": "vless",
        "settings": {"decryption": "none", "clients": [%s]}}]}' "$2" "$3" "$clients" | api adu stdin: >/dev/null
    there "$2" >"$folder/.$1.there"
    cmp -s "$folder/.$1.there" "$folder/$1"
    result=$?
    rm -f "$folder/.$1.there"
    return $result
}

shape='^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
umask 077

if [ "${1:-}" = --all ]; then
    sed -n 's|.*command="[^"]*users \([a-z0-9-]*\) \(slot-[0-9]*\) \([0-9]*\)".*|\1 \2 \3|p' "$keys" |
        while read -r id tag port; do
            if [ -e "$folder/$id" ]; then let_in "$id" "$tag" "$port"; fi
        done
    exit 0
fi

id=$1 tag=$2 port=$3
[ "${SSH_ORIGINAL_COMMAND:-}" = users ] || { echo "this key may listen, and say: users"; exit 64; }
exec 9>"$folder/.$id.lock"
flock -w 20 9 || { echo "another list is under way"; exit 75; }
trap 'rm -f "$folder/.$id.new" "$folder/.$id.there"' EXIT
head -c 200001 >"$folder/.$id.new"
[ "$(wc -c <"$folder/.$id.new")" -le 200000 ] || { echo "too many users"; exit 65; }
if grep -qvE "$shape" "$folder/.$id.new"; then
    echo "not a list of users"
    exit 65
fi
sort -u -o "$folder/.$id.new" "$folder/.$id.new"
mv -f "$folder/.$id.new" "$folder/$id"
let_in "$id" "$tag" "$port" || { echo "Xray does not take the list"; exit 70; }
echo ok

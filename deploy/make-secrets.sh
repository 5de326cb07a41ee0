#!/bin/sh
# Makes those secrets that are missing in the directory, each in a file of its own. `python` must be that of the
# environment, and the working directory that of the source.
#
#     OWNER=10001:10001 DATABASE_HOST=database BROKER_HOST=broker sh deploy/make-secrets.sh DIRECTORY
#
# What exists is left as it is: a key that is written over takes with it what it has locked.
set -eu
umask 077
directory=$1
owner=${OWNER:-10001:10001}

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
SECRETS_DIR=$fresh python -m identity_manager.config.secret_files > "$fresh/told"

# A ring lives on in the files of its later epochs: kek-other.2 beside kek-other.
exists() {
    for file in "$1" "$1".*; do
        if [ -e "$file" ]; then return 0; fi
    done
    return 1
}
place() {
    mkdir -p "$(dirname "$directory/$2")"
    if ! exists "$directory/$2"; then mv "$fresh/$1" "$directory/$2"; fi
}
write() {
    if ! [ -e "$directory/$1" ]; then printf '%s\n' "$2" > "$directory/$1"; fi
}
random() {
    python -c 'import secrets; print(secrets.token_urlsafe(32))'
}

place secret-key secret-key
place ca-corporate-passphrase ca-corporate-passphrase
place ca-corporate-ocsp-passphrase ca-corporate-ocsp-passphrase
place kek-private-keys rings/private-keys/kek-private-keys
place kek-archive rings/private-keys/kek-archive
place kek-recovery-keys rings/private-keys/kek-recovery-keys
place kek-share-transport rings/private-keys/kek-share-transport
place kek-passphrases rings/passphrases/kek-passphrases
place kek-other rings/other/kek-other
place audit-keys rings/audit/audit-keys
place audit-signing-keys rings/audit/audit-signing-keys
write database-password "$(random)"
write database-url "postgresql://identity_manager:$(cat "$directory/database-password")@${DATABASE_HOST:-database}/identity_manager"
write broker-password "$(random)"
write broker-url "redis://:$(cat "$directory/broker-password")@${BROKER_HOST:-broker}:6379/0"
write smtp-password ""
mkdir -p "$directory/connections" "$directory/trust" "$directory/more" "$directory/ca-root"
write connections/connectors.json "{}"
write metrics-token "$(random)"

find "$directory" -type f -exec chmod 0600 {} +
# Broker and Prometheus run as users of their own, in the group of the product.
chmod 0640 "$directory/broker-password" "$directory/metrics-token"
chown -R "$owner" "$directory"
echo "The secrets lie in $directory. Keep a copy of them, apart from the backups of the data."

#!/bin/sh
# Valkey as a broker that forgets nothing: each message in the append-only file, none thrown out for want of room.
# The configuration comes by standard input, because it holds the password and arguments are seen by everybody.
set -eu
exec valkey-server - <<CONFIGURATION
bind * -::*
port 6379
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory 512mb
maxmemory-policy noeviction
requirepass $(cat /run/secrets/broker-password)
CONFIGURATION

#!/usr/bin/env bash
# usage: with-postgres.sh COMMAND…   Runs COMMAND with YAKUMO_TEST_POSTGRES set to a throw-away PostgreSQL server,
# which is removed afterwards. As root the server runs as another user, because it refuses to run as root.
set -eu
find_binary() {
  local name=$1 place
  for place in "$(command -v "$name" 2>/dev/null || true)" /usr/lib/postgresql/*/bin/"$name" /usr/pgsql-*/bin/"$name" \
    /opt/homebrew/opt/postgresql*/bin/"$name" /usr/local/opt/postgresql*/bin/"$name"; do
    [ -x "$place" ] && { readlink -f "$place"; return; }
  done
  echo "with-postgres.sh: there is no $name here" >&2
  exit 1
}
initdb=$(find_binary initdb)
pg_ctl=$(find_binary pg_ctl)
work=$(mktemp -d "${TMPDIR:-/tmp}/yakumo-postgres.XXXXXX")
as_server=()
if [ "$(id -u)" = 0 ]; then
  user=$(id -un postgres 2>/dev/null || echo nobody)
  chown "$user" "$work"
  as_server=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups)
fi
stop() {
  (cd "$work" && "${as_server[@]}" "$pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1) || true
  rm -rf "$work"
}
trap stop EXIT
cd_run() { (cd "$work" && "${as_server[@]}" "$@"); }
cd_run "$initdb" -D "$work/data" -U yakumo --auth=trust -E UTF8 --locale=C --no-sync >"$work.log" 2>&1 || { cat "$work.log"; exit 1; }
rm -f "$work.log"
# Only a socket in the work folder: no port to collide with another run.
cd_run "$pg_ctl" -D "$work/data" -w -t 60 -l "$work/data/server.log" \
  -o "-c listen_addresses='' -c unix_socket_directories='$work' -c max_connections=300" start >/dev/null ||
  { cat "$work/data/server.log"; exit 1; }
chmod 755 "$work"
export YAKUMO_TEST_POSTGRES="host=$work user=yakumo dbname=postgres"
"$@"

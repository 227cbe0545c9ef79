#!/bin/sh
# Records ../sqlite-session.mtr.gz anew. Needs sqlite3, valgrind and node; takes some minutes. The result differs from
# the shipped file where the versions of sqlite3, libc and valgrind do.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/round.sql" "$here/session.sql" "$work"
cd "$work"

sqlite3 -batch -init /dev/null shop.db <"$here/build.sql" >build.out
nice valgrind --tool=lackey --trace-mem=yes --log-fd=9 \
  sqlite3 -batch -init /dev/null shop.db <session.sql 9>&1 >session.out |
  nice node "$here/compact.mjs" "$here/../sqlite-session.mtr.gz" "$@"

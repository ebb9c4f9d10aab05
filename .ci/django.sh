#!/usr/bin/env bash
# Makes target/django/<version> for each Django that judges the printed code: the oldest and the newest long-term ones
# and whatever is newest for this Python. The tests run it where they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p target/django
# Two test runs at once must not make the same one.
if command -v flock >/dev/null; then
  exec 9>target/django/.lock
  flock 9
fi
for version in 4.2 5.2 newest; do
  venv=target/django/$version
  [ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import django, psycopg' 2>/dev/null && continue
  rm -rf "$venv" "$venv.part"
  python3 -m venv "$venv.part"
  wanted="django~=$version.0"
  [ "$version" = newest ] && wanted=django
  "$venv.part/bin/pip" install --quiet --disable-pip-version-check "$wanted" 'psycopg[binary]'
  # What is there is whole: an environment is run by its python alone, which may be moved.
  mv "$venv.part" "$venv"
  "$venv/bin/python" -c 'import django; print("Django", django.get_version(), "is in '"$venv"'")'
done

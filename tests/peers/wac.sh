#!/usr/bin/env bash
# Compiles the wac program of the version whose library jointer uses into target/peers. Takes minutes, so only the long
# run does it. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.12.0
bin=target/peers/bin
if ! "$bin/wac" --version 2>/dev/null | grep -qF " $version"; then
    cargo install --quiet --locked wac-cli --version "$version" --root target/peers --force
fi
"$bin/wac" --version

#!/usr/bin/env bash
# Compiles the wasmsign2 program into target/peers. Takes a minute or two, so only the long run does it. Does nothing when
# it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.2.8
bin=target/peers/bin
if ! "$bin/wasmsign2" --version 2>/dev/null | grep -qF " $version"; then
    cargo install --quiet --locked wasmsign2-cli --version "$version" --root target/peers --force
fi
"$bin/wasmsign2" --version

#!/usr/bin/env bash
# Compiles the wkg program into target/peers. Takes minutes, so only the long run does it. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.16.1
bin=target/peers/bin
if ! "$bin/wkg" --version 2>/dev/null | grep -qF " $version"; then
    cargo install --quiet --locked wkg --version "$version" --root target/peers --force
fi
"$bin/wkg" --version

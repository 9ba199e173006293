#!/usr/bin/env bash
# Compiles peers that come as crates into target/peers. Takes minutes, so only the long run does it. Does nothing for those
# that are there. wac is the version whose library jointer uses.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=target/peers/bin

# program NAME CRATE VERSION
program() {
    if ! "$bin/$1" --version 2>/dev/null | grep -qF " $3"; then
        cargo install --quiet --locked "$2" --version "$3" --root target/peers --force
    fi
    "$bin/$1" --version
}

program wac wac-cli 0.12.0
program wkg wkg 0.16.1
program wasmsign2 wasmsign2-cli 0.2.8

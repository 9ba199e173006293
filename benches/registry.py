"""Push and pull of a 40 MB component on a docker-registry of one's own, against oras, wkg (where it is on PATH) and the limit."""

import hashlib
import itertools
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

SIZE = 40_000_000


def leb(number):
    out = b""
    while True:
        out += bytes([number & 0x7F | (0x80 if number > 0x7F else 0)])
        number >>= 7
        if not number:
            return out


def component():
    """A component of 40 MB that nobody has seen before."""
    section = leb(4) + b"data" + os.urandom(SIZE)
    return b"\0asm\x0d\0\1\0" + b"\0" + leb(len(section)) + section


class Registry:
    """A docker-registry on a free port of loopback; its data goes with it."""

    def __init__(self, program):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="jointer-bench-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = "%s:%d" % free.getsockname()
        config = self.folder / "registry.yml"
        config.write_text(
            "version: 0.1\nlog: {level: error}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.folder / 'data'}}}}}\nhttp: {{addr: {self.address}}}\n")
        self.child = subprocess.Popen([program, "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(self.address.split(":")).close()
                return
            except OSError:
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()
        shutil.rmtree(self.folder)


def limit(bench, source, target):
    """Copying and hashing, in one process that has started: what no pull can go below."""
    began, cpu = time.perf_counter(), time.process_time()
    shutil.copyfile(source, target)
    with open(target, "rb") as file:
        hashlib.file_digest(file, "sha256")
    return bench.Ran(time.perf_counter() - began, time.process_time() - cpu)


def clients(bench, registry):
    """Their names, how they push, and how they pull."""
    numbers = itertools.count()
    environment = dict(os.environ) | {"JOINTER_CACHE": str(registry.folder / "cache"), "HOME": str(registry.folder)}
    jointer, oras, wkg = bench.JOINTER, bench.peer("oras"), shutil.which("wkg")
    out = registry.folder / "out"

    def go(command):
        return bench.run(command, env=environment, cwd=registry.folder)

    def place(name):
        return f"{registry.address}/bench/{name}:t{next(numbers)}"

    def pushed(command, name):
        def push(file, where=None):
            where = where or place(name)
            return go([part(file, where) if callable(part) else part for part in command]), where
        return push

    def file(path, _):
        return path.name

    def where(_, place):
        return place

    yield ("jointer", pushed([jointer, "--quiet", "push", file, where], "jointer"),
           lambda place: go([jointer, "--quiet", "pull", place, "-o", out]))
    yield ("oras", pushed([oras, "push", "--plain-http", "--no-tty", where,
                           lambda path, _: f"{path.name}:application/wasm"], "oras"),
           lambda place: go([oras, "pull", "--plain-http", "--no-tty", "-o", registry.folder / "pulled", place]))
    if wkg:
        yield ("wkg", pushed([wkg, "oci", "push", "--insecure", registry.address, where, file], "wkg"),
               lambda place: go([wkg, "oci", "pull", "--insecure", registry.address, "-o", out, place]))
    else:
        print("  wkg is not on PATH and was not measured")


def measure(bench, rounds):
    """Everything, interleaved; prints medians and what each is of the peer's and of the limit."""
    rounds = max(rounds, 9)
    with Registry(bench.peer("docker-registry")) as registry:
        known = list(clients(bench, registry))
        times = {(name, what): [] for name, _, _ in known for what in ("push", "push-again", "pull")}
        limits = []
        for turn in range(rounds + 1):
            for name, push, pull in known:
                path = registry.folder / "new.wasm"
                path.write_bytes(component())
                ran, place = push(path)
                again, _ = push(path, place)
                # The first round warms everything up.
                if turn:
                    times[name, "push"].append(ran)
                    times[name, "push-again"].append(again)
                    times[name, "pull"].append(pull(place))
                    if name == "jointer":
                        limits.append(limit(bench, path, registry.folder / "copy"))
        print("copying and hashing 40 MB: " + bench.spread([ran.wall for ran in limits], "ms"))
        for what, target in [("push", "≤ 1.0 of oras"), ("push-again", "a round trip"), ("pull", "≤ 1.3 of copying and hashing")]:
            print(f"{what} of a 40 MB component   target {target}")
            for name, _, _ in known:
                ours = times[name, what]
                ratios = [a.wall / b.wall for a, b in zip(times["jointer", what], ours)]
                against = "" if name == "jointer" else f"   jointer ÷ {name} {bench.spread(ratios, 'x')}"
                wall, cpu = bench.spread([ran.wall for ran in ours], "ms"), bench.spread([ran.cpu for ran in ours], "ms")
                print(f"  {name:8} {wall}  (CPU {cpu}){against}")
        of_limit = [ran.wall / least.wall for ran, least in zip(times["jointer", "pull"], limits)]
        print(f"  pull ÷ limit {bench.spread(of_limit, 'x')}")

"""Who is measured, and how each is built."""

import dataclasses
import pathlib
import shutil
import subprocess
import sys

BENCHMARKS = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = BENCHMARKS / ".build" / "peers"
SERVER = PROGRAMS / "server"
# The versions that the published figures are of.
PICOWS = ("picows==2.3.1", "aiofastnet==1.2.0", "uvloop==0.23.0")


@dataclasses.dataclass(frozen=True)
class Competitor:
    name: str
    label: str
    build: object
    command: object
    is_ours: bool = False
    # A limit that is no client.
    is_limit: bool = False


def run(*command, **options):
    print("bench: " + " ".join(map(str, command)), file=sys.stderr, flush=True)
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr, **options)


def compile_program(name, compiler, sources, *arguments):
    program = PROGRAMS / name
    headers = list(BENCHMARKS.glob("Peers/*.h")) + list(BENCHMARKS.glob("Server/*.h"))
    newest = max(path.stat().st_mtime for path in [*sources, *headers, pathlib.Path(__file__)])
    if program.exists() and program.stat().st_mtime > newest:
        return
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    run(compiler, "-D_GNU_SOURCE", "-O3", "-Wall", "-Wextra", "-o", program, *sources, *arguments)


def build_server():
    sources = sorted((BENCHMARKS / "Server").glob("*.c"))
    compile_program("server", "cc", sources, "-std=gnu11", "-lssl", "-lcrypto", "-lz")


def swift_build(package, product):
    if not shutil.which("swift"):
        raise SystemExit("bench: no Swift toolchain on PATH")
    run("swift", "build", "--package-path", package, "-c", "release", "--product", product)


def swift_program(package, product):
    return package / ".build" / "release" / product


def build_beast():
    probe = subprocess.run(
        ["g++", "-fsyntax-only", "-x", "c++", "-"], input="#include <boost/beast.hpp>", text=True, capture_output=True
    )
    if probe.returncode != 0:
        raise SystemExit("bench: Boost is missing: apt-get install libboost-dev, or leave beast out with --clients")
    compile_program(
        "beast", "g++", [BENCHMARKS / "Peers/beast.cpp"], "-std=c++17", "-lssl", "-lcrypto", "-lpthread"
    )


def build_picows():
    environment = PROGRAMS / "picows"
    stamp = environment / "versions"
    if stamp.exists() and stamp.read_text() == " ".join(PICOWS):
        return
    run(sys.executable, "-m", "venv", "--clear", environment)
    run(environment / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *PICOWS)
    stamp.write_text(" ".join(PICOWS))


def ours(style, label):
    return Competitor(
        f"ours-{style}", label, lambda: swift_build(BENCHMARKS, "Client"),
        lambda: [swift_program(BENCHMARKS, "Client"), "--style", style], is_ours=True,
    )


def compiled(name, *libraries):
    return lambda: compile_program(name, "cc", [BENCHMARKS / f"Peers/{name}.c"], "-std=gnu11", *libraries, "-lssl", "-lcrypto")


NIO = BENCHMARKS / "Peers" / "NIO"

ALL = [
    ours("async", "for-await"),
    ours("batch", "batch"),
    ours("callback", "callback"),
    ours("loop-async", "for-await on the loop"),
    ours("loop", "batch on the loop"),
    ours("typed", "service, typed"),
    ours("raw", "service, raw"),
    Competitor("nio", "SwiftNIO", lambda: swift_build(NIO, "NIOClient"), lambda: [swift_program(NIO, "NIOClient")]),
    Competitor(
        "nio-task", "SwiftNIO, from a task", lambda: swift_build(NIO, "NIOClient"),
        lambda: [swift_program(NIO, "NIOClient"), "--in-task"]),
    Competitor("beast", "Boost.Beast", build_beast, lambda: [PROGRAMS / "beast"]),
    Competitor(
        "picows", "picows", build_picows, lambda: [PROGRAMS / "picows/bin/python", BENCHMARKS / "Peers/picows_client.py"]
    ),
    Competitor("lws", "libwebsockets", compiled("lws", "-lwebsockets"), lambda: [PROGRAMS / "lws"]),
    Competitor("pump", "raw pump", compiled("pump"), lambda: [PROGRAMS / "pump"], is_limit=True),
]
BY_NAME = {competitor.name: competitor for competitor in ALL}


def chosen(names):
    """The competitors of a list such as `ours,beast`."""
    if names is None:
        return ALL
    found = []
    for name in names.split(","):
        matches = [one for one in ALL if one.name == name or (name == "ours" and one.is_ours)]
        if not matches:
            raise SystemExit(f"bench: no client {name}; there are ours, {', '.join(BY_NAME)}")
        found += [one for one in matches if one not in found]
    return found


def build(competitors):
    build_server()
    built = []
    for competitor in competitors:
        kind = "ours" if competitor.is_ours else competitor.name
        if kind not in built:
            competitor.build()
            built.append(kind)

#!/usr/bin/env python3
"""
Runs the Autobahn test suite against a program of ours on loopback, and always ends what it has started.

usage: run.py client|server --program PATH --wstest PATH --report DIR [--cases 'PATTERN ...'] [--seconds N]

client: starts the fuzzing server, then `PROGRAM client URL AGENT`, which runs every case.
server: starts `PROGRAM server`, which prints its URL, then the fuzzing client.

Prints one line as the verdict, and every case that is not OK. Exit status 1 when a case failed, was not run or ended
without a clean close.
"""
import argparse
import collections
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

AGENT = "swift-libwebsockets"
# The suite only records what an implementation does there: 7.1.6 and 7.13.1, 7.13.2.
INFORMATIONAL = "INFORMATIONAL"


def start(command, **options):
    # In a session of its own, so that it can be ended together with what it starts.
    return subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, **options)


def end(process):
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"conformance: error: the fuzzing server ended at once with {process.returncode}; see its log")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"conformance: error: the fuzzing server does not listen on port {port} after {seconds} s")


def key(case):
    return tuple(int(part) for part in case.split("."))


def verdict(role, results, expected, seconds):
    """Prints how it went; returns the exit status."""
    counts = collections.Counter(result["behavior"] for result in results.values())
    bad = {}
    for case, result in results.items():
        if result["behavior"] == INFORMATIONAL:
            continue
        if result["behavior"] != "OK" or result["behaviorClose"] != "OK":
            bad[case] = result
    failed = [
        case for case, result in bad.items()
        if result["behavior"] != "NON-STRICT" or result["behaviorClose"] not in ("OK", INFORMATIONAL)
    ]
    summary = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    print(f"conformance: {role}: {len(results)} cases in {seconds:.0f} s: {summary}; {len(failed)} not passed")
    for case in sorted(bad, key=key):
        print(f"  {case}: {bad[case]['behavior']}, close {bad[case]['behaviorClose']}")
    if expected is not None and len(results) != expected:
        print(f"conformance: error: {expected} cases were to be run, {len(results)} were")
        return 1
    return 1 if failed or not results else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=["client", "server"])
    parser.add_argument("--program", required=True)
    parser.add_argument("--wstest", required=True)
    parser.add_argument("--report", required=True)
    parser.add_argument("--cases", default="*")
    parser.add_argument("--seconds", type=int, default=1800, help="the bound on the whole run")
    arguments = parser.parse_args()
    report = os.path.abspath(arguments.report)
    os.makedirs(report, exist_ok=True)
    index = os.path.join(report, "index.json")
    if os.path.exists(index):
        os.remove(index)
    wstest = [os.path.join(os.path.dirname(arguments.wstest), "python"), "-u", "-W", "ignore", arguments.wstest]
    specification = {
        "outdir": report, "cases": arguments.cases.split(), "exclude-cases": [], "exclude-agent-cases": {},
        "options": {"failByDrop": False},
    }
    processes = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begin = time.monotonic()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file, open(
        os.path.join(report, "wstest.log"), "w") as log:
        try:
            if arguments.role == "client":
                port = free_port()
                specification["url"] = f"ws://127.0.0.1:{port}"
                json.dump(specification, file)
                file.flush()
                suite = start(
                    wstest + ["-m", "fuzzingserver", "-s", file.name, "-u", "0"], stdout=log, stderr=subprocess.STDOUT)
                processes.append(suite)
                wait_for_port(port, suite)
                ours = start([arguments.program, "client", specification["url"], AGENT])
                processes.append(ours)
                status = ours.wait(arguments.seconds)
            else:
                ours = start([arguments.program, "server"], stdout=subprocess.PIPE, text=True)
                processes.append(ours)
                url = ours.stdout.readline().strip()
                specification["servers"] = [{"url": url, "agent": AGENT}]
                json.dump(specification, file)
                file.flush()
                suite = start(
                    wstest + ["-m", "fuzzingclient", "-s", file.name], stdout=log, stderr=subprocess.STDOUT)
                processes.append(suite)
                status = suite.wait(arguments.seconds)
        except subprocess.TimeoutExpired:
            sys.exit(f"conformance: error: not done after {arguments.seconds} s")
        finally:
            for process in reversed(processes):
                end(process)
    if status != 0:
        sys.exit(f"conformance: error: the run ended with status {status}; see {report}")
    if not os.path.exists(index):
        sys.exit(f"conformance: error: the suite wrote no report; see {report}/wstest.log")
    with open(index) as file:
        results = json.load(file).get(AGENT, {})
    expected = 517 if arguments.cases == "*" else None
    sys.exit(verdict(arguments.role, results, expected, time.monotonic() - begin))


main()

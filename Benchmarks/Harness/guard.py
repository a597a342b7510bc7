"""Instructions and system calls for a message, beside a committed budget: what noise cannot change."""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import tempfile

import competitors
import runs
import server
import workloads

BUDGET = competitors.BENCHMARKS / "budget.json"
# How messages fall into reads and turns of the loop depends on time, also under callgrind: that made 1 % on a machine with a
# load of 8, and more for large messages. The rest is for other patch versions of OpenSSL and the C library, and other processors.
# One more system call is always too much.
SLACK = 0.20
# (workload, scheme, client, messages of the shorter and of the longer run)
CASES = [
    ("send 64 B", "ws", "ours-loop", 2000, 22000),
    ("send 64 B", "wss", "ours-loop", 2000, 22000),
    ("send 64 B", "ws", "ours-async", 2000, 22000),
    ("receive 64 B", "ws", "ours-loop", 4000, 44000),
    ("receive 64 B", "wss", "ours-loop", 4000, 44000),
    ("receive 64 B", "ws", "ours-async", 4000, 44000),
    ("echo 64 B", "ws", "ours-loop", 2048, 22528),
    ("round trip 64 B", "ws", "ours-loop", 200, 1200),
    ("round trip 64 B", "ws", "ours-async", 200, 1200),
    ("send 64 KiB", "ws", "ours-loop", 50, 250),
    ("receive 64 KiB", "ws", "ours-loop", 50, 250),
]
ROUND_TRIPS = [("round trip 64 B", scheme, client, 200, 1200) for scheme in ("ws", "wss") for client in ("ours-loop", "ours-async")]


def instructions(command):
    """What callgrind collects in all threads of a run."""
    with tempfile.TemporaryDirectory() as folder:
        callgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        done = subprocess.run([*callgrind, *map(str, command)], capture_output=True, text=True, timeout=120)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        raise SystemExit(f"bench: callgrind failed ({done.returncode}): {done.stderr[-2000:]}")
    return int(found.group(1))


def callgrind_runs():
    if not shutil.which("valgrind"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        callgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", shutil.which("true")]
        return subprocess.run(callgrind, capture_output=True, timeout=60).returncode == 0


def measure():
    """Figures by name."""
    by_name = {workload.name: workload for workload in workloads.ALL}
    cores = sorted(os.sched_getaffinity(0))
    placement = runs.Placement(cores[0], cores[-1])
    figures = {}
    with server.Server([]) as running:
        def per_message(case, count_events):
            workload, scheme, client, few, many = case
            command = lambda count: runs.command_line(
                competitors.BY_NAME[client], by_name[workload], scheme, count, running)
            with concurrent.futures.ThreadPoolExecutor() as pool:
                shorter, longer = pool.map(count_events, [command(few), command(many)])
            return (longer - shorter) / (many - few)

        if callgrind_runs():
            for case in CASES:
                figures[f"instructions, {case[0]}, {case[1]}, {case[2]}"] = round(per_message(case, instructions))
        else:
            print("bench: callgrind (valgrind) does not run here: no instructions are counted")
        calls = runs.SystemCalls()
        if calls.tool:
            for case in ROUND_TRIPS:
                figures[f"system calls, {case[0]}, {case[1]}, {case[2]}"] = round(
                    per_message(case, lambda command: calls.count(placement.client(True) + command)[1]), 1)
    return figures


def main(update):
    competitors.build([competitors.BY_NAME["ours-loop"]])
    figures = measure()
    if not figures:
        print("bench: nothing was counted: that needs valgrind, perf or strace, and the right to use it")
        return 0
    if update:
        BUDGET.write_text(json.dumps(figures, indent=1) + "\n")
    budget = json.loads(BUDGET.read_text())
    exceeded = 0
    for name, figure in figures.items():
        allowed = budget.get(name)
        ratio = figure / allowed if allowed else float("inf")
        word = "ok" if 1 - SLACK <= ratio <= 1 + SLACK else "EXCEEDED" if ratio > 1 else "better: lower the budget"
        exceeded += word == "EXCEEDED"
        print(f"{name:50} {figure:>10,}  budget {allowed or 0:>10,}  {ratio:5.2f}  {word}")
    if exceeded:
        print(f"bench: {exceeded} over the budget of Benchmarks/budget.json by more than {SLACK:.0%}. Find out why, or say why in"
              " the commit that runs scripts/bench guard --update.")
    return 1 if exceeded else 0

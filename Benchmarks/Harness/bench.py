"""Measures our client beside others: see `scripts/bench --help`."""

import argparse
import datetime
import os
import pathlib
import platform
import subprocess
import sys
import time

import chart
import competitors
import guard
import results
import runs
import server
import table
import workloads

ROOT = competitors.BENCHMARKS.parent

def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, options, placement, server):
        self.options, self.placement, self.server = options, placement, server
        self.system_calls = runs.SystemCalls()
        self.results = results.Results()
        # Messages a second, as far as known: how many make a run as long as it is to be.
        self.rates = {}

    def count(self, workload, key, part=1.0):
        if workload.fixed_count or key not in self.rates:
            return workload.first_count
        count = int(self.rates[key] * self.options.seconds * part)
        return max(workload.multiple, workload.window, count // workload.multiple * workload.multiple, 2)

    def run_once(self, competitor, workload, scheme):
        key = (competitor.name, workload.name, scheme)
        run = runs.measure(competitor, workload, scheme, self.count(workload, key), self.server, self.placement)
        self.rates[key] = run.report["messages"] / max(run.report["seconds"], 1e-6)
        return run

    def calibrate(self, competitor, workload, scheme):
        """Whether the client has the workload; two short runs tell how long the others must be."""
        try:
            if not workload.fixed_count:
                self.run_once(competitor, workload, scheme)
            return True
        except runs.Unsupported:
            return False

    def run_undisturbed(self, competitor, workload, scheme):
        """Repeats a run that was disturbed; the least disturbed one stands when all were."""
        tries = []
        for _ in range(1 + self.options.retries):
            run = self.run_once(competitor, workload, scheme)
            if not run.disturbed:
                return run
            tries.append(run)
        return min(tries, key=lambda run: run.elsewhere)

    def measure(self, workload, scheme, chosen):
        able = [one for one in chosen if one.name in workload.ours + workload.peers]
        failed = set()

        def guarded(competitor, action):
            try:
                return action()
            except runs.Unsupported:
                failed.add(competitor.name)
            except runs.Failed as failure:
                failed.add(competitor.name)
                self.results.fail(competitor, workload, scheme, str(failure))
                say(f"bench: {failure}")
            return None

        able = [one for one in able if guarded(one, lambda: self.calibrate(one, workload, scheme))]
        repetitions = min(self.options.repetitions, workload.repetitions or self.options.repetitions)
        for repetition in range(repetitions):
            # Each begins once, so that none always runs behind the same other.
            shift = repetition % max(1, len(able))
            for competitor in able[shift:] + able[:shift]:
                if competitor.name in failed:
                    continue
                run = guarded(competitor, lambda: self.run_undisturbed(competitor, workload, scheme))
                if run:
                    self.results.add(competitor, workload, scheme, run)
        if workload.counts_system_calls and self.options.system_calls and self.system_calls.tool:
            for competitor in able:
                if competitor.name in failed:
                    continue
                count = self.count(workload, (competitor.name, workload.name, scheme), part=0.2)
                calls = guarded(
                    competitor,
                    lambda: self.system_calls.per_message(
                        competitor, workload, scheme, count, self.server, self.placement
                    ),
                )
                self.results.add_system_calls(competitor, workload, scheme, calls)


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description=pathlib.Path(__file__).with_name("usage.txt").read_text())
    parser.add_argument("guard", nargs="?", choices=["guard"],
                        help="instead: compare instructions and system calls for a message with Benchmarks/budget.json")
    parser.add_argument("--update", action="store_true", help="with guard: make what is measured the budget")
    parser.add_argument("--short", action="store_true", help="fewer workloads and shorter runs: under three minutes")
    parser.add_argument("--only", action="append", metavar="NAME",
                        help="workloads whose name begins so, for example 'send 64 B'; may be repeated")
    parser.add_argument("--scheme", choices=["ws", "wss"], help="only plain or only TLS")
    parser.add_argument("--clients", metavar="LIST", help="some clients only, for example ours,beast or ours-loop,pump")
    parser.add_argument("--repetitions", type=int, metavar="N", help="runs of each client for each row (3)")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long a run should take (0.35)")
    parser.add_argument("--retries", type=int, default=2, metavar="N", help="how often to repeat a disturbed run (2)")
    parser.add_argument("--cores", default=None, metavar="C,S", help="the client's and the server's core")
    parser.add_argument("--no-system-calls", dest="system_calls", action="store_false", help="do not count them")
    parser.add_argument("--no-build", dest="build", action="store_false", help="measure what was built before")
    parser.add_argument("--output", type=pathlib.Path, metavar="FOLDER",
                        help="where results go; docs/benchmarks for a whole run, else Benchmarks/.build/results")
    parser.add_argument("--list", action="store_true", help="list workloads and clients")
    options = parser.parse_args()
    options.repetitions = options.repetitions or (1 if options.short else 3)
    options.seconds = options.seconds or (0.12 if options.short else 0.35)
    if options.short:
        options.system_calls = False
    whole = not (options.short or options.only or options.clients or options.scheme)
    options.output = options.output or (ROOT / "docs/benchmarks" if whole else competitors.BENCHMARKS / ".build/results")
    return options


def said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def environment(placement, system_calls):
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    release = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release") if "=" in line)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": said("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "processor": model,
        "cores": os.cpu_count(),
        "system": release.get("PRETTY_NAME", "").strip('"') + ", Linux " + platform.release(),
        "swift": said("swift", "--version").splitlines()[0] if said("swift", "--version") else "",
        "openssl": said("openssl", "version"),
        "priority": " ".join(placement.priority) or "ordinary",
        "system_calls": system_calls.tool or "not counted",
    }


def main():
    options = arguments()
    if options.guard:
        return guard.main(options.update)
    chosen = competitors.chosen(options.clients)
    wanted = [
        workload
        for workload in workloads.ALL
        if (workload.in_short_form or not options.short or options.only)
        and (not options.only or any(workload.name.startswith(name) for name in options.only))
    ]
    if options.list or not wanted:
        print("workloads:", *(f"  {workload.name}" for workload in workloads.ALL), sep="\n")
        print("clients:", *(f"  {one.name:16} {one.label}" for one in competitors.ALL), sep="\n")
        return 0 if options.list else 64
    if options.build:
        competitors.build(chosen)
    cores = [int(core) for core in options.cores.split(",")] if options.cores else sorted(os.sched_getaffinity(0))[:2]
    placement = runs.Placement(cores[0], cores[-1])
    begin = time.monotonic()
    with server.Server(placement.server()) as running:
        bench = Bench(options, placement, running)
        bench.results.environment = environment(placement, bench.system_calls)
        for workload in wanted:
            for scheme in workload.schemes if not options.scheme else {options.scheme} & set(workload.schemes):
                say(f"bench: {time.monotonic() - begin:4.0f} s  {workload.name}, {scheme}")
                bench.measure(workload, scheme, chosen)
    bench.results.environment["seconds"] = round(time.monotonic() - begin)
    bench.results.write(options.output)
    text = table.markdown(bench.results)
    (options.output / "README.md").write_text(text)
    (options.output / "chart.svg").write_text(chart.svg(bench.results))
    print(text)
    say(f"bench: {time.monotonic() - begin:.0f} s; results in {options.output}")
    return 1 if bench.results.failures else 0


if __name__ == "__main__":
    sys.exit(main())

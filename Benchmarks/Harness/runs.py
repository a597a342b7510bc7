"""One run of a client: pinned, timed, and looked at for disturbances."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

UNSUPPORTED = 77
# What else may happen on the two cores during a run, as a part of their time and at least.
TOLERATED_PART, TOLERATED_SECONDS = 0.04, 0.03


class Unsupported(Exception):
    """The client does not have the workload."""


class Failed(Exception):
    """The client ended with an error, or not in time."""


@dataclasses.dataclass
class Run:
    report: dict
    # Part of the time in which the server's core was busy with the server.
    server_busy: float
    # Seconds of the two cores that neither the client nor the server had.
    elsewhere: float
    involuntary_switches: int
    disturbed: bool


def permitted(*command):
    if not shutil.which(command[0]):
        return []
    return list(command) if subprocess.run([*command, "true"], capture_output=True).returncode == 0 else []


@dataclasses.dataclass
class Placement:
    """Where the client and the server run."""

    client_core: int
    server_core: int

    def __post_init__(self):
        self.priority = permitted("chrt", "-f", "40")
        self.client_pin = permitted("taskset", "-c", str(self.client_core))
        self.server_pin = permitted("taskset", "-c", str(self.server_core))

    def client(self, pinned=True):
        return self.priority + (self.client_pin if pinned else [])

    def server(self):
        return self.priority + self.server_pin


def busy_seconds(cores):
    """What the cores were busy with, steal by other machines included."""
    total = 0
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        fields = line.split()
        if fields[0] in {f"cpu{core}" for core in cores}:
            user, nice, system, _, _, interrupts, soft_interrupts, steal = map(int, fields[1:9])
            total += user + nice + system + interrupts + soft_interrupts + steal
    return total / os.sysconf("SC_CLK_TCK")


def execute(command, timeout):
    """The report of a client, with what wait4(2) says of it."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=errors)
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode == UNSUPPORTED:
            raise Unsupported
        output.seek(0)
        errors.seek(0)
        lines = output.read().strip().splitlines()
        if process.returncode != 0 or not lines:
            reason = errors.read().strip() or (f"nothing within {timeout} s" if process.returncode == -9 else "no report")
            # Without folders: what is published is read on other machines.
            shown = " ".join(word.rsplit("/", 1)[-1] if word.startswith("/") else word for word in map(str, command))
            raise Failed(f"{shown}: exit status {process.returncode}: {reason}")
        return json.loads(lines[-1]), usage


def command_line(competitor, workload, scheme, count, server):
    command = [*competitor.command(), "--url", server.url(scheme, workload.url_path(count)), *workload.arguments(count)]
    if scheme == "wss":
        command += ["--ca", server.ca]
    if workload.messages:
        command += ["--messages", server.messages]
    return command


def measure(competitor, workload, scheme, count, server, placement):
    command = command_line(competitor, workload, scheme, count, server)
    cores = (placement.client_core, placement.server_core)
    time_before, busy_before, server_before = time.monotonic(), busy_seconds(cores), server.cpu_seconds()
    report, usage = execute([*placement.client(workload.pinned), *command], timeout=90)
    wall = time.monotonic() - time_before
    server_cpu = server.cpu_seconds() - server_before
    elsewhere = busy_seconds(cores) - busy_before - server_cpu - usage.ru_utime - usage.ru_stime
    return Run(
        report, server_cpu / wall, max(0.0, elsewhere), usage.ru_nivcsw,
        elsewhere > max(TOLERATED_SECONDS, TOLERATED_PART * wall * len(cores)),
    )


class SystemCalls:
    """Counts system calls: with perf where the kernel lets it, which disturbs little, else with strace."""

    def __init__(self):
        self.perf = permitted("perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "--")
        self.tool = "perf" if self.perf else "strace" if shutil.which("strace") else None

    def count(self, command):
        with tempfile.NamedTemporaryFile("r") as file:
            if self.tool == "perf":
                prefix = ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-o", file.name, "--"]
            else:
                prefix = ["strace", "-c", "-f", "-o", file.name]
            report, _ = execute([*prefix, *command], timeout=90)
            lines = file.read().splitlines()
        if self.tool == "perf":
            return report, next(int(line.split(",")[0]) for line in lines if "sys_enter" in line)
        # The columns of strace's summary: % time, seconds, usecs/call, calls, errors, syscall.
        return report, next(int(line.split()[3]) for line in lines if line.endswith("total"))

    def per_message(self, competitor, workload, scheme, count, server, placement):
        """From two runs of different length: what starting and connecting takes is not counted."""
        counts = []
        few = max(workload.multiple, count // 8 // workload.multiple * workload.multiple)
        for messages in (few, count):
            command = command_line(competitor, workload, scheme, messages, server)
            counts.append(self.count([*placement.client(workload.pinned), *command])[1])
        return (counts[1] - counts[0]) / (count - few) if count > few else None

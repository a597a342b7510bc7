"""What is measured."""

import dataclasses
import resource

OURS_ALL = ("ours-async", "ours-batch", "ours-callback", "ours-loop-async", "ours-loop")
OURS_MAIN = ("ours-async", "ours-batch", "ours-loop")
PEERS = ("nio", "beast", "picows", "lws", "pump")
# The client of SwiftNIO that awaits messages in a task: where one message after the other is what is measured.
PEERS_AND_TASK = (*PEERS, "nio-task")
OURS_SERVICE = ("ours-typed", "ours-raw")
OURS_PLAIN = ("ours-async", "ours-loop")


@dataclasses.dataclass(frozen=True)
class Metric:
    """One figure of a run: `read` takes the client's report and the workload."""

    name: str
    unit: str
    higher_is_better: bool
    read: object


def throughput(report, workload):
    return report["messages"] / report["seconds"]


THOUSANDS = Metric("", "thousand/s", True, lambda report, workload: throughput(report, workload) / 1e3)
MEGABYTES = Metric("", "MB/s", True, lambda report, workload: throughput(report, workload) * workload.size / 1e6)
PER_SECOND = Metric("", "/s", True, throughput)
P50 = Metric("p50", "µs", False, lambda report, workload: report["p50_us"])
P99 = Metric("p99", "µs", False, lambda report, workload: report["p99_us"])
MEMORY = Metric("memory each", "KiB", False, lambda report, workload: report["kib_per_connection"])
BESIDE = Metric("round trip beside, p50", "µs", False, lambda report, workload: report["p50_us"])
CPU = Metric("CPU", "µs/message", False, lambda report, workload: report["cpu_seconds"] / report["messages"] * 1e6)
CORES = Metric("cores used", "", True, lambda report, workload: report["cpu_seconds"] / report["seconds"])


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    kind: str
    path: str
    metrics: tuple
    size: int = 64
    # The count of the first, calibrating run; the later ones take as long as they are asked to.
    first_count: int = 0
    # Not calibrated: the count is part of what is measured.
    fixed_count: bool = False
    # Counts are multiples of this.
    multiple: int = 1
    window: int = 1
    connections: int = 1
    loops: int = 1
    seconds: float = 0
    messages: bool = False
    deflate: bool = False
    resume: bool = False
    schemes: tuple = ("ws", "wss")
    ours: tuple = OURS_ALL
    peers: tuple = PEERS
    in_short_form: bool = True
    # More repetitions tell nothing about memory, or take too long.
    repetitions: int | None = None
    # The client may use all cores.
    pinned: bool = True
    counts_system_calls: bool = False

    def url_path(self, count):
        query = {"sink": f"?count={count}&size={self.size}", "ticker": f"?size={self.size}"}
        if self.path == "source":
            return f"/source?count={count}&size={self.size}" + self._flags("&")
        return "/" + self.path + query.get(self.path, self._flags("?"))

    def _flags(self, separator):
        flags = [name + "=1" for name, on in (("json", self.messages), ("deflate", self.deflate)) if on]
        return separator + "&".join(flags) if flags else ""

    def arguments(self, count):
        arguments = ["--workload", self.kind, "--size", self.size, "--count", count]
        if self.window != 1:
            arguments += ["--window", self.window]
        if self.kind in ("connect", "idle", "answer", "group"):
            arguments += ["--connections", self.connections]
        if self.loops != 1:
            arguments += ["--loops", self.loops]
        if self.seconds:
            arguments += ["--seconds", self.seconds]
        if self.deflate:
            arguments += ["--deflate"]
        if self.resume:
            arguments += ["--resume"]
        return [str(argument) for argument in arguments]


def idle_limit():
    """How many connections a client can hold: ours takes two descriptors for each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return (hard - 200) // 2


def stream(name, kind, size, first_count, metric, **options):
    path = {"send": "sink", "receive": "source", "echo": "echo"}[kind]
    return Workload(
        name, kind, path, (metric,), size=size, first_count=first_count, counts_system_calls=True, **options
    )


def idle(connections, **options):
    metrics = (MEMORY, BESIDE) if connections else (BESIDE,)
    return Workload(
        f"{connections:,} idle connections", "idle", "echo", metrics, first_count=4000, fixed_count=True,
        connections=connections, ours=OURS_PLAIN, repetitions=None if connections <= 1000 else 1,
        in_short_form=connections <= 1000, **options,
    )


def connect(name, **options):
    return Workload(
        name, "connect", "echo", (PER_SECOND,), first_count=128, ours=OURS_PLAIN, in_short_form=False, **options
    )


JSON = {"messages": True, "multiple": 256}

ALL = [
    stream("round trip 64 B", "echo", 64, 1000, P50, ours=("ours-async", "ours-loop"), peers=PEERS_AND_TASK),
    stream("send 64 B", "send", 64, 50000, THOUSANDS, ours=("ours-async", "ours-batch", "ours-loop-async", "ours-loop")),
    stream("receive 64 B", "receive", 64, 100000, THOUSANDS, peers=PEERS_AND_TASK),
    stream("echo 64 B", "echo", 64, 20000, THOUSANDS, window=256),
    stream("echo 1 KiB", "echo", 1024, 10000, THOUSANDS, window=256),
    stream("echo 64 KiB", "echo", 65536, 600, MEGABYTES, window=256, ours=OURS_MAIN),
    stream("echo 1 MiB", "echo", 1 << 20, 40, MEGABYTES, window=4, ours=OURS_MAIN),
    stream("send 64 KiB", "send", 65536, 1000, MEGABYTES, ours=("ours-async", "ours-batch", "ours-loop-async", "ours-loop")),
    stream("receive 64 KiB", "receive", 65536, 2000, MEGABYTES, ours=OURS_MAIN),
    stream("receive JSON 1 KiB", "receive", 1024, 25600, THOUSANDS, ours=("ours-async", "ours-loop", *OURS_SERVICE), **JSON),
    stream("receive JSON 1 KiB, deflate", "receive", 1024, 5120, THOUSANDS, deflate=True, in_short_form=False, ours=OURS_MAIN, **JSON),
    stream("echo JSON 1 KiB, deflate", "echo", 1024, 2560, THOUSANDS, window=256, deflate=True, ours=OURS_MAIN, **JSON),
    connect("connect and close, one at a time"),
    connect("connect and close, 64 at once", connections=64),
    connect("the same resumed, one at a time", resume=True, schemes=("wss",)),
    connect("the same resumed, 64 at once", resume=True, connections=64, schemes=("wss",)),
    idle(0),
    idle(1000),
    idle(min(10000, idle_limit())),
    Workload(
        "1,000 connections, 10 messages/s each", "answer", "ticker", (CPU,), connections=1000, seconds=1, first_count=1,
        fixed_count=True, ours=("ours-async",), in_short_form=False, repetitions=2,
    ),
    *(
        Workload(
            f"receive 64 B on 4 connections, {loops} {'loop' if loops == 1 else 'loops'}", "group", "source", (THOUSANDS, CORES),
            connections=4, loops=loops, first_count=100000, ours=("ours-loop",), peers=("nio",), pinned=loops == 1,
            in_short_form=False,
        )
        for loops in (1, 2)
    ),
]

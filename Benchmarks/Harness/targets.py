"""Where we must stand, as ratios within one run: above 1 is better, whatever the unit."""

import dataclasses

import competitors

# The metric whose target is a ratio to itself.
BESIDE = "round trip beside, p50"
PEERS = [one.name for one in competitors.ALL if not one.is_ours and not one.is_limit]
OURS = [one.name for one in competitors.ALL if one.is_ours]


@dataclasses.dataclass
class Verdict:
    reference: str
    ratio: float
    needed: float
    strict: bool = False
    who: str = ""

    @property
    def is_met(self):
        return self.ratio > self.needed if self.strict else self.ratio >= self.needed

    def __str__(self):
        return f"{'✓' if self.is_met else '✗'} {self.ratio:.2f} of {self.reference}" + (
            f" ({self.who})" if self.who else "") + ("" if self.needed == 1 else f", needed {self.needed:g}")


def better(metric, value, other):
    """How many times better one value is than the other."""
    return value / other if metric.higher_is_better else other / value


def best(results, key, names):
    metric, cells = results.rows[key]
    present = [name for name in names if name in cells and cells[name].values]
    if not present:
        return None
    choose = max if metric.higher_is_better else min
    return choose(present, key=lambda name: cells[name].median)


def best_ours(results, key):
    return best(results, key, OURS)


def verdicts(results, key):
    workload, scheme, metric_name = key
    metric, cells = results.rows[key]
    found = []

    def value(name):
        return cells[name].median if name in cells and cells[name].values else None

    def against(reference, needed, style=None, strict=False, who="", other=None):
        ours = value(style) if style else value(best_ours(results, key))
        other = value(reference) if other is None else other
        if ours and other:
            label = reference if isinstance(reference, str) else "target"
            found.append(Verdict(label, better(metric, ours, other), needed, strict, who))

    peer = best(results, key, PEERS)
    if best_ours(results, key) is None:
        return []
    compared = not workload.startswith(("receive 64 B on", "1,000 connections", "0 idle")) and metric_name != BESIDE
    if peer and compared and not workload.startswith("round trip"):
        against(peer, 1, strict=True)
    if workload in ("send 64 B", "echo 64 B", "echo 1 KiB"):
        against("nio", 8)
    if workload == "receive 64 B":
        against("nio", 3)
        against("nio", 3, style="ours-async", who="for-await")
        against("nio-task", 3, style="ours-async", who="for-await")
    if workload in ("echo 64 KiB", "echo 1 MiB"):
        against("nio", 1.5)
    if workload.startswith("round trip"):
        against("beast", 1, style="ours-loop", who="on the loop")
        against("nio", 1, style="ours-async", who="ordinary task")
        against("nio-task", 1, style="ours-async", who="ordinary task")
    if workload == "send 64 KiB":
        against("pump", 1 if scheme == "wss" else 0.95, strict=scheme == "wss")
    if workload == "receive 64 KiB":
        against("pump", 0.95)
    if metric_name == "memory each":
        limit = 5 if scheme == "ws" else 28
        against(f"{limit} KiB", 1, other=limit)
    if workload.startswith("the same resumed"):
        plain = workload.replace("the same resumed", "connect and close")
        against("nio, which does not resume", 1, strict=True, other=results.median(plain, scheme, "", "nio"))
    if metric_name == BESIDE and workload.startswith(("10,", "9,")):
        for style in ("ours-async", "ours-loop"):
            alone = results.median("0 idle connections", scheme, metric_name, style)
            if alone:
                against("none beside", round(1 / 1.5, 3), style=style, who=style, other=alone)
    return found

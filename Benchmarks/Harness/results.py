"""What was measured: by workload, scheme, metric and client."""

import dataclasses
import json
import statistics


@dataclasses.dataclass
class Cell:
    values: list = dataclasses.field(default_factory=list)
    cpu_us_per_message: list = dataclasses.field(default_factory=list)
    server_busy: list = dataclasses.field(default_factory=list)
    disturbed: int = 0
    system_calls: float | None = None

    @property
    def median(self):
        return statistics.median(self.values)


class Results:
    def __init__(self):
        self.environment = {}
        # (workload's name, scheme, metric's name) to the metric and the cells by client, in the order of measuring.
        self.rows = {}
        self.failures = []

    def cell(self, competitor, workload, scheme, metric):
        _, cells = self.rows.setdefault((workload.name, scheme, metric.name), (metric, {}))
        return cells.setdefault(competitor.name, Cell())

    def add(self, competitor, workload, scheme, run):
        for metric in workload.metrics:
            cell = self.cell(competitor, workload, scheme, metric)
            cell.values.append(metric.read(run.report, workload))
            cell.cpu_us_per_message.append(run.report["cpu_seconds"] / run.report["messages"] * 1e6)
            cell.server_busy.append(run.server_busy)
            cell.disturbed += run.disturbed

    def add_system_calls(self, competitor, workload, scheme, calls):
        self.cell(competitor, workload, scheme, workload.metrics[0]).system_calls = calls

    def fail(self, competitor, workload, scheme, reason):
        self.failures.append(
            {"client": competitor.name, "workload": workload.name, "scheme": scheme, "reason": reason})

    def median(self, workload, scheme, metric, client):
        """`None` where that was not measured."""
        _, cells = self.rows.get((workload, scheme, metric), (None, {}))
        cell = cells.get(client)
        return cell.median if cell and cell.values else None

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for (workload, scheme, _), (metric, cells) in self.rows.items():
            clients = {
                name: {
                    "median": round(cell.median, 3), "minimum": round(min(cell.values), 3),
                    "maximum": round(max(cell.values), 3), "runs": len(cell.values), "disturbed": cell.disturbed,
                    "cpu_us_per_message": round(statistics.median(cell.cpu_us_per_message), 4),
                    "server_busy": round(statistics.median(cell.server_busy), 2),
                    **({"system_calls_per_message": round(cell.system_calls, 4)} if cell.system_calls is not None else {}),
                }
                for name, cell in cells.items() if cell.values
            }
            rows.append({
                "workload": workload, "scheme": scheme, "metric": metric.name, "unit": metric.unit,
                "higher_is_better": metric.higher_is_better, "clients": clients})
        text = json.dumps({"environment": self.environment, "rows": rows, "failures": self.failures}, indent=1)
        (folder / "results.json").write_text(text + "\n")

"""The results as a page of Markdown."""

import competitors
import targets

OURS = [one for one in competitors.ALL if one.is_ours]
PEERS = [one for one in competitors.ALL if not one.is_ours]


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def row_name(key, metric):
    name = key[0] + (f", {metric.name}" if metric.name else "")
    return f"{name}, {metric.unit}" if metric.unit else name


def cell_text(cell):
    if cell is None or not cell.values:
        return ""
    text = number(cell.median) + ("~" if cell.disturbed == len(cell.values) else "")
    return text if len(cell.values) == 1 else f"{text}<br><sub>{number(min(cell.values))}-{number(max(cell.values))}</sub>"


def lines_of(header, rows):
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header), *("| " + " | ".join(row) + " |" for row in rows), ""]


def columns(results):
    used = {name for _, cells in results.rows.values() for name in cells}
    return [one for one in competitors.ALL if one.name in used]


def main_table(results):
    shown = columns(results)
    rows, before = [], None
    for key, (metric, cells) in results.rows.items():
        best = targets.best_ours(results, key)
        name = row_name(key, metric)
        texts = []
        for one in shown:
            text = cell_text(cells.get(one.name))
            texts.append(f"**{text}**" if one.name == best and text else text)
        verdicts = "<br>".join(str(verdict) for verdict in targets.verdicts(results, key))
        rows.append([name if name != before else "", key[1], *texts, verdicts])
        before = name
    return lines_of(["workload", "", *(one.label for one in shown), "target: ratio"], rows)


def cost_table(results):
    """CPU and system calls per message of the streams."""
    shown = [one for one in columns(results)]
    rows = []
    for key, (metric, cells) in results.rows.items():
        if all(cell.system_calls is None for cell in cells.values()):
            continue
        texts = []
        for one in shown:
            cell = cells.get(one.name)
            if cell is None or not cell.values:
                texts.append("")
                continue
            cpu = sorted(cell.cpu_us_per_message)[len(cell.cpu_us_per_message) // 2]
            calls = "" if cell.system_calls is None else f" / {cell.system_calls:.3g}"
            texts.append(f"{cpu:.3g}{calls}")
        rows.append([key[0], key[1], *texts])
    return lines_of(["workload", "", *(one.label for one in shown)], rows) if rows else []


def markdown(results):
    environment = results.environment
    lines = [
        "# Benchmarks", "",
        "Made by `scripts/bench`, which says how and with what: `scripts/bench --help`. Columns from *for-await* to *service* are our",
        "client in its styles, bold the best of them. Medians, with minimum and maximum below.", "",
        "![Speed beside the fastest peer](chart.svg)", "",
        *(f"- {name}: {value}" for name, value in environment.items()), "",
        *main_table(results),
    ]
    missed = [f"- {key[0]}, {key[1]}: {verdict}" for key in results.rows for verdict in targets.verdicts(results, key) if not verdict.is_met]
    if missed:
        lines += ["## Targets that are not met", "", *missed, ""]
    costs = cost_table(results)
    if costs:
        lines += ["## CPU and system calls", "", "Microseconds of CPU and system calls for each message, of the client alone.", "", *costs]
    if results.failures:
        lines += ["## Failures", "", *(f"- {one['client']}, {one['workload']}, {one['scheme']}: {one['reason']}" for one in results.failures), ""]
    return "\n".join(lines)

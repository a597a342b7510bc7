"""The results as a picture: for each row, how fast each client is beside the fastest peer."""

import html
import math

import competitors
import targets

# Readable on white and on black.
COLOURS = {
    "ours": "#e8590c", "nio": "#4c8dff", "beast": "#2f9e44", "picows": "#ae3ec9", "lws": "#868e96", "pump": "#f08c00",
}
LABELS = {"ours": "ours, best style", **{one.name: one.label for one in competitors.ALL if not one.is_ours}}
LEFT, RIGHT, TOP, LINE = 300, 20, 84, 24
WIDTH = 900
LOWEST, HIGHEST = 1 / 64, 16
GRID = [1 / 64, 1 / 16, 1 / 4, 1, 4, 16]


def place(ratio):
    part = math.log(min(max(ratio, LOWEST), HIGHEST) / LOWEST) / math.log(HIGHEST / LOWEST)
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def mark(name, x, y, title):
    colour = COLOURS[name]
    title = f"<title>{html.escape(title)}</title>"
    if name == "ours":
        points = f"{x:.1f},{y - 7} {x + 7:.1f},{y} {x:.1f},{y + 7} {x - 7:.1f},{y}"
        return f'<polygon points="{points}" fill="{colour}">{title}</polygon>'
    if name == "pump":
        return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 7}" y2="{y + 7}" stroke="{colour}" stroke-width="3">{title}</line>'
    return f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{colour}">{title}</circle>'


def rows(results):
    """Name and ratio to the best peer of each client, for rows that compare us with a peer."""
    for key, (metric, cells) in results.rows.items():
        ours, peer = targets.best_ours(results, key), targets.best(results, key, targets.PEERS)
        if ours is None or peer is None or key[0].startswith("receive 64 B on") or metric.name == targets.BESIDE:
            continue
        ratios = {"ours": (ours, cells[ours].median)}
        ratios |= {one: (one, cell.median) for one, cell in cells.items() if one in COLOURS and cell.values}
        reference = cells[peer].median
        yield key, metric, {
            name: (targets.better(metric, value, reference), value) for name, (_, value) in ratios.items()
        }


def name_of(key, metric):
    return f"{key[0]}, {key[1]}" + (f", {metric.name}" if metric.name else "")


def svg(results):
    found = list(rows(results))
    height = TOP + LINE * len(found) + 30
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-label="Speed beside the fastest peer" font-family="system-ui, sans-serif" font-size="13">',
        "<style>text{fill:#24292f}.grid{stroke:#8b949e;stroke-opacity:.35}.one{stroke:#8b949e;stroke-width:2}"
        "@media (prefers-color-scheme:dark){text{fill:#e6edf3}}</style>",
        f'<text x="{LEFT}" y="18" font-weight="600">Speed beside the fastest peer, which is at 1 (logarithmic; right is better)</text>',
    ]
    used = [name for name in COLOURS if any(name in ratios for _, _, ratios in found)]
    x = 14
    for name in used:
        lines += [mark(name, x, 42, LABELS[name]), f'<text x="{x + 11}" y="46">{html.escape(LABELS[name])}</text>']
        x += 34 + 7.4 * len(LABELS[name])
    bottom = TOP + LINE * len(found)
    for ratio in GRID:
        label = f"{ratio:g}" if ratio >= 1 else f"1/{1 / ratio:g}"
        style = "one" if ratio == 1 else "grid"
        lines += [
            f'<line x1="{place(ratio):.1f}" x2="{place(ratio):.1f}" y1="{TOP - 8}" y2="{bottom}" class="{style}"/>',
            f'<text x="{place(ratio):.1f}" y="{TOP - 14}" text-anchor="middle">{label}</text>',
        ]
    for index, (key, metric, ratios) in enumerate(found):
        y = TOP + LINE * index + LINE // 2
        lines.append(f'<text x="{LEFT - 14}" y="{y + 4}" text-anchor="end">{html.escape(name_of(key, metric))}</text>')
        # Ours last, and so on top.
        for name in [name for name in reversed(used) if name in ratios]:
            ratio, value = ratios[name]
            lines.append(mark(name, place(ratio), y, f"{LABELS[name]}: {value:,.4g} {metric.unit}, {ratio:.2f}"))
    lines.append("</svg>")
    return "\n".join(lines) + "\n"

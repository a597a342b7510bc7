"""Plots the rows of the simulation, and prints its figures as the table of Reconnecting.md.

usage: plot-reconnect-storm.py ROWS.csv PLOT.png
"""

import collections
import csv
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plot  # noqa: E402 (the backend is chosen first)

rows = collections.defaultdict(list)
with open(sys.argv[1], newline="") as file:
    for row in csv.DictReader(file):
        rows[row["policy"]].append((float(row["seconds"]), int(row["attempts"]), int(row["connected"])))

clients = max(connected for policy in rows.values() for _, _, connected in policy)
figure, (none, full) = plot.subplots(2, 1, figsize=(8, 5), sharex=True, sharey=True, layout="constrained")
for axes, policy, title in ((none, "none", "without jitter"), (full, "full", "with full jitter, the default")):
    times, attempts, _ = zip(*rows[policy])
    axes.axvspan(0, 20, color="0.9", label="server down")
    axes.vlines(times, 1, attempts, color="tab:blue" if policy == "full" else "tab:red", linewidth=1.2)
    axes.set_yscale("log")
    axes.set_ylim(1, 2 * clients)
    axes.set_xlim(0, 200)
    axes.set_title(f"{clients:,} clients lose one server, {title}", fontsize=10)
    axes.set_ylabel("attempts in 0.1 s")
    axes.legend(loc="upper right", fontsize=8)
full.set_xlabel("seconds since the server died")
figure.savefig(sys.argv[2], dpi=100, metadata={"Software": None})

print("| jitter | attempts in all | most in 0.1 s | half connected after | all connected after |")
print("|---|---|---|---|---|")
for policy, series in rows.items():
    def after(count):
        return next((f"{seconds + 0.1:.0f} s" for seconds, _, connected in series if connected >= count), "over 600 s")

    attempts = [attempts for _, attempts, _ in series]
    print(f"| `{policy}` | {sum(attempts):,} | {max(attempts):,} | {after(clients / 2)} | {after(clients)} |")

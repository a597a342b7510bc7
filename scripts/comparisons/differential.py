#!/usr/bin/env python3
"""
Compares our protocol core with implementations in Python: frames and permessage-deflate with `websockets`, heads with
`http.client` and `h11`.

usage: differential.py PROGRAM [--messages N] [--heads N] [--seed N]

PROGRAM is the product `Differential`, which says what ours does. Every difference must be one of those listed in
heads.py with a reason; prints how often each occurred. Exit status 1 when there is another one.
"""
import argparse
import collections
import random
import struct
import subprocess
import sys
import time

import heads
import messages


class Ours:
    """Our side: a process that answers questions about bytes."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, question):
        self.process.stdin.write(struct.pack("<I", len(question)) + question)
        self.process.stdin.flush()
        length = self.process.stdout.read(4)
        if len(length) < 4:
            sys.exit(f"differential: error: our side ended with {self.process.wait()} on {question[:200].hex()}")
        return self.process.stdout.read(struct.unpack("<I", length)[0])

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--messages", type=int, default=100_000, help="in each direction")
    parser.add_argument("--heads", type=int, default=100_000, help="responses and requests together")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    ours = Ours(arguments.program)
    unexplained = []
    try:
        for name, compare, count in [
            ("messages", messages.compare, arguments.messages), ("heads", heads.compare, arguments.heads)
        ]:
            if count == 0:
                continue
            begin = time.monotonic()
            # What was the same and what was not, by its name.
            outcomes = collections.Counter()
            found = compare(ours, random.Random(arguments.seed), count, outcomes)
            unexplained += found
            print(f"differential: {name}: {time.monotonic() - begin:.0f} s, {len(found)} unexplained differences")
            for outcome, times in outcomes.most_common():
                print(f"  {times:8} {outcome}")
    finally:
        ours.end()
    for difference in unexplained[:20]:
        print(f"unexplained: {difference}")
    sys.exit(1 if unexplained else 0)


main()

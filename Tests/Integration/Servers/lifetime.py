"""What the servers for the integration tests have in common."""

import json
import os
import sys
import threading


def announce(port, pid=None):
    """Prints the line that the test run waits for."""
    print(json.dumps({"port": port, "pid": pid or os.getpid()}), flush=True)


def end_with_standard_input(end=lambda: os._exit(0)):
    """Ends when standard input does, which the test run holds open: no server outlives it."""

    def wait():
        while os.read(sys.stdin.fileno(), 4096):
            pass
        end()

    threading.Thread(target=wait, daemon=True).start()

"""Runs nginx in the foreground, terminating TLS in front of a WebSocket server on the loopback interface.

Prints one line of JSON, {"port": N, "pid": nginx's}, once it accepts connections. Ends when nginx ends, and ends nginx
when its standard input does, so that nginx cannot outlive the test run.
"""

import argparse
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

# One process, so that there is one to stop; everything it writes stays below its prefix.
CONFIGURATION = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port} ssl reuseport;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            # https://nginx.org/en/docs/http/websocket.html
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header Host $host;
            proxy_read_timeout {read_timeout}s;
        }}
    }}
}}
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefix", required=True, help="an existing directory for everything nginx writes")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--certificate", required=True, help="PEM file with the server's chain")
    parser.add_argument("--key", required=True, help="PEM file with its private key")
    parser.add_argument("--upstream", type=int, required=True, help="port of the WebSocket server")
    parser.add_argument("--read-timeout", type=int, default=60, help="seconds of silence after which nginx closes")
    return parser.parse_args()


def end_with_parent():
    """Has the kernel kill nginx when this process is killed (PR_SET_PDEATHSIG, prctl(2); Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def end_with_standard_input(nginx):
    def wait():
        while os.read(sys.stdin.fileno(), 4096):
            pass
        nginx.kill()

    threading.Thread(target=wait, daemon=True).start()


def wait_until_listening(nginx, port):
    """Returns when nginx accepts connections; does not return when it ends first."""
    while nginx.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    sys.exit(nginx.returncode or 1)


def main():
    arguments = parse_arguments()
    # Debian keeps nginx in /usr/sbin, which is not on the PATH of an ordinary user.
    executable = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if executable is None:
        sys.exit("nginx is not installed: run scripts/setup")
    prefix = os.path.abspath(arguments.prefix)
    with socket.socket() as reservation:
        # nginx can neither choose a port nor tell which one. This socket, bound and never listening, keeps the port from
        # everybody but nginx, which shares it with SO_REUSEPORT (socket(7)).
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reservation.bind(("127.0.0.1", arguments.port))
        port = reservation.getsockname()[1]
        configuration = pathlib.Path(prefix, "nginx.conf")
        configuration.write_text(
            CONFIGURATION.format(
                port=port,
                certificate=os.path.abspath(arguments.certificate),
                key=os.path.abspath(arguments.key),
                upstream=arguments.upstream,
                read_timeout=arguments.read_timeout,
            )
        )
        nginx = subprocess.Popen(
            [executable, "-p", prefix, "-c", str(configuration), "-e", "stderr"],
            stdin=subprocess.DEVNULL,
            preexec_fn=end_with_parent,
        )
        end_with_standard_input(nginx)
        wait_until_listening(nginx, port)
        print(json.dumps({"port": port, "pid": nginx.pid}), flush=True)
        status = nginx.wait()
        # As a shell reports a signal; SIGTERM ends nginx with 0.
        return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())

"""Runs nginx in the foreground, terminating TLS in front of a WebSocket server on the loopback interface.

Prints one line of JSON, {"port": N, "pid": nginx's}, once it accepts connections. Ends when nginx ends, and ends nginx
when its standard input does, so that nginx cannot outlive the test run.

Paths: /missing answers 404 and /dead 502, as nginx itself does; anything else goes to the server behind it. The header
X-Worker of each answer is the number of the process that gave it.
"""

import argparse
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

from lifetime import announce, end_with_standard_input

# Everything it writes stays below its prefix.
CONFIGURATION = """
daemon off;
master_process {master};
worker_processes 1;
{shutdown_timeout}
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
        add_header X-Worker $pid always;
        location /missing {{ return 404 "nothing here\n"; }}
        location /dead {{
            # Bound by nginx.py, and nobody listens there.
            proxy_pass http://127.0.0.1:{dead};
            proxy_http_version 1.1;
        }}
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            # https://nginx.org/en/docs/http/websocket.html
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            # As the client wrote it; $host would be without the port.
            proxy_set_header Host $http_host;
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
    parser.add_argument(
        "--workers",
        action="store_true",
        help="run as operators do, with a master and a worker, which can be reloaded (SIGHUP) and must not be killed",
    )
    parser.add_argument("--shutdown-timeout", type=int, help="seconds that an old worker may live on after a reload")
    return parser.parse_args()


def prepare_child():
    """Makes nginx the leader of a group, and has the kernel kill it with this process.

    PR_SET_PDEATHSIG, prctl(2), is Linux only.
    """
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def kill_group(nginx):
    """Kills master and workers: a worker whose master was killed would live on."""
    try:
        os.killpg(nginx.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


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
    with socket.socket() as reservation, socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
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
                dead=dead.getsockname()[1],
                # With one process there is one to stop and to kill.
                master="on" if arguments.workers else "off",
                shutdown_timeout=f"worker_shutdown_timeout {arguments.shutdown_timeout}s;"
                if arguments.shutdown_timeout is not None
                else "",
            )
        )
        nginx = subprocess.Popen(
            [executable, "-p", prefix, "-c", str(configuration), "-e", "stderr"],
            stdin=subprocess.DEVNULL,
            preexec_fn=prepare_child,
        )
        end_with_standard_input(lambda: kill_group(nginx))
        wait_until_listening(nginx, port)
        announce(port, nginx.pid)
        status = nginx.wait()
        kill_group(nginx)
        # As a shell reports a signal; SIGTERM ends nginx with 0.
        return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())

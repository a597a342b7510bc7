"""A WebSocket server to test against: echoes what it receives, and does on request what real servers do.

Prints one line of JSON, {"port": N, "pid": its own}, once it accepts connections. Ends when its standard input does, so
that it cannot outlive the test run; on SIGTERM it closes each connection with 1001 first.

What a client asks for by the path of its URL:
  /request                  the first message is the client's request, as JSON: path and headers; then echoes
  /closures                 one message: how the oldest connection that has ended and was not yet told about has ended,
                            as this server saw it, and how much it received; waits for one
  /close?code=C&reason=R    closes with this code and reason
  /refuse?status=S          refuses with this status; more parameters (name=value) become headers
  anything else             echoes
"""

import argparse
import asyncio
import http
import json
import logging
import os
import signal
import ssl
import urllib.parse

from lifetime import announce, end_with_standard_input
from websockets.asyncio.server import serve, unix_serve
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve as sync_serve


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--unix", metavar="PATH", help="listen on a Unix domain socket instead of a port")
    parser.add_argument("--certificate", help="PEM file with the server's chain; makes the server speak wss")
    parser.add_argument("--key", help="PEM file with its private key")
    parser.add_argument("--client-ca", help="PEM file: demand a client certificate from one of these authorities")
    parser.add_argument("--tls-version", choices=["TLSv1_2", "TLSv1_3"], help="speak no other version of TLS")
    parser.add_argument(
        "--threads",
        action="store_true",
        help="only echo, from a thread for each connection: unlike asyncio, this says why a TLS handshake failed (alert)",
    )
    parser.add_argument("--no-compression", action="store_true", help="refuse permessage-deflate")
    parser.add_argument("--max-size", type=int, default=64 << 20, help="the largest message accepted, in bytes")
    parser.add_argument("--subprotocol", action="append", help="in order of preference; may be repeated")
    parser.add_argument("--delay", type=float, default=0, help="seconds to wait before each echo")
    parser.add_argument("--fragment", type=int, help="send echoes as fragments of so many bytes or characters")
    parser.add_argument("--push", type=int, default=0, help="so many text messages, numbered from 0, at the start")
    parser.add_argument("--close-code", type=int, help="close after the pushed messages instead of echoing")
    parser.add_argument("--close-reason", default="")
    parser.add_argument("--ping-interval", type=float, help="send pings, so many seconds apart")
    parser.add_argument("--status", type=int, help="refuse the opening handshake with this HTTP status")
    parser.add_argument("--retry-after", help="the Retry-After header of the refusal")
    return parser.parse_args()


def tls_context(arguments):
    if arguments.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.certificate, arguments.key)
    if arguments.client_ca is not None:
        context.load_verify_locations(arguments.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if arguments.tls_version is not None:
        version = ssl.TLSVersion[arguments.tls_version]
        context.minimum_version = version
        context.maximum_version = version
    return context


def fragments(message, size):
    return [message[start : start + size] for start in range(0, len(message), size)] or [message]


def path_and_query(request):
    parts = urllib.parse.urlsplit(request.path)
    return parts.path, dict(urllib.parse.parse_qsl(parts.query))


def handler(arguments):
    closures = asyncio.Queue()

    async def handle(connection):
        path, query = path_and_query(connection.request)
        received = 0
        try:
            if path == "/closures":
                await connection.send(json.dumps(await closures.get()))
                return
            if path == "/close":
                await connection.close(int(query["code"]), query.get("reason", ""))
                return
            if path == "/request":
                headers = list(connection.request.headers.raw_items())
                await connection.send(json.dumps({"path": connection.request.path, "headers": headers}))
            for number in range(arguments.push):
                await connection.send(str(number))
            if arguments.close_code is not None:
                await connection.close(arguments.close_code, arguments.close_reason)
                return
            async for message in connection:
                received += len(message)
                if arguments.delay:
                    await asyncio.sleep(arguments.delay)
                if arguments.fragment is None:
                    await connection.send(message)
                else:
                    await connection.send(fragments(message, arguments.fragment))
        except ConnectionClosed:
            # The client has every right to go away, also while it is being answered.
            pass
        finally:
            if path != "/closures":
                await connection.wait_closed()
                closures.put_nowait(
                    {"code": connection.close_code, "reason": connection.close_reason, "received": received}
                )

    return handle


def refusal(arguments):
    def process_request(connection, request):
        path, query = path_and_query(request)
        if path == "/refuse":
            status = int(query.pop("status"))
        elif arguments.status is not None:
            status = arguments.status
            query = {"Retry-After": arguments.retry_after} if arguments.retry_after is not None else {}
        else:
            return None
        response = connection.respond(http.HTTPStatus(status), "refused by echo.py\n")
        for name, value in query.items():
            response.headers[name] = value
        return response

    return process_request


def echo_from_threads(arguments):
    def handle(connection):
        try:
            for message in connection:
                connection.send(message)
        except ConnectionClosed:
            # As above.
            pass

    with sync_serve(handle, arguments.host, arguments.port, ssl=tls_context(arguments)) as server:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        announce(server.socket.getsockname()[1])
        server.serve_forever()


async def main(arguments):
    options = dict(
        ssl=tls_context(arguments),
        compression=None if arguments.no_compression else "deflate",
        max_size=arguments.max_size,
        subprotocols=arguments.subprotocol,
        ping_interval=arguments.ping_interval,
        process_request=refusal(arguments),
    )
    if arguments.unix is not None:
        listening = unix_serve(handler(arguments), arguments.unix, **options)
    else:
        listening = serve(handler(arguments), arguments.host, arguments.port, **options)
    async with listening as server:
        # As well-run servers end: each connection is closed with 1001.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
        announce(0 if arguments.unix is not None else server.sockets[0].getsockname()[1])
        await server.wait_closed()


if __name__ == "__main__":
    arguments = parse_arguments()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # A failed opening handshake is a test's purpose and reported to the client, not a fault of this server.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    end_with_standard_input()
    if arguments.threads:
        echo_from_threads(arguments)
    else:
        asyncio.run(main(arguments))

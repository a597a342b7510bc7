"""A WebSocket server to test against: echoes what it receives, and does on request what real servers do.

Prints one line of JSON, {"port": N, "pid": its own}, once it accepts connections. Ends when its standard input does, so
that it cannot outlive the test run.
"""

import argparse
import asyncio
import http
import json
import logging
import os
import ssl
import sys
import threading

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--certificate", help="PEM file with the server's chain; makes the server speak wss")
    parser.add_argument("--key", help="PEM file with its private key")
    parser.add_argument("--client-ca", help="PEM file: demand a client certificate from one of these authorities")
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
    return context


def fragments(message, size):
    return [message[start : start + size] for start in range(0, len(message), size)] or [message]


def handler(arguments):
    async def handle(connection):
        try:
            for number in range(arguments.push):
                await connection.send(str(number))
            if arguments.close_code is not None:
                await connection.close(arguments.close_code, arguments.close_reason)
                return
            async for message in connection:
                if arguments.delay:
                    await asyncio.sleep(arguments.delay)
                if arguments.fragment is None:
                    await connection.send(message)
                else:
                    await connection.send(fragments(message, arguments.fragment))
        except ConnectionClosed:
            # The client has every right to go away, also while it is being answered.
            pass

    return handle


def refusal(arguments):
    if arguments.status is None:
        return None

    def process_request(connection, request):
        response = connection.respond(http.HTTPStatus(arguments.status), "refused by echo.py\n")
        if arguments.retry_after is not None:
            response.headers["Retry-After"] = arguments.retry_after
        return response

    return process_request


def end_with_standard_input():
    def wait():
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


async def main():
    arguments = parse_arguments()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # A failed opening handshake is a test's purpose and reported to the client, not a fault of this server.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    end_with_standard_input()
    async with serve(
        handler(arguments),
        arguments.host,
        arguments.port,
        ssl=tls_context(arguments),
        compression=None if arguments.no_compression else "deflate",
        max_size=arguments.max_size,
        subprotocols=arguments.subprotocol,
        ping_interval=arguments.ping_interval,
        process_request=refusal(arguments),
    ) as server:
        print(json.dumps({"port": server.sockets[0].getsockname()[1], "pid": os.getpid()}), flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

"""An HTTP proxy that tunnels connections (CONNECT, RFC 9110 section 9.3.6) to the loopback interface.

Prints one line of JSON, {"port": N, "pid": its own}, once it accepts connections. Ends when its standard input does.

Every name below .test leads to 127.0.0.1, and no resolver but this one knows such a name: who reaches one of them has
come through this proxy. Every other name is refused with 403.
"""

import argparse
import asyncio
import base64

from lifetime import announce, end_with_standard_input


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--user", help="demand Basic authorization (RFC 7617)")
    parser.add_argument("--password", default="")
    parser.add_argument("--status", type=int, help="answer every request with this status")
    return parser.parse_args()


async def relay(reader, writer):
    try:
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        writer.close()


def refusal(arguments, request_line, headers):
    """Why a request is not granted, as a response's status line and headers; None when it is."""
    if arguments.user is not None:
        credentials = base64.b64encode(f"{arguments.user}:{arguments.password}".encode()).decode()
        scheme, _, given = headers.get("proxy-authorization", "").partition(" ")
        # The scheme is case-insensitive (RFC 9110 section 11.1), and libwebsockets writes it small.
        if scheme.lower() != "basic" or given != credentials:
            return '407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="proxy.py"'
    if arguments.status is not None:
        return f"{arguments.status} Refused"
    method, target = request_line.split(" ")[:2]
    if method != "CONNECT":
        return "405 Method Not Allowed\r\nAllow: CONNECT"
    if not target.rpartition(":")[0].endswith(".test"):
        return "403 Forbidden"
    return None


async def serve(arguments, reader, writer):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        status = refusal(arguments, head[0], headers)
        if status is not None:
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return
        port = int(head[0].split(" ")[1].rpartition(":")[2])
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(relay(reader, upstream_writer), relay(upstream_reader, writer))
        upstream_writer.close()
    except (ConnectionError, asyncio.IncompleteReadError):
        # Clients come and go as they like.
        pass
    finally:
        writer.close()


async def main():
    arguments = parse_arguments()
    end_with_standard_input()
    server = await asyncio.start_server(
        lambda reader, writer: serve(arguments, reader, writer), "127.0.0.1", arguments.port
    )
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

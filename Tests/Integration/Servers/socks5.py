"""A SOCKS5 proxy (RFC 1928), with user name and password (RFC 1929) on demand, to the loopback interface.

Prints one line of JSON, {"port": N, "pid": its own}, once it accepts connections. Ends when its standard input does.

Every name below .test leads to 127.0.0.1, and no resolver but this one knows such a name: who reaches one of them has
come through this proxy. Everything else is refused.
"""

import argparse
import asyncio
import ipaddress

from lifetime import announce, end_with_standard_input

NO_AUTHENTICATION, USER_AND_PASSWORD, NONE_ACCEPTABLE = 0, 2, 0xFF
IPV4, NAME, IPV6 = 1, 3, 4
SUCCEEDED, NOT_ALLOWED, REFUSED = 0, 2, 5
# What it claims to have bound: clients must read an address of any type.
BOUND = {
    "ipv4": bytes([IPV4]) + ipaddress.ip_address("192.0.2.1").packed,
    "ipv6": bytes([IPV6]) + ipaddress.ip_address("2001:db8::1").packed,
    "name": bytes([NAME, 10]) + b"bound.test",
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--user", help="demand this user name")
    parser.add_argument("--password", default="")
    parser.add_argument("--bound", choices=BOUND, default="ipv4", help="type of the address in the reply")
    parser.add_argument("--byte-by-byte", action="store_true", help="send each byte of an answer by itself")
    return parser.parse_args()


class Client:
    def __init__(self, arguments, reader, writer):
        self.arguments = arguments
        self.reader = reader
        self.writer = writer

    async def read_byte(self):
        return (await self.reader.readexactly(1))[0]

    async def read_sized(self):
        return await self.reader.readexactly(await self.read_byte())

    async def answer(self, message):
        for byte in [message[i : i + 1] for i in range(len(message))] if self.arguments.byte_by_byte else [message]:
            self.writer.write(byte)
            await self.writer.drain()
            if self.arguments.byte_by_byte:
                await asyncio.sleep(0.001)

    async def reply(self, code):
        await self.answer(bytes([5, code, 0]) + BOUND[self.arguments.bound] + (80).to_bytes(2, "big"))

    async def is_admitted(self):
        if await self.read_byte() != 5:
            return False
        methods = await self.read_sized()
        wanted = NO_AUTHENTICATION if self.arguments.user is None else USER_AND_PASSWORD
        if wanted not in methods:
            await self.answer(bytes([5, NONE_ACCEPTABLE]))
            return False
        await self.answer(bytes([5, wanted]))
        if wanted == NO_AUTHENTICATION:
            return True
        version = await self.read_byte()
        given = [await self.read_sized(), await self.read_sized()]
        is_right = version == 1 and given == [self.arguments.user.encode(), self.arguments.password.encode()]
        await self.answer(bytes([1, 0 if is_right else 1]))
        return is_right

    async def target(self):
        """The port on the loopback interface that the client may be connected to; None when it may not."""
        version, command, _, kind = await self.reader.readexactly(4)
        if kind == NAME:
            is_allowed = (await self.read_sized()).endswith(b".test")
        else:
            address = ipaddress.ip_address(await self.reader.readexactly(4 if kind == IPV4 else 16))
            is_allowed = address == ipaddress.ip_address("127.0.0.1")
        port = int.from_bytes(await self.reader.readexactly(2), "big")
        return port if is_allowed and version == 5 and command == 1 else None

    async def serve(self):
        try:
            if not await self.is_admitted():
                return
            port = await self.target()
            if port is None:
                return await self.reply(NOT_ALLOWED)
            try:
                upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return await self.reply(REFUSED)
            await self.reply(SUCCEEDED)
            await asyncio.gather(relay(self.reader, upstream_writer), relay(upstream_reader, self.writer))
            upstream_writer.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            # Clients come and go as they like.
            pass
        finally:
            self.writer.close()


async def relay(reader, writer):
    try:
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        writer.close()


async def main():
    arguments = parse_arguments()
    end_with_standard_input()
    server = await asyncio.start_server(
        lambda reader, writer: Client(arguments, reader, writer).serve(), "127.0.0.1", arguments.port
    )
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

"""picows on uvloop, with its fast transport (aiofastnet): callbacks, nothing awaited for a message."""

import argparse
import asyncio
import os
import resource
import ssl
import sys
import time

import uvloop
from picows import WSListener, WSMsgType, ws_connect

AT_ONCE = 64


def fail(reason):
    print(f"client: {reason}", file=sys.stderr, flush=True)
    os._exit(1)


def resident_kib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Measurement:
    def __init__(self):
        self.latencies = []
        self.kib = None

    def begin(self):
        self.cpu = cpu_seconds()
        self.time = time.perf_counter_ns()

    def end(self):
        self.time = time.perf_counter_ns() - self.time
        self.cpu = cpu_seconds() - self.cpu

    def report(self, messages):
        line = f'{{"messages": {messages}, "seconds": {self.time / 1e9}, "cpu_seconds": {self.cpu}'
        # The first tenth is for warming up.
        latencies = sorted(self.latencies[len(self.latencies) // 10:])
        if latencies:
            line += f', "p50_us": {latencies[len(latencies) // 2] / 1e3}'
            line += f', "p99_us": {latencies[len(latencies) * 99 // 100] / 1e3}'
        if self.kib is not None:
            line += f', "kib_per_connection": {self.kib}'
        print(line + "}", flush=True)
        os._exit(0)


class Client(WSListener):
    """One connection; what it does is in its three functions."""

    def __init__(self):
        self.on_frame = self.on_batch = self.on_writable = None
        self.writable = True
        self.closing = False

    def on_ws_connected(self, transport):
        self.transport = transport

    def on_ws_frame(self, transport, frame):
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close()
            transport.disconnect()
            return
        self.on_frame(frame)
        # As the documentation has it: what is to be done for all that came in one read.
        if frame.last_in_buffer and self.on_batch:
            self.on_batch()

    def on_ws_disconnected(self, transport):
        if not self.closing:
            fail("the connection ended")

    def pause_writing(self):
        self.writable = False

    def resume_writing(self):
        self.writable = True
        if self.on_writable:
            self.on_writable()


class Run:
    def __init__(self, options):
        self.options = options
        self.measurement = Measurement()
        self.first, self.last = ord("a"), ord("a") + (options.size - 1) % 26
        self.payload = bytes(ord("a") + i % 26 for i in range(options.size))
        self.messages = [self.payload]
        self.kind = WSMsgType.BINARY
        if options.messages:
            self.messages = open(options.messages, "rb").read().splitlines()
            self.kind = WSMsgType.TEXT
            self.first, self.last = ord("{"), ord("}")
        self.sent = self.received = 0
        self.tls = None
        if options.url.startswith("wss:"):
            self.tls = ssl.create_default_context(cafile=options.ca)

    async def open(self, client=None):
        client = client or Client()
        read_buffer = 262144 if self.options.workload in ("send", "receive", "echo") else 16384
        await ws_connect(
            lambda: client, self.options.url, ssl_context=self.tls, max_frame_size=16 << 20, read_buffer_init_size=read_buffer
        )
        return client

    def check(self, frame):
        view = frame.get_payload_as_memoryview()
        if len(view) != self.options.size or view[0] != self.first or view[-1] != self.last:
            fail("a message with a wrong payload")

    def finish(self, count):
        self.measurement.end()
        self.measurement.report(count)

    async def send(self):
        client = await self.open()
        count, size = self.options.count, self.options.size

        def fill():
            send, kind, payload = client.transport.send, self.kind, self.payload
            while self.sent < count and client.writable:
                send(kind, payload)
                self.sent += 1

        def on_frame(frame):
            if frame.get_payload_as_ascii_text() != f"done {count} {count * size}":
                fail("the server counted otherwise")
            self.finish(count)

        client.on_writable, client.on_frame = fill, on_frame
        self.measurement.begin()
        fill()

    async def receive(self):
        client = await self.open()

        def on_frame(frame):
            self.check(frame)
            self.received += 1
            if self.received == self.options.count:
                self.finish(self.received)

        client.on_frame = on_frame
        self.measurement.begin()
        client.transport.send(WSMsgType.TEXT, b"go")

    async def echo(self):
        client = await self.open()
        options, messages, count = self.options, self.messages, self.options.count
        timed = options.window == 1
        begin = 0

        def fill():
            nonlocal begin
            if timed:
                begin = time.perf_counter_ns()
            send, kind = client.transport.send, self.kind
            while self.sent < count and self.sent - self.received < options.window and client.writable:
                send(kind, messages[self.sent % len(messages)])
                self.sent += 1

        def on_frame(frame):
            if timed:
                self.measurement.latencies.append(time.perf_counter_ns() - begin)
            if len(messages) == 1:
                self.check(frame)
            elif frame.get_payload_as_bytes() != messages[self.received % len(messages)]:
                fail("a message came back changed")
            self.received += 1
            if self.received == count:
                self.finish(count)

        client.on_frame, client.on_batch, client.on_writable = on_frame, fill, fill
        self.measurement.begin()
        fill()

    async def connect(self):
        left = self.options.count

        async def work():
            nonlocal left
            while left > 0:
                left -= 1
                client = await self.open()
                client.closing = True
                client.transport.send_close()
                await client.transport.wait_disconnected()

        self.measurement.begin()
        await asyncio.gather(*(work() for _ in range(self.options.connections)))
        self.finish(self.options.count)

    async def exchange(self, client):
        answered = asyncio.get_running_loop().create_future()

        def on_frame(frame):
            self.check(frame)
            answered.set_result(None)

        client.on_frame = on_frame
        client.transport.send(self.kind, self.payload)
        await answered

    async def open_all(self, count):
        clients, left = [], count

        async def work():
            nonlocal left
            while left > 0:
                left -= 1
                client = await self.open()
                await self.exchange(client)
                clients.append(client)

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        return clients

    async def idle(self):
        # What the first connections need once is not counted.
        first = await self.open_all(9)
        before = resident_kib()
        self.idle_clients = await self.open_all(self.options.connections)
        if self.idle_clients:
            self.measurement.kib = (resident_kib() - before) / len(self.idle_clients)
        client, begin = first[0], 0

        def round_trip():
            nonlocal begin
            begin = time.perf_counter_ns()
            client.transport.send(self.kind, self.payload)

        def on_frame(frame):
            self.measurement.latencies.append(time.perf_counter_ns() - begin)
            self.check(frame)
            self.received += 1
            if self.received == self.options.count:
                self.finish(self.received)
            round_trip()

        client.on_frame = on_frame
        self.first_clients = first
        self.measurement.begin()
        round_trip()

    async def answer(self):
        self.clients = []

        def answering(client):
            def on_frame(frame):
                self.check(frame)
                client.transport.send(self.kind, frame.get_payload_as_memoryview())
                self.received += 1

            return on_frame

        for _ in range(self.options.connections):
            client = Client()
            client.on_frame = answering(client)
            self.clients.append(await self.open(client))
        # Until all of them run evenly.
        await asyncio.sleep(0.5)
        before = self.received
        self.measurement.begin()
        await asyncio.sleep(self.options.seconds)
        self.finish(self.received - before)


async def main():
    parser = argparse.ArgumentParser()
    for name in ("workload", "url"):
        parser.add_argument("--" + name, required=True)
    for name in ("ca", "messages"):
        parser.add_argument("--" + name)
    for name in ("size", "count"):
        parser.add_argument("--" + name, type=int, default=0)
    for name in ("window", "connections", "loops"):
        parser.add_argument("--" + name, type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0)
    for name in ("resume", "deflate"):
        parser.add_argument("--" + name, action="store_true")
    options = parser.parse_args()
    run = getattr(Run(options), options.workload, None)
    if run is None or options.resume or options.deflate:
        os._exit(77)
    await run()
    await asyncio.sleep(3600)


uvloop.run(main())

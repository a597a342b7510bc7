"""Frames and permessage-deflate (RFC 6455, RFC 7692), with the decoder and the encoder of `websockets`."""
import random
import struct

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

WORDS = "price volume open high low close {\"socketType\": \"mapData\", \"id\": 12345} Grüße 世界 😀".split()
TEXT = " ".join(random.Random(0).choices(WORDS, k=30_000))
FEW_VALUES = bytes(value & 3 for value in range(256))


class Setup:
    """What both sides have agreed on, and our options."""

    def __init__(self, rng):
        self.we_serve = rng.random() < 0.5
        self.compresses = rng.random() < 0.8
        self.server_no_takeover = rng.random() < 0.3
        self.client_no_takeover = rng.random() < 0.3
        # 0: not limited. A window of 8 bits is one that zlib cannot compress into: what we send is then not compressed.
        self.server_bits = rng.choice([0] + list(range(9, 16)))
        self.client_bits = rng.choice([0] + list(range(9, 16)))
        if rng.random() < 0.05:
            if self.we_serve:
                self.server_bits = 8
            else:
                self.client_bits = 8
        self.level = rng.randint(1, 9)
        self.memory_level = rng.randint(1, 9)
        self.window_bits = rng.randint(9, 15)
        self.takeover = rng.random() < 0.8

    def __str__(self):
        return str(vars(self))

    def encoded(self):
        return bytes([
            self.we_serve, self.compresses, self.server_no_takeover, self.client_no_takeover, self.server_bits,
            self.client_bits, self.level, self.memory_level, self.window_bits, self.takeover])

    def extensions(self):
        """Their side of the compression."""
        if not self.compresses:
            return []
        server = (self.server_no_takeover, self.server_bits or 15)
        client = (self.client_no_takeover, self.client_bits or 15)
        remote, local = (server, client) if self.we_serve else (client, server)
        # It makes its compressor at once, also where it is not used: for a window of 8 bits that is not possible.
        return [PerMessageDeflate(remote[0], local[0], remote[1], local[1], {"memLevel": self.memory_level})]


def payload(rng, is_text):
    size = rng.choice([0, 1, rng.randint(2, 125), rng.randint(126, 1000), rng.randint(126, 1000)])
    if rng.random() < 0.02:
        size = rng.choice([125, 126, 127, 65535, 65536, rng.randint(1000, 100_000)])
    if is_text:
        start = rng.randrange(len(TEXT) - size)
        return TEXT[start : start + size].encode()
    data = rng.randbytes(size)
    # Half of them can be compressed.
    return data if rng.random() < 0.5 else data.translate(FEW_VALUES)


def sequence(rng, count):
    """A valid sequence of frames: (opcode, FIN, whether to compress the message, payload), with `count` messages."""
    frames = []
    for _ in range(count):
        is_text = rng.random() < 0.5
        whole = payload(rng, is_text)
        compressed = rng.random() < 0.7
        cuts = [0] + sorted(rng.randint(0, len(whole)) for _ in range(rng.choice([0, 0, 0, 1, 3]))) + [len(whole)]
        for index, (start, end) in enumerate(zip(cuts, cuts[1:])):
            opcode = Opcode.CONT if index else Opcode.TEXT if is_text else Opcode.BINARY
            frames.append((opcode, end == len(whole) and index == len(cuts) - 2, compressed, whole[start:end]))
            if rng.random() < 0.2:
                control = rng.choice([Opcode.PING, Opcode.PONG])
                frames.append((control, True, False, rng.randbytes(rng.choice([0, 4, 125]))))
    if rng.random() < 0.3:
        reason = "bye 世界"[: rng.randint(0, 6)].encode()
        body = rng.choice([b"", struct.pack(">H", rng.choice([1000, 1012, 3000, 4999])) + reason])
        frames.append((Opcode.CLOSE, True, False, body))
    return frames


def expected(frames):
    """Whole messages, control frames and the close frame, each in its order."""
    return assembled((opcode, fin, data) for opcode, fin, _, data in frames)


def assembled(frames):
    result = {"messages": [], "pings": [], "pongs": [], "close": None}
    message = None
    for opcode, fin, data in frames:
        if opcode == Opcode.PING:
            result["pings"].append(data)
        elif opcode == Opcode.PONG:
            result["pongs"].append(data)
        elif opcode == Opcode.CLOSE:
            result["close"] = data
        else:
            message = (opcode, data) if message is None else (message[0], message[1] + data)
            if fin:
                result["messages"].append((int(message[0]), message[1]))
                message = None
    return result


def read_by_them(setup, wire):
    protocol = Protocol(Side.CLIENT if setup.we_serve else Side.SERVER, state=State.OPEN, max_size=None)
    protocol.extensions = setup.extensions()
    protocol.receive_data(wire)
    result = assembled((frame.opcode, frame.fin, bytes(frame.data)) for frame in protocol.events_received())
    if protocol.parser_exc is not None and result["close"] is None:
        result["broken"] = repr(protocol.parser_exc)
    return result


def written_by_them(setup, frames):
    extensions = setup.extensions()
    wire = b""
    for opcode, fin, compressed, data in frames:
        # Its extension has no way to leave a message as it is; whole connections without compression do that.
        wire += Frame(opcode, data, fin).serialize(mask=setup.we_serve, extensions=extensions)
    return wire


def written_by_us(ours, setup, frames):
    question = b"E" + setup.encoded()
    for opcode, fin, compressed, data in frames:
        question += struct.pack("<BBBI", opcode, fin, compressed, len(data)) + data
    return ours.ask(question)


def read_by_us(ours, setup, wire, cut):
    answer = ours.ask(b"D" + setup.encoded() + bytes([cut]) + wire)
    result = {"messages": [], "pings": [], "pongs": [], "close": None}
    while answer:
        kind, size = struct.unpack_from("<BI", answer)
        data, answer = answer[5 : 5 + size], answer[5 + size :]
        if kind in (1, 2):
            result["messages"].append((kind, data))
        elif kind == 9:
            result["pings"].append(data)
        elif kind == 10:
            result["pongs"].append(data)
        elif kind == 8:
            result["close"] = data
        else:
            result["broken"] = data[2:].decode()
    return result


def compare(ours, rng, count, outcomes):
    found = []
    left = count
    while left > 0:
        setup = Setup(rng)
        size = min(left, rng.randint(1, 60))
        left -= size
        for direction in ("we write, they read", "they write, we read"):
            frames = sequence(rng, size)
            if direction == "we write, they read":
                # Their side would have to make a compressor for itself too, which is not needed here.
                received = read_by_them(setup, written_by_us(ours, setup, frames))
            else:
                peer_bits = setup.client_bits if setup.we_serve else setup.server_bits
                if setup.compresses and peer_bits == 8:
                    continue
                received = read_by_us(ours, setup, written_by_them(setup, frames), rng.randint(0, 255))
            outcomes[f"messages, {direction}"] += size
            outcomes[f"frames, {direction}"] += len(frames)
            if received != expected(frames):
                found.append(f"{direction}: {setup}: sent {expected(frames)}, received {received}"[:2000])
    return found

"""The server and what it needs: a certificate of a throw-away authority, and messages of JSON."""

import json
import os
import pathlib
import random
import subprocess
import tempfile

import competitors

MESSAGE_COUNT = 256
MESSAGE_SIZE = 1024


def make_messages(path):
    """Messages as services send them, always the same: numbers, and text that compresses to a third or so."""
    source = random.Random(6455)
    words = "price volume bid ask open close trade market order update status pending filled symbol quote level".split()
    with open(path, "w") as file:
        for index in range(MESSAGE_COUNT):
            values = [round(source.uniform(-1000, 1000), 2) for _ in range(60)]
            message = {"socketType": "mapData", "id": index, "values": values, "comment": ""}
            room = MESSAGE_SIZE - len(json.dumps(message, separators=(",", ":")))
            comment = " ".join(source.choice(words) for _ in range(room // 3))[:room]
            message["comment"] = comment
            line = json.dumps(message, separators=(",", ":"))
            assert len(line) == MESSAGE_SIZE
            file.write(line + "\n")


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_certificate(folder):
    openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key")
    openssl(folder, "req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=benchmark authority", "-days", "30",
            "-addext", "keyUsage=critical,keyCertSign", "-out", "ca.pem")
    openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "server.key")
    openssl(folder, "req", "-new", "-key", "server.key", "-subj", "/CN=localhost", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "30", "-extfile", "names", "-out", "server.pem")


class Server:
    """Runs while the `with` block does."""

    def __init__(self, prefix):
        self.prefix = prefix

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="bench-")
        folder = pathlib.Path(self.temporary.name)
        make_certificate(folder)
        self.ca, self.messages = folder / "ca.pem", folder / "messages"
        make_messages(self.messages)
        command = [*self.prefix, competitors.SERVER, "--certificate", folder / "server.pem", "--key",
                   folder / "server.key", "--messages", self.messages]
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ports = json.loads(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.temporary.cleanup()

    def url(self, scheme, path):
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}{path}"

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

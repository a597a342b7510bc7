"""Heads of responses and requests (RFC 9112), with the parsers of `http.client` and `h11`."""
import http.client
import io
import json
import re

import h11

# What our parser refuses and another one takes: the broken rule, why, and what then has to stand in the bytes.
STRICTER = {
    "notHTTP": ("another protocol than HTTP", rb""),
    "statusLine": ("a status line without a status, or with control characters (RFC 9112 section 4)", rb""),
    "version": ("a version other than HTTP/1.x (RFC 9112 section 2.3)", rb"HTTP/(?!1\.[0-9] )"),
    "status": ("a status that is no number from 100 to 599 (RFC 9110 section 15)", rb"HTTP/1\.[0-9] (?![1-5][0-9]{2}( |\r?\n))"),
    "requestLine": ("a request line that is none (RFC 9112 section 3)", rb""),
    "lineEnding": ("a line of a request that ends with LF alone (RFC 9112 section 2.2 lets the recipient choose)", rb"(?<!\r)\n"),
    "foldedLine": ("a folded line (RFC 9112 section 5.2)", rb"\n[ \t]"),
    "noColon": ("a header line without a colon (RFC 9112 section 5)", rb"\n[^:\n]+\n"),
    "blankBeforeColon": ("a blank in front of the colon (RFC 9112 section 5.1)", rb"[ \t]:"),
    "fieldName": ("a header's name that is no token (RFC 9110 section 5.1)", rb"\n[^:\n]*[^!#$%&'*+.^_`|~0-9A-Za-z:\n-][^:\n]*:|\n:"),
    "controlCharacter": ("a control character in a value (RFC 9110 section 5.5)", rb"[\x00-\x08\x0b-\x1f\x7f]"),
    "contentLength": ("a length that is none (RFC 9112 section 6.3)", rb"(?i)content-length:"),
    "switchInHTTP10": ("101 in HTTP/1.0 (RFC 9110 section 7.8)", rb"HTTP/1\.0 101"),
}
# A request's rejection is known by its text.
REQUEST_RULES = {
    "It is not HTTP": "notHTTP", "The request line is malformed": "requestLine", "A line of the head": "lineEnding",
    "A header line begins with a blank": "foldedLine", "A header line has no colon": "noColon",
    "A header line has a blank": "blankBeforeColon", "A header line does not begin": "fieldName",
    "The value of header": "controlCharacter",
}
INTERIM = rb"HTTP/1\.[0-9] 1(?!01)[0-9]{2}"

RESPONSES = [
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n\x01\x02hi",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 101 Yes\r\nA: b\r\n\r\n",
    b"HTTP/1.1 403 Forbidden\nServer: s\nContent-Length: 10\n\nthe reason",
    b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nthe \r\n0\r\n\r\n",
    b"HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nX-Latin: gr\xfc\xdfe \r\n\r\nuntil the end",
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After:\t120  \r\nEmpty:\r\nContent-Length: 3, 3\r\n\r\nno.",
    b"HTTP/1.1 404\r\n\r\n", b"HTTP/1.1 204 \r\nVia: p, q\r\n\r\n",
]
REQUESTS = [
    b"GET /chat?x=1 HTTP/1.1\r\nHost: server.example.com:8080\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n\x81\x80",
    b"GET / HTTP/1.1\r\nHost: h\r\nOrigin: https://example.com\r\nCookie: a=b; c=\"d\"\r\nX:\t gr\xfc\xdfe \t\r\n\r\n",
    b"POST /x HTTP/1.1\r\nhost:h\r\nContent-Length: 3\r\n\r\nabc", b"GET * HTTP/1.0\r\nA:\r\n\r\n",
]
FRAGMENTS = [
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b" ", b"\t", b":", b";", b",", b"\0", b"\x7f", b"HTTP/1.1 ", b"101", b"100 ", b"204",
    b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"ffffffff", b"0", b"-1", b"99999999999999999999", b"\r\n ", b"\xe9",
    b"\x85", b"\xa0", b"HTTP/1.0 ", b"Host: ", b"#", b"*", b"GET ", b"HTTP/2.0", b"\x0b", b"\x1c", b"Name : value\r\n",
]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(0, 3)):
        start = rng.randint(0, len(data))
        end = min(len(data), start + rng.randint(0, 8))
        kind = rng.randrange(6)
        if kind == 0:
            del data[start:end]
        elif kind == 1:
            at = rng.randint(0, len(data))
            data[at:at] = data[start:end]
        elif kind == 2:
            data[start:end] = rng.randbytes(end - start)
        elif kind == 3 and start < len(data):
            data[start] ^= 1 << rng.randrange(8)
        elif kind == 4 and rng.random() < 0.3:
            del data[start:]
        else:
            data[start:start] = rng.choice(FRAGMENTS)
    return bytes(data)


class Socket:
    def __init__(self, data):
        self.file = io.BytesIO(data)

    def makefile(self, mode):
        return self.file


def by_http_client(data):
    try:
        response = http.client.HTTPResponse(Socket(data), method="GET")
        response.begin()
    except (http.client.HTTPException, ValueError) as error:
        return {"outcome": "violation", "rule": repr(error)}
    headers = [[name, value.encode("latin-1", "surrogateescape")] for name, value in response.headers.items()]
    return {"outcome": "head", "status": response.status, "reason": response.reason, "headers": headers}


def by_h11(data, is_response):
    connection = h11.Connection(h11.CLIENT if is_response else h11.SERVER)
    if is_response:
        connection.send(h11.Request(
            method="GET", target="/", headers=[("Host", "h"), ("Upgrade", "websocket"), ("Connection", "Upgrade")]))
        connection.send(h11.EndOfMessage())
    try:
        connection.receive_data(data)
        while True:
            event = connection.next_event()
            # Without a byte there was nothing but the end.
            if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return {"outcome": "incomplete"}
            if isinstance(event, h11.InformationalResponse) and event.status_code != 101:
                continue
            break
    except h11.RemoteProtocolError as error:
        return {"outcome": "violation", "rule": str(error)}
    headers = [[name.decode("latin-1"), value] for name, value in event.headers.raw_items()]
    if is_response:
        return {
            "outcome": "head", "status": event.status_code, "reason": event.reason.decode("latin-1"), "headers": headers}
    return {
        "outcome": "head", "method": event.method.decode("latin-1"), "target": event.target.decode("latin-1"),
        "headers": headers}


def by_us(ours, data, is_response):
    answer = json.loads(ours.ask((b"R" if is_response else b"Q") + data))
    answer["headers"] = [[name, bytes.fromhex(value)] for name, value in answer.get("headers", [])]
    rule = answer.get("rule")
    if rule is not None and not is_response:
        answer["rule"] = next((name for text, name in REQUEST_RULES.items() if rule.startswith(text)), rule)
    return answer


def same(ours, theirs):
    if ours["outcome"] != theirs["outcome"]:
        return False
    if ours["outcome"] != "head":
        return True
    keys = ("status", "reason", "method", "target")

    def plain(headers):
        return [(name.lower(), bytes(value).strip(b" \t")) for name, value in headers]

    return all(ours.get(key) == theirs.get(key) for key in keys) and plain(ours["headers"]) == plain(theirs["headers"])


def reason(parser, data, is_response, ours, theirs):
    """Why the two may differ here; `None` when there is no reason."""
    outcome = (ours["outcome"], theirs["outcome"])
    # Where the other parser was content with less or has not come as far, what ours found broken has to be there.
    if ours["outcome"] == "violation" and outcome != ("violation", "violation"):
        text, evidence = STRICTER.get(ours["rule"], (None, None))
        return f"ours refuses {text}" if text is not None and re.search(evidence, data) else None
    complete = len(re.findall(rb"\n\r?\n", data)) > len(re.findall(INTERIM, data))
    if parser == "http.client":
        if ours["outcome"] == "incomplete" and not complete:
            return "http.client takes the end of the stream for the end of a head"
        if re.search(INTERIM.replace(b"(?!01)", b"(?!01|00)"), data):
            return "http.client takes an interim response other than 100 for the answer"
        if outcome == ("head", "head") and same(ours | {"reason": ours["reason"].strip()}, theirs):
            return "http.client takes the blanks around a reason phrase off"
        if b"\x85" in data:
            return "http.client ends a line at the byte 0x85, through str.splitlines"
    else:
        lengths = re.findall(rb"(?i)content-length:([^\r\n]*)", data)
        if lengths and (outcome == ("head", "violation") or len(lengths) > 1 or b"," in lengths[0]):
            return "h11 checks Content-Length in the head and makes one of several; ours with the body, or in the offer"
        if re.search(rb"(?i)transfer-encoding:", data):
            return "h11 takes no transfer coding but chunked; ours reads an error's body until its end"
        if not is_response and outcome == ("head", "violation") and "Host" in theirs["rule"]:
            return "h11 checks Host in the head; ours in the offer that is made of it"
        if not is_response and data.startswith((b"\r\n", b"\n")):
            return "ours skips an empty line in front of a request (RFC 9112 section 2.2)"
        if ours["outcome"] == "incomplete" and theirs["outcome"] == "violation" and not complete:
            return "h11 refuses what cannot become a head some bytes earlier"
    return None


def compare(ours, rng, count, outcomes):
    found = []
    for number in range(count):
        is_response = number % 2 == 0
        data = mutate(rng, rng.choice(RESPONSES if is_response else REQUESTS))
        answer = by_us(ours, data, is_response)
        others = {"h11": by_h11(data, is_response)}
        if is_response:
            others["http.client"] = by_http_client(data)
        for parser, theirs in others.items():
            kind = "response" if is_response else "request"
            if same(answer, theirs):
                outcomes[f"{kind}, the same as {parser}: {answer['outcome']}"] += 1
                continue
            why = reason(parser, data, is_response, answer, theirs)
            if why is None:
                found.append(f"{kind} {data}: ours {answer}, {parser} {theirs}")
            else:
                outcomes[f"{kind}, intended: {why}"] += 1
    return found

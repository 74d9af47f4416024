"""Requests as bytes, and what a server must make of them: RFC 9110 and 9112, by kinds h11 and llhttp test.

A case is what is sent, and the status that refuses it or the requests that a server must see in it, each as
``METHOD path bytes-of-body``. Where the RFC leaves a choice, ours is here.
"""

from __future__ import annotations

Case = tuple[str, bytes, int | list[str]]

HOST = b"Host: x\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
INNER = b"GET /inner HTTP/1.1\r\n" + HOST + b"\r\n"


def sized(body: bytes, *more: bytes) -> bytes:
    return POST + b"".join(more) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunks(text: bytes) -> bytes:
    return CHUNKED + b"\r\n" + text


def with_header(line: bytes) -> bytes:
    return GET + line + b"\r\n\r\n"


def with_length(value: bytes) -> bytes:
    return POST + b"Content-Length:" + value + b"\r\n\r\nhello"


def with_coding(value: bytes) -> bytes:
    return POST + b"Transfer-Encoding:" + value + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


REQUEST_LINES: list[Case] = [
    ("plain", GET + b"\r\n", ["GET / 0"]),
    ("query", b"GET /a?b=c&d HTTP/1.1\r\n" + HOST + b"\r\n", ["GET /a 0"]),
    ("percent", b"GET /%41 HTTP/1.1\r\n" + HOST + b"\r\n", ["GET /A 0"]),
    ("empty lines before", b"\r\n\r\n" + GET + b"\r\n", ["GET / 0"]),
    ("OPTIONS *", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", ["OPTIONS * 0"]),
    ("absolute form", b"GET http://x/a HTTP/1.1\r\n" + HOST + b"\r\n", ["GET /a 0"]),
    ("absolute form without a path", b"GET http://x HTTP/1.1\r\n" + HOST + b"\r\n", ["GET / 0"]),
    ("two spaces", b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", ["GET / 0"]),
    ("method in lower case", b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("unknown method", b"FROB / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("method with a NUL", b"GE\0T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("no target", b"GET HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("target without a slash", b"GET a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("GET *", b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("tabs for spaces", b"GET\t/\tHTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("space in the target", b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("space at the end", b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
    ("space before", b" GET / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("NUL in the target", b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("control character in the target", b"GET /\x1b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("target that is not ASCII", b"GET /\xe9 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("bare CR in the target", b"GET /\r HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("CONNECT", b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"\r\n" + INNER, 501),
    ("HTTP/0.9", b"GET /\r\n\r\n", 505),
    ("HTTP/0.9 with a version", b"GET / HTTP/0.9\r\n" + HOST + b"\r\n", 505),
    ("HTTP/1.2", b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 400),
    ("HTTP/2.0", b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    ("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("HTTP/1.10", b"GET / HTTP/1.10\r\n" + HOST + b"\r\n", 400),
    ("HTTP/01.1", b"GET / HTTP/01.1\r\n" + HOST + b"\r\n", 400),
    ("http/1.1", b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
    ("ICE/1.0", b"GET / ICE/1.0\r\n" + HOST + b"\r\n", 400),
    ("HTTPS/1.1", b"GET / HTTPS/1.1\r\n" + HOST + b"\r\n", 400),
    ("TLS", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 400),
    ("an answer", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 400),
    ("bare LF", b"GET / HTTP/1.1\nHost: x\n\n", 400),
]

HEADERS: list[Case] = [
    ("no space after the colon", with_header(b"A:b"), ["GET / 0"]),
    ("spaces around the value", with_header(b"A: \t b \t "), ["GET / 0"]),
    ("empty value", with_header(b"A:"), ["GET / 0"]),
    ("every character of a token", with_header(b"!#$%&'*+-.^_`|~09azAZ: b"), ["GET / 0"]),
    ("latin-1 in a value", with_header(b"A: \xe9"), ["GET / 0"]),
    ("tab in a value", with_header(b"A: b\tc"), ["GET / 0"]),
    ("comma and quotes", with_header(b'A: "b, c";d=e'), ["GET / 0"]),
    ("same name twice", with_header(b"A: b\r\nA: c"), ["GET / 0"]),
    ("name in capitals", GET.replace(b"Host", b"HOST") + b"\r\n", ["GET / 0"]),
    ("no colon", with_header(b"A"), 400),
    ("empty name", with_header(b": b"), 400),
    ("space before the colon", with_header(b"A : b"), 400),
    ("tab before the colon", with_header(b"A\t: b"), 400),
    ("space in a name", with_header(b"A b: c"), 400),
    ("space before the name", with_header(b"A: b\r\n C: d"), 400),
    ("folded by a tab", with_header(b"A: b\r\n\tc"), 400),
    ("first header folded", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    ("parenthesis in a name", with_header(b"A(b): c"), 400),
    ("NUL in a name", with_header(b"A\0: b"), 400),
    ("latin-1 in a name", with_header(b"\xe9: b"), 400),
    ("NUL in a value", with_header(b"A: b\0c"), 400),
    ("control character in a value", with_header(b"A: b\x01c"), 400),
    ("DEL in a value", with_header(b"A: b\x7fc"), 400),
    ("bare CR in a value", with_header(b"A: b\rc"), 400),
    ("bare LF after a value", with_header(b"A: b\nC: d"), 400),
    ("bare CR for a line end", GET + b"A: b\rC: d\r\n\r\n", 400),
    ("LF for the empty line", GET + b"\n", 400),
    ("no Host", b"GET / HTTP/1.1\r\n\r\n", 400),
    ("two Hosts", with_header(b"Host: x"), 400),
    ("two Hosts, one foreign", with_header(b"Host: evil"), 400),
    ("two tokens", with_header(b"Authorization: Bearer a\r\nAuthorization: Bearer b"), 400),
    ("two types", sized(b"{}", b"Content-Type: text/plain\r\nContent-Type: image/png\r\n"), 400),
    ("too many", GET + b"A: b\r\n" * 20_000 + b"\r\n", 431),
    ("too long a value", with_header(b"A: " + b"b" * 70_000), 431),
    ("too long a name", with_header(b"A" * 70_000 + b": b"), 431),
    ("too long a target", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431),
]

LENGTHS: list[Case] = [
    ("plain", sized(b"hello"), ["POST / 5"]),
    ("zero", sized(b""), ["POST / 0"]),
    ("none", POST + b"\r\n", ["POST / 0"]),
    ("a body of GET", GET + b"Content-Length: 5\r\n\r\nhello", ["GET / 5"]),
    ("a body that is a request", sized(INNER), [f"POST / {len(INNER)}"]),
    ("zeros before", with_length(b" 0005"), ["POST / 5"]),
    ("spaces around", with_length(b"  5  "), ["POST / 5"]),
    ("empty", with_length(b""), 400),
    ("plus", with_length(b" +5"), 400),
    ("minus", with_length(b" -5"), 400),
    ("hex", with_length(b" 0x5"), 400),
    ("decimals", with_length(b" 5.0"), 400),
    ("exponent", with_length(b" 5e0"), 400),
    ("underscore", with_length(b" 0_5"), 400),
    ("two numbers", with_length(b" 5 5"), 400),
    ("a list", with_length(b" 5, 5"), 400),
    ("letters after", with_length(b" 5x"), 400),
    ("vertical tab", with_length(b" \x0b5"), 400),
    ("Arabic digits", with_length(" \u0665".encode()), 400),
    ("larger than 64 bits", with_length(b" 99999999999999999999"), 400),
    ("twice the same", with_length(b" 5\r\nContent-Length: 5"), 400),
    ("twice", with_length(b" 5\r\nContent-Length: 0"), 400),
    ("beside chunked", POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("after chunked", CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n", 400),
    ("name with an underscore", POST + b"Content_Length: 5\r\n\r\n", ["POST / 0"]),
]

CODINGS: list[Case] = [
    ("plain", with_coding(b" chunked"), ["POST / 5"]),
    ("capitals", with_coding(b" CHUNKED"), ["POST / 5"]),
    ("spaces around", with_coding(b" \t chunked  "), ["POST / 5"]),
    (
        "a body that is a request",
        chunks(b"%x\r\n%b\r\n0\r\n\r\n" % (len(INNER), INNER)),
        [f"POST / {len(INNER)}"],
    ),
    ("unknown", with_coding(b" frob"), 501),
    ("gzip", with_coding(b" gzip"), 501),
    ("gzip, chunked", with_coding(b" gzip, chunked"), 501),
    ("chunked, gzip", with_coding(b" chunked, gzip"), 400),
    ("chunked, identity", with_coding(b" chunked, identity"), 400),
    ("identity", with_coding(b" identity"), 501),
    ("twice in a list", with_coding(b" chunked, chunked"), 400),
    ("twice", with_coding(b" chunked\r\nTransfer-Encoding: chunked"), 400),
    ("gzip, then chunked", with_coding(b" gzip\r\nTransfer-Encoding: chunked"), 501),
    ("chunked, then identity", with_coding(b" chunked\r\nTransfer-Encoding: identity"), 400),
    ("empty", with_coding(b""), 400),
    ("a comma after", with_coding(b" chunked,"), 400),
    ("a parameter", with_coding(b" chunked;a=b"), 501),
    ("quoted", with_coding(b' "chunked"'), 501),
    ("letters before", with_coding(b" xchunked"), 501),
    ("letters after", with_coding(b" chunkedx"), 501),
    ("vertical tab", with_coding(b" \x0bchunked"), 400),
    ("NUL", with_coding(b" chunked\0"), 400),
    ("folded", with_coding(b"\r\n chunked"), 400),
    ("space before the colon", POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("HTTP/1.0", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
]

CHUNKS: list[Case] = [
    ("two", chunks(b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"), ["POST / 5"]),
    ("none", chunks(b"0\r\n\r\n"), ["POST / 0"]),
    ("hex", chunks(b"1F\r\n" + b"a" * 31 + b"\r\n0\r\n\r\n"), ["POST / 31"]),
    ("zeros before", chunks(b"0005\r\nhello\r\n000\r\n\r\n"), ["POST / 5"]),
    ("extension", chunks(b"5;a=b\r\nhello\r\n0;c\r\n\r\n"), ["POST / 5"]),
    ("quoted extension", chunks(b'5;a="b;c"\r\nhello\r\n0\r\n\r\n'), ["POST / 5"]),
    ("trailer", chunks(b"5\r\nhello\r\n0\r\nA: b\r\n\r\n"), ["POST / 5"]),
    (
        "trailers that would be framing",
        chunks(b"0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\n\r\n"),
        400,
    ),
    ("a trailer that would be a host", chunks(b"0\r\nHost: evil\r\n\r\n"), ["POST / 0"]),
    ("empty size", chunks(b"\r\nhello\r\n0\r\n\r\n"), 400),
    ("0x", chunks(b"0x5\r\nhello\r\n0\r\n\r\n"), 400),
    ("plus", chunks(b"+5\r\nhello\r\n0\r\n\r\n"), 400),
    ("minus", chunks(b"-5\r\nhello\r\n0\r\n\r\n"), 400),
    ("letters", chunks(b"5g\r\nhello\r\n0\r\n\r\n"), 400),
    ("space before", chunks(b" 5\r\nhello\r\n0\r\n\r\n"), 400),
    ("space after", chunks(b"5 \r\nhello\r\n0\r\n\r\n"), 400),
    ("larger than 64 bits", chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"), 400),
    ("shorter than said", chunks(b"6\r\nhello\r\n0\r\n\r\n"), 400),
    ("longer than said", chunks(b"4\r\nhello\r\n0\r\n\r\n"), 400),
    ("no line end after the data", chunks(b"5\r\nhello0\r\n\r\n"), 400),
    ("LF after the size", chunks(b"5\nhello\r\n0\r\n\r\n"), 400),
    ("CR after the size", chunks(b"5\rhello\r\n0\r\n\r\n"), 400),
    ("LF after the data", chunks(b"5\r\nhello\n0\r\n\r\n"), 400),
    ("LF in an extension", chunks(b"5;\nhello\r\n0\r\n\r\n"), 400),
    ("CR in an extension", chunks(b"5;a\rb\r\nhello\r\n0\r\n\r\n"), 400),
    ("NUL in an extension", chunks(b"5;a\0\r\nhello\r\n0\r\n\r\n"), 400),
    ("a trailer without a colon", chunks(b"0\r\nA\r\n\r\n"), 400),
    ("a folded trailer", chunks(b"0\r\nA: b\r\n c\r\n\r\n"), 400),
]

CONNECTIONS: list[Case] = [
    ("pipelined", sized(b"hello") + GET + b"\r\n" + sized(b""), ["POST / 5", "GET / 0", "POST / 0"]),
    ("a line end between", sized(b"hello") + b"\r\n" + GET + b"\r\n", ["POST / 5", "GET / 0"]),
    ("after close", with_header(b"Connection: close") + INNER, ["GET / 0"]),
    ("after HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n" + INNER, ["GET / 0"]),
    ("after it rubbish", GET + b"\r\n\x16\x03\x01", ["GET / 0"]),
    ("after it a header that cannot be read", GET + b"\r\n" + with_header(b"A : b"), ["GET / 0"]),
    ("after HTTP/1.0 with keep-alive", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", ["GET / 0"]),
    ("Expect", sized(b"hello", b"Expect: 100-continue\r\n"), ["POST / 5"]),
    ("TE", with_header(b"TE: trailers\r\nConnection: TE"), ["GET / 0"]),
    ("h2c", sized(INNER, OFFER + b"HTTP2-Settings: AA\r\n"), [f"POST / {len(INNER)}"]),
    ("h2c, chunked", CHUNKED + OFFER + b"\r\n5\r\nhello\r\n0\r\n\r\n", ["POST / 5"]),
    (
        "WebSocket",
        with_header(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"),
        ["GET / 0"],
    ),
    ("Upgrade that Connection does not name", sized(b"hello", b"Upgrade: h2c\r\n"), ["POST / 5"]),
    ("two offers", sized(b"hello", b"Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: x\r\n"), ["POST / 5"]),
    ("an offer and a fault", sized(INNER, b"Connection: upgrade\r\nUpgrade: h2c\r\nHost: y\r\n"), 400),
    (
        "after it rubbish, with an offer",
        POST + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n\x00\x00\x12\x04",
        ["POST / 0"],
    ),
]

CASES: dict[str, list[Case]] = {
    "request line": REQUEST_LINES,
    "header": HEADERS,
    "length": LENGTHS,
    "transfer coding": CODINGS,
    "chunk": CHUNKS,
    "connection": CONNECTIONS,
}

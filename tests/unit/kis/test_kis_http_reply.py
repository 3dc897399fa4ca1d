"""An HTTP answer is read the same however it is cut, as another reader has it, or refused."""

from __future__ import annotations

import http.client
import io
from random import Random

import pytest

from aegis_fast.errors import ProtocolError
from aegis_fast.kis.http_reply import MAX_HEAD_BYTES, ReplyReader

BODY = b'{"rt_cd":"0","output":{"ODNO":"0000000001"}}'
LIMIT = 10_000


def answer(body: bytes = BODY, *fields: str, status: str = "200 OK", version: str = "1.1") -> bytes:
    head = "\r\n".join((f"HTTP/{version} {status}", *fields))
    return f"{head}\r\n\r\n".encode() + body


def sized(*fields: str, **how: str) -> bytes:
    return answer(BODY, f"Content-Length: {len(BODY)}", *fields, **how)


def chunked(*sizes: int, extension: str = "", trailer: str = "") -> bytes:
    parts, rest = [], BODY
    for size in sizes:
        part, rest = rest[:size], rest[size:]
        parts.append(f"{len(part):X}{extension}\r\n".encode() + part + b"\r\n")
    parts.append(f"{len(rest):x}\r\n".encode() + rest + b"\r\n" if rest else b"")
    parts.append(f"0\r\n{trailer}\r\n".encode())
    return answer(b"".join(parts), "Transfer-Encoding: chunked")


WHOLE = {
    "length": sized(),
    "length, other headers": sized("tr_cont: M", "Date: x", "X-Empty:", "Connection: keep-alive"),
    "no reason": sized(status="500 "),
    "no space": sized(status="200"),
    "close": sized("Connection: Close"),
    "1.0": sized(version="1.0"),
    "1.0 kept": sized("connection: Keep-Alive", version="1.0"),
    "chunks": chunked(1, 7, 20),
    "chunk extension": chunked(5, extension=";a=b"),
    "trailer": chunked(5, trailer="X-Sum: 1\r\nX-More: 2\r\n"),
    "interim": b"HTTP/1.1 100 Continue\r\n\r\n" + sized(),
    "two interim": b"HTTP/1.1 102 P\r\nA: b\r\n\r\nHTTP/1.1 103 H\r\n\r\n" + sized(),
    "no content": answer(b"", status="204 No Content"),
    "empty": answer(b"", "Content-Length: 0"),
}


class Wire(io.BytesIO):
    def makefile(self, *_: object, **__: object) -> Wire:
        return self


def twin(raw: bytes) -> tuple[int, bytes, str]:
    # It knows one interim answer only, 100.
    final = max(0, raw.find(b"HTTP/1.1 200"))
    response = http.client.HTTPResponse(Wire(raw[final:]))  # type: ignore[arg-type]
    response.begin()
    return response.status, response.read(), response.getheader("tr_cont") or ""


def read(raw: bytes, *cuts: int) -> ReplyReader:
    reader, start = ReplyReader(LIMIT), 0
    for cut in (*cuts, len(raw)):
        assert not (is_whole := reader.feed(raw[start:cut])) or cut == len(raw)
        start = cut
    assert is_whole
    return reader


@pytest.mark.parametrize("raw", WHOLE.values(), ids=WHOLE)
def test_answer_cut_anywhere_is_read_as_the_standard_library_reads_it(raw: bytes) -> None:
    expected = twin(raw)
    rng = Random(3)
    for _ in range(60):
        cuts = sorted(rng.sample(range(1, len(raw)), rng.randrange(min(6, len(raw) - 1))))
        reader = read(raw, *cuts)
        assert (reader.status, reader.body, reader.header(b"tr_cont")) == expected
    bytewise = read(raw, *range(1, len(raw)))
    assert (bytewise.status, bytewise.body) == expected[:2]


@pytest.mark.parametrize("raw", WHOLE.values(), ids=WHOLE)
def test_answer_that_ends_early_is_never_whole(raw: bytes) -> None:
    for end in range(len(raw)):
        reader = ReplyReader(LIMIT)
        assert not reader.feed(raw[:end])
        assert not reader.end()


@pytest.mark.parametrize(
    ("raw", "is_reusable"),
    [
        (sized(), True),
        (sized("Connection: keep-alive, Upgrade"), True),
        (sized("Connection: upgrade, CLOSE"), False),
        (sized(version="1.0"), False),
        (sized("Connection: keep-alive", version="1.0"), True),
        (chunked(3), True),
        (sized() + b"H", False),
        (chunked(3) + b"\r\n", False),
    ],
)
def test_connection_serves_on_only_where_nothing_speaks_against_it(
    raw: bytes, is_reusable: bool
) -> None:
    reader = ReplyReader(LIMIT)
    assert reader.feed(raw)
    assert reader.is_reusable is is_reusable


def test_answer_without_a_length_ends_with_its_connection() -> None:
    reader = ReplyReader(LIMIT)
    assert not reader.feed(answer())
    assert reader.end()
    assert (reader.status, reader.body, reader.is_reusable) == (200, BODY, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"0|H0STCNT0|001|\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        sized("Bad Name: x"),
        sized("Name : x"),
        sized(" folded: x"),
        sized("NoColon"),
        sized(": nameless"),
        sized("A: b\x00c"),
        sized("A: b\nc: d"),
        sized("Content-Length: 44"),
        answer(BODY, "Content-Length: 44", "Transfer-Encoding: chunked"),
        answer(BODY, "Transfer-Encoding: gzip, chunked"),
        answer(BODY, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        answer(BODY, "Content-Length: -1"),
        answer(BODY, "Content-Length: +44"),
        answer(BODY, "Content-Length: 4 4"),
        answer(BODY, "Content-Length: 0x2c"),
        answer(BODY, "Content-Length: 44, 44"),
        answer(BODY, "Content-Length:"),
        answer(BODY, "Content-Length: 10001"),
        sized("Content-Encoding: gzip"),
        answer(b"5\r\nabcdefg\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        answer(b"-5\r\nabcde\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        answer(b"\r\nabcde\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        answer(b"2711\r\n", "Transfer-Encoding: chunked"),
        answer(b"FFFFFFFFFFFFFFFFF\r\n", "Transfer-Encoding: chunked"),
        answer(b"x" * 10_001),
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * MAX_HEAD_BYTES,
    ],
)
def test_what_is_no_sure_answer_is_refused(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        ReplyReader(LIMIT).feed(raw)


def test_chunks_together_are_bounded() -> None:
    reader = ReplyReader(LIMIT)
    reader.feed(answer(b"", "Transfer-Encoding: chunked"))
    piece = b"3e8\r\n" + b"x" * 1_000 + b"\r\n"
    for _ in range(10):
        reader.feed(piece)
    with pytest.raises(ProtocolError, match="too large"):
        reader.feed(piece)


def test_noise_is_never_taken_for_an_answer_and_ends_in_nothing_else() -> None:
    rng = Random(8)
    for _ in range(3_000):
        raw = bytearray(rng.choice(list(WHOLE.values())))
        for _ in range(rng.randrange(1, 4)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        reader = ReplyReader(LIMIT)
        try:
            is_whole = reader.feed(bytes(raw)) or reader.end()
        except ProtocolError:
            continue
        assert not is_whole or 200 <= reader.status <= 999

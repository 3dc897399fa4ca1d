"""permessage-deflate as RFC 7692 says."""

from __future__ import annotations

import zlib

import pytest

from aegis_fast.sim.deflate import Deflater, SharedDeflater, negotiate, ws_frame


def inflated(frame: bytes, inflater: zlib._Decompress) -> bytes:
    """Return the text of a compressed frame, read as section 7.2.2 says."""
    assert frame[0] == 0xC1
    start = {126: 4, 127: 10}.get(frame[1], 2)
    return inflater.decompress(frame[start:] + b"\x00\x00\xff\xff")


TEXTS = [b"", b"x", b"0|H0STCNT0|001|" + b"70000^" * 50, b"\xea\xb0\x80" * 30_000]


@pytest.mark.parametrize(
    ("offers", "mode", "answer", "bits"),
    [
        ("permessage-deflate", "off", "", 0),
        ("", "context", "", 0),
        ("permessage-deflate", "context", "permessage-deflate", 12),
        (
            "permessage-deflate; client_max_window_bits",
            "no-context",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            12,
        ),
        (
            "permessage-deflate; server_max_window_bits=10",
            "context",
            "permessage-deflate; server_max_window_bits=10",
            10,
        ),
        ("permessage-deflate; server_no_context_takeover", "context", "", 0),
        (
            "permessage-deflate; server_no_context_takeover, permessage-deflate",
            "context",
            "permessage-deflate",
            12,
        ),
        ("permessage-deflate; server_max_window_bits=8", "context", "", 0),
        ("permessage-deflate; server_max_window_bits=16", "context", "", 0),
        ("permessage-deflate; unknown_thing", "no-context", "", 0),
        ("x-webkit-deflate-frame", "no-context", "", 0),
        ('permessage-deflate; client_max_window_bits="15"', "context", "permessage-deflate", 12),
    ],
)
def test_offer_is_answered(offers: str, mode: str, answer: str, bits: int) -> None:
    assert negotiate(offers, mode) == (answer, bits)


def test_context_is_kept_from_message_to_message() -> None:
    deflater, inflater = Deflater(12), zlib.decompressobj(-12)

    frames = [deflater.frame(ws_frame(text)) for text in TEXTS * 2]

    assert [inflated(frame, inflater) for frame in frames] == TEXTS * 2
    first, again = (deflater.frame(ws_frame(TEXTS[2])) for _ in range(2))
    assert len(again) < len(first)  # The second time it is in the window.


def test_without_context_every_message_stands_alone_and_is_packed_once() -> None:
    deflater = SharedDeflater()
    wires = [ws_frame(text) for text in TEXTS]

    frames = [deflater.frame(wire) for wire in wires]

    for text, frame in zip(TEXTS, frames, strict=True):
        assert inflated(frame, zlib.decompressobj(-9)) == text
    assert deflater.frame(wires[-1]) is frames[-1]


@pytest.mark.parametrize(
    "wire", [b"", b"\x81", b"\x88\x02\x03\xe8", b"\x81\x05abc", b"\x81\x7e\x00", b"0|H0STCNT0|"]
)
def test_what_is_no_text_frame_passes_as_it_is(wire: bytes) -> None:
    assert Deflater(12).frame(wire) == wire
    assert SharedDeflater().frame(wire) == wire

"""The simulator's name server, byte by byte."""

from __future__ import annotations

from random import Random

import pytest

from aegis_fast.sim.faults.names import answer_query, name_of

NAME = b"\x07openapi\x0fkoreainvestment\x03com\x00"


def query(name: bytes = NAME, kind: int = 1, count: int = 1, flags: int = 0x0100) -> bytes:
    head = b"\xab\xcd" + flags.to_bytes(2, "big") + count.to_bytes(2, "big") + bytes(6)
    return head + name + kind.to_bytes(2, "big") + b"\x00\x01"


def test_our_name_gets_its_address() -> None:
    answer = answer_query(query(), "127.0.0.1")

    assert answer is not None
    assert answer[:4] == b"\xab\xcd\x85\x00"
    assert answer[4:12] == b"\x00\x01\x00\x01" + bytes(4)
    assert answer[12:].startswith(NAME + b"\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01")
    assert answer.endswith(b"\x00\x04\x7f\x00\x00\x01")


@pytest.mark.parametrize(("failure", "code"), [("nxdomain", 3), ("servfail", 2), ("", 0)])
def test_failure_is_the_code_of_the_answer(failure: str, code: int) -> None:
    answer = answer_query(query(), "127.0.0.1", failure)

    assert answer is not None
    assert answer[3] & 0x0F == code
    assert answer[7] == (0 if code else 1)


def test_silence_and_nonsense_get_no_answer() -> None:
    assert answer_query(query(), "127.0.0.1", "silence") is None
    for wrong in (b"", b"x" * 11, query(count=2), query(flags=0x8000), query(flags=0x0900)):
        assert answer_query(wrong, "127.0.0.1") is None
    assert answer_query(query() + bytes(600), "127.0.0.1") is None


@pytest.mark.parametrize("name", [b"\x03com\x00", b"\x13notkoreainvestments\x03com\x00", b"\x00"])
def test_other_names_are_refused(name: bytes) -> None:
    answer = answer_query(query(name), "127.0.0.1")

    assert answer is not None
    assert answer[3] & 0x0F == 5
    assert name_of(query(name)) == ""


def test_case_does_not_matter() -> None:
    assert name_of(query(NAME.upper().replace(b"\x0fKOREA", b"\x0fKoReA"))) == (
        "openapi.koreainvestment.com"
    )


def test_random_bytes_never_raise() -> None:
    rng = Random(5)
    for _ in range(5_000):
        raw = bytearray(query())
        for _ in range(rng.randrange(4)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        answer = answer_query(bytes(raw[: rng.randrange(len(raw) + 1)]), "127.0.0.1")
        assert answer is None or answer[2] & 0x80

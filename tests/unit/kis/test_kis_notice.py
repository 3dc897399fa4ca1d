"""Notices decrypt to what was captured, or raise; the customer's name shows up nowhere."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_fast.errors import FrameError, ProtocolError
from aegis_fast.kis.notice import NoticeKeys, NoticeReader, decrypt, encrypt

FRAMES = Path(__file__).parents[2] / "data" / "frames"
KEY, IV = b"abcdefghijklmnopabcdefghijklmnop", b"0123456789abcdef"


def frames(name: str) -> list[bytes]:
    return (FRAMES / name).read_bytes().splitlines()


def payload_of(frame: bytes) -> bytes:
    return frame.split(b"|", 3)[3]


@pytest.mark.parametrize(
    ("sealed", "plain", "line"),
    [("H0STCNI0.txt", "H0STCNI0_decrypted.txt", 0), ("H0STCNI9.txt", "H0STCNI9_decrypted.txt", 1)],
)
def test_p10_golden_frame_decrypts_to_the_captured_text(sealed: str, plain: str, line: int) -> None:
    (frame,) = frames(sealed)

    assert decrypt(payload_of(frame), KEY, IV) == frames(plain)[line]


@given(st.text(min_size=1, max_size=300))
def test_what_is_encrypted_decrypts(text: str) -> None:
    assert decrypt(encrypt(text.encode(), KEY, IV), KEY, IV) == text.encode()


@pytest.mark.parametrize(
    "payload",
    [b"", b"!!!", b"abc", base64.b64encode(b"x" * 15), base64.b64encode(b"x" * 16),
     encrypt(b"\xff\xfe\xff", KEY, IV), encrypt(b"a^b", b"A" * 32, IV)],
    ids=["empty", "no base64", "short", "half block", "bad padding", "no utf-8", "other key"],
)  # fmt: skip
def test_nonsense_payload_raises_and_quotes_nothing(payload: bytes) -> None:
    with pytest.raises(ProtocolError, match="cannot be decrypted"):
        decrypt(payload, KEY, IV)


def test_keys_belong_to_a_tr_and_go_with_the_connection() -> None:
    keys = NoticeKeys()
    keys.store("H0STCNI0", KEY.decode(), IV.decode())

    assert keys.has("H0STCNI0")
    assert keys.decrypt("H0STCNI0", encrypt(b"a^b", KEY, IV)) == b"a^b"
    with pytest.raises(ProtocolError, match="before the answer"):
        keys.decrypt("H0STCNI9", encrypt(b"a^b", KEY, IV))
    keys.forget()
    with pytest.raises(ProtocolError):
        keys.decrypt("H0STCNI0", encrypt(b"a^b", KEY, IV))


def test_p10_key_of_a_second_registration_replaces_the_first() -> None:
    keys = NoticeKeys()
    keys.store("H0STCNI0", KEY.decode(), IV.decode())
    keys.store("H0STCNI0", "Z" * 32, "Y" * 16)

    assert keys.decrypt("H0STCNI0", encrypt(b"new", b"Z" * 32, b"Y" * 16)) == b"new"


@pytest.mark.parametrize(("key", "iv"), [("", ""), ("a" * 31, "b" * 16), ("a" * 32, "b" * 15)])
def test_key_of_the_wrong_length_raises(key: str, iv: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        NoticeKeys().store("H0STCNI0", key, iv)

    assert caught.value.field == "output.key/iv"


def test_keys_show_their_streams_only() -> None:
    keys = NoticeKeys()
    keys.store("H0STCNI0", KEY.decode(), IV.decode())

    assert repr(keys) == "NoticeKeys(H0STCNI0)"


def reader(account: str = "1234567801") -> NoticeReader:
    found = NoticeReader(account)
    for tr_id in ("H0STCNI0", "H0STCNI9"):
        found.keys.store(tr_id, KEY.decode(), IV.decode())
    return found


def test_p11_reader_returns_acceptance_and_fill_as_notices() -> None:
    (accepted,) = reader().read("H0STCNI0", 1, payload_of(frames("H0STCNI0.txt")[0]))
    (filled,) = reader().read("H0STCNI9", 1, payload_of(frames("H0STCNI9.txt")[0]), recv_ns=77)

    assert (accepted.is_fill, accepted.broker_order_id, accepted.symbol) == (
        False, 18_424_200, "004090",
    )  # fmt: skip
    assert (filled.is_fill, filled.fill_qty, filled.price_krw, filled.order_qty) == (
        True, 3, 8_130, 10,
    )  # fmt: skip
    assert filled.recv_ns == 77


def test_p11_every_captured_notice_is_read_at_both_widths() -> None:
    lines = frames("H0STCNI0_decrypted.txt") + frames("H0STCNI9_decrypted.txt")

    found = [reader().read("H0STCNI9", 1, encrypt(line, KEY, IV))[0] for line in lines]

    assert [n.is_fill for n in found] == [False, False, True, False]
    assert [n.order_qty for n in found] == [1, 10, 10, 1]


def test_notices_of_other_accounts_are_counted_and_dropped() -> None:
    line = frames("H0STCNI0_decrypted.txt")[0]
    other = line.replace(b"1234567801", b"9999999901")
    found = reader()

    both = found.read("H0STCNI0", 2, encrypt(line + b"^" + other, KEY, IV))

    assert [n.account for n in both] == ["1234567801"]
    assert found.foreign == 1


def test_decrypted_nonsense_is_a_frame_error_without_its_text() -> None:
    with pytest.raises(FrameError) as caught:
        reader().read("H0STCNI0", 1, encrypt("홍길동^비밀".encode(), KEY, IV))

    assert "홍길동" not in str(caught.value)


def test_encrypted_trade_is_no_notice() -> None:
    trade = frames("H0STCNT0.txt")[0].split(b"|", 3)[3]
    found = NoticeReader("1234567801")
    found.keys.store("H0STCNT0", KEY.decode(), IV.decode())

    with pytest.raises(ProtocolError, match="no notice"):
        found.read("H0STCNT0", 1, encrypt(trade, KEY, IV))

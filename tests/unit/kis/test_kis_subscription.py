"""The registration book: counted, checked off, asked for again, never beyond 41."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_fast.errors import Busy, ProtocolError
from aegis_fast.kis.subscription import (
    DEPTH_TR,
    TRADE_TR,
    Alert,
    BackOff,
    Control,
    Key,
    NoticeUp,
    Reconnect,
    Register,
    Registrations,
    Release,
    RenewApprovalKey,
    StoreKey,
    parse_control,
    request_frame,
)

S = 10**9
NOTICE = Key("H0STCNI0", "HTSID001")
AES = ("abcdefghijklmnopabcdefghijklmnop", "0123456789abcdef")
CONTROL_LINES = (
    (Path(__file__).parents[2] / "data" / "frames" / "control.txt").read_bytes().splitlines()
)


def book(**changes: Any) -> Registrations:
    values: dict[str, Any] = {"notice_tr": NOTICE.tr_id, "hts_id": NOTICE.tr_key}
    return Registrations(**(values | changes))


def keys(symbol: str) -> list[Key]:
    return [Key(TRADE_TR, symbol), Key(DEPTH_TR, symbol)]


def ack(key: Key, code: str = "OPSP0000", aes: tuple[str, str] = AES) -> Control:
    return Control(key, code, "text", *aes)


def connect_all(registrations: Registrations, now_ns: int = 0) -> list[Key]:
    """Connect and send everything, as the stream does; returns what was asked for."""
    effects = [e for e in registrations.connected() if isinstance(e, Register)]
    for effect in effects:
        registrations.sent(effect, now_ns)
    return [effect.key for effect in effects]


def test_register_frame_is_what_kis_documents() -> None:
    assert orjson.loads(request_frame("APPROVAL", Register(keys("005930")[0]))) == {
        "header": {
            "approval_key": "APPROVAL",
            "custtype": "P",
            "tr_type": "1",
            "content-type": "utf-8",
        },
        "body": {"input": {"tr_id": "H0STCNT0", "tr_key": "005930"}},
    }
    assert orjson.loads(request_frame("A", Release(NOTICE)))["header"]["tr_type"] == "2"


def test_captured_control_messages_are_read() -> None:
    pingpong, plain, encrypted, in_use = map(parse_control, CONTROL_LINES)

    assert pingpong.key.tr_id == "PINGPONG"
    assert (plain.key, plain.msg_cd, plain.aes_key) == (Key(TRADE_TR, "005930"), "OPSP0000", AES[0])
    assert (encrypted.key, encrypted.aes_iv) == (NOTICE, AES[1])
    assert (in_use.key.tr_id, in_use.msg_cd, in_use.aes_key) == ("(null)", "OPSP8996", "")
    assert AES[0] not in repr(encrypted)


@pytest.mark.parametrize(
    "frame",
    [b"", b"{", b"[]", b"{}", b'{"header":1}', b'{"header":{}}', b'{"header":{"tr_id":[]}}'],
)
def test_nonsense_control_message_raises(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_control(frame)


def test_notice_is_registered_first_then_symbols_in_order() -> None:
    registrations = book()
    for symbol in ("005930", "000660"):
        assert registrations.watch(symbol) == []

    assert connect_all(registrations) == [NOTICE, *keys("005930"), *keys("000660")]


def test_watch_while_connected_registers_trades_and_book() -> None:
    registrations = book()
    connect_all(registrations)

    assert registrations.watch("005930") == [Register(key) for key in keys("005930")]


def test_p6_only_the_first_watch_registers_and_only_the_last_unwatch_releases() -> None:
    registrations = book()
    connect_all(registrations)
    registrations.watch("005930")

    assert registrations.watch("005930") == []
    assert registrations.unwatch("005930") == []
    assert registrations.symbols() == ["005930"]
    assert registrations.unwatch("005930") == [Release(key) for key in keys("005930")]
    assert registrations.symbols() == []
    assert registrations.unwatch("005930") == []


def test_p7_twenty_symbols_fit_and_the_next_is_refused_without_a_trace() -> None:
    registrations = book()
    for number in range(20):
        registrations.watch(f"{number:06d}")

    assert (registrations.in_use, registrations.max_symbols) == (41, 20)
    with pytest.raises(Busy) as caught:
        registrations.watch("999999")
    assert caught.value.field == "symbol"
    assert registrations.in_use == 41
    registrations.watch("000003")  # one more watcher of a known symbol costs nothing
    registrations.unwatch("000000")
    registrations.watch("999999")
    assert registrations.in_use == 41


def test_p5_everything_wanted_is_asked_for_again_after_a_drop() -> None:
    registrations = book()
    connect_all(registrations)
    registrations.watch("005930")
    for key in (NOTICE, *keys("005930")):
        registrations.on_control(ack(key))
    assert registrations.confirmed == 3

    registrations.disconnected()
    assert registrations.confirmed == 0
    registrations.watch("000660")

    assert connect_all(registrations) == [NOTICE, *keys("005930"), *keys("000660")]
    assert registrations.confirmed == 0


def test_notice_ack_stores_its_key_and_brings_the_feed_up_once() -> None:
    registrations = book()
    connect_all(registrations)

    assert registrations.on_control(ack(NOTICE)) == [StoreKey(NOTICE.tr_id, *AES), NoticeUp()]
    assert registrations.on_control(ack(NOTICE, "OPSP0002")) == [StoreKey(NOTICE.tr_id, *AES)]


def test_notice_ack_counts_however_the_id_is_spelled_back() -> None:
    registrations = book()
    connect_all(registrations)

    effects = registrations.on_control(ack(Key(NOTICE.tr_id, "htsid001")))

    assert effects == [StoreKey(NOTICE.tr_id, *AES), NoticeUp()]


def test_symbol_ack_confirms_without_bringing_the_feed_up() -> None:
    registrations = book()
    connect_all(registrations)
    registrations.watch("005930")

    assert registrations.on_control(ack(keys("005930")[0], "OPSP0002", ("", ""))) == []
    assert registrations.confirmed == 1


def test_notice_said_to_be_registered_without_its_key_is_registered_afresh_then_given_up() -> None:
    registrations = book(max_attempts=2)
    connect_all(registrations)
    without_key = ack(NOTICE, "OPSP0002", ("", ""))

    effects = registrations.on_control(without_key)
    assert effects == [Release(NOTICE), Register(NOTICE)]
    registrations.sent(Register(NOTICE), 1)

    alert, reconnect = registrations.on_control(without_key)
    assert isinstance(alert, Alert)
    assert reconnect == Reconnect()


@pytest.mark.parametrize("code", ["OPSP0001", "OPSP0003"])
def test_release_acks_need_no_answer(code: str) -> None:
    registrations = book()
    connect_all(registrations)

    assert registrations.on_control(ack(keys("005930")[0], code)) == []


def test_ack_of_something_given_up_meanwhile_is_ignored() -> None:
    registrations = book()
    connect_all(registrations)
    registrations.watch("005930")
    registrations.unwatch("005930")

    effects = registrations.on_control(ack(keys("005930")[0]))

    assert not any(isinstance(effect, (Register, NoticeUp)) for effect in effects)
    assert registrations.confirmed == 0


def test_s76_missing_ack_is_asked_for_again_then_reported_once() -> None:
    registrations = book(ack_timeout_ns=5 * S, max_attempts=3)
    registrations.watch("005930")
    connect_all(registrations)
    registrations.on_control(ack(NOTICE))
    trade, depth = keys("005930")
    registrations.on_control(ack(depth))

    assert registrations.unacked(5 * S - 1) == []
    for attempt in (1, 2):
        assert registrations.unacked(5 * attempt * S) == [Register(trade)]
        registrations.sent(Register(trade), 5 * attempt * S)
    assert registrations.unacked(15 * S) == [Alert("unanswered", f"{TRADE_TR} 005930")]
    assert registrations.unacked(99 * S) == []
    # The next connection starts afresh.
    registrations.disconnected()
    assert trade in connect_all(registrations)


def test_unanswered_notice_asks_for_another_connection_and_hides_the_id() -> None:
    registrations = book(ack_timeout_ns=S, max_attempts=1)
    connect_all(registrations)

    assert registrations.unacked(S) == [Alert("unanswered", NOTICE.tr_id), Reconnect()]


def test_nothing_is_unacked_before_it_was_sent() -> None:
    registrations = book()
    registrations.connected()

    assert registrations.unacked(10**20) == []


@pytest.mark.parametrize("code", ["OPSP0007", "OPSP0009", "OPSP8999", "OPSP9993", "OPSP9995"])
def test_trouble_inside_kis_is_asked_again_after_the_timeout_and_not_at_once(code: str) -> None:
    registrations = book(ack_timeout_ns=5 * S)
    registrations.watch("005930")
    connect_all(registrations)
    registrations.on_control(ack(NOTICE))
    trade, depth = keys("005930")
    registrations.on_control(ack(depth))

    assert registrations.on_control(ack(trade, code)) == []
    assert registrations.unacked(5 * S) == [Register(trade)]


@pytest.mark.parametrize(
    ("code", "kind"),
    [("OPSP0008", "budget"), ("OPSP8991", "refused"), ("OPSP8992", "refused"),
     ("OPSP9994", "refused"), ("WHAT", "unexpected")],
)  # fmt: skip
def test_refusal_is_reported_and_not_repeated(code: str, kind: str) -> None:
    registrations = book()
    registrations.watch("005930")
    connect_all(registrations)
    registrations.on_control(ack(NOTICE))
    for key in keys("005930"):
        (alert,) = registrations.on_control(ack(key, code))
        assert isinstance(alert, Alert)
        assert (alert.kind, code in alert.detail, "005930" in alert.detail) == (kind, True, True)

    assert registrations.unacked(10**20) == []
    # What KIS never registered needs no release.
    assert registrations.unwatch("005930") == []


def test_session_in_use_and_unknown_approval_key_end_the_connection() -> None:
    registrations = book()
    connect_all(registrations)

    assert registrations.on_control(parse_control(CONTROL_LINES[3])) == [BackOff()]
    assert registrations.on_control(ack(NOTICE, "OPSP0011")) == [RenewApprovalKey()]


def test_hts_id_appears_in_no_alert() -> None:
    registrations = book()
    connect_all(registrations)

    (alert,) = registrations.on_control(ack(NOTICE, "OPSP8992"))

    assert isinstance(alert, Alert)
    assert NOTICE.tr_key not in alert.detail


class Server:
    """What KIS would hold registered, fed with what the book sends."""

    def __init__(self) -> None:
        self.registered: set[Key] = set()

    def take(self, registrations: Registrations, effects: Any) -> None:
        pending = list(effects)
        while pending:
            effect = pending.pop(0)
            if isinstance(effect, Release):
                self.registered.discard(effect.key)
            elif isinstance(effect, Register) and registrations.is_wanted(effect.key):
                registrations.sent(effect, 0)
                code = "OPSP0002" if effect.key in self.registered else "OPSP0000"
                self.registered.add(effect.key)
                assert len(self.registered) <= 41
                pending.extend(registrations.on_control(ack(effect.key, code)))


@given(st.lists(st.tuples(st.sampled_from("wwuud"), st.integers(0, 24)), max_size=120))
def test_p6_p7_after_any_history_kis_holds_exactly_what_is_wanted(
    history: list[tuple[str, int]],
) -> None:
    registrations, server, counts = book(), Server(), {}
    server.take(registrations, registrations.connected())
    for action, number in history:
        symbol = f"{number:06d}"
        if action == "d":
            registrations.disconnected()
            server.registered.clear()
            server.take(registrations, registrations.connected())
        elif action == "w":
            try:
                server.take(registrations, registrations.watch(symbol))
            except Busy:
                assert symbol not in counts
                assert len(counts) == 20
                continue
            counts[symbol] = counts.get(symbol, 0) + 1
        else:
            server.take(registrations, registrations.unwatch(symbol))
            if symbol in counts:
                counts[symbol] -= 1
                if not counts[symbol]:
                    del counts[symbol]

    assert server.registered == {NOTICE, *(key for s in counts for key in keys(s))}
    assert registrations.confirmed == len(server.registered) == registrations.in_use
    assert sorted(registrations.symbols()) == sorted(counts)

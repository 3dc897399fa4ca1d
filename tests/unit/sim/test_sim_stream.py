"""The WebSocket side: registrations, acks, one session, 41 places, PINGPONG, nonsense."""

from __future__ import annotations

import json

import pytest

from aegis_fast.kis.profile import SIM_HTS_ID
from aegis_fast.sim.market.rules import issues
from tests.unit.sim.sim_harness import SECOND, Bench, Socket, spec

SYMBOLS = [issue.symbol for issue in issues()]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def socket(bench: Bench) -> Socket:
    return bench.socket()


def test_ack_carries_key_and_iv(socket: Socket) -> None:
    ack = socket.ask("H0STCNT0", "005930")

    assert ack["header"] == {"tr_id": "H0STCNT0", "tr_key": "005930", "encrypt": "N"}
    assert (ack["body"]["rt_cd"], ack["body"]["msg1"]) == ("0", "SUBSCRIBE SUCCESS")
    assert len(ack["body"]["output"]["key"]) == 32
    assert len(ack["body"]["output"]["iv"]) == 16
    assert socket.ask("H0STCNI0", SIM_HTS_ID)["header"]["encrypt"] == "Y"


def test_keys_differ_between_connections_but_not_between_acks(bench: Bench) -> None:
    socket = bench.socket()
    socket.ask("H0STCNI0", SIM_HTS_ID)
    first = socket.keys["H0STCNI0"]
    socket.ask("H0STCNI0", SIM_HTS_ID, "2")
    socket.ask("H0STCNI0", SIM_HTS_ID)
    again = socket.keys["H0STCNI0"]
    bench.broker.on_close(socket.session, bench.now_ns)
    other = bench.socket()
    other.ask("H0STCNI0", SIM_HTS_ID)

    assert first == again
    assert other.keys["H0STCNI0"] != first


def test_registration_twice_and_release_twice(socket: Socket) -> None:
    assert socket.code("H0STCNT0", "005930") == "OPSP0000"
    assert socket.code("H0STCNT0", "005930") == "OPSP0002"
    assert socket.code("H0STCNT0", "005930", "2") == "OPSP0001"
    assert socket.code("H0STCNT0", "005930", "2") == "OPSP0003"


def test_forty_second_registration_is_refused(socket: Socket) -> None:
    wanted = [("H0STCNI0", SIM_HTS_ID)]
    wanted += [("H0STCNT0", symbol) for symbol in SYMBOLS]
    wanted += [("H0STASP0", symbol) for symbol in SYMBOLS]

    codes = [socket.code(*registration) for registration in wanted]

    assert codes[:41] == ["OPSP0000"] * 41
    assert set(codes[41:]) == {"OPSP0008"}
    socket.ask("H0STCNI0", SIM_HTS_ID, "2")
    assert socket.code("H0STASP0", SYMBOLS[-1]) == "OPSP0000"


def test_released_symbol_sends_nothing_more(bench: Bench, socket: Socket) -> None:
    socket.ask("H0STCNT0", "005930")
    socket.ask("H0STCNT0", "005930", "2")

    bench.order("buy", 1)

    assert socket.frames("H0STCNT0") == []


def test_second_session_of_one_appkey_is_refused(bench: Bench, socket: Socket) -> None:
    socket.ask("H0STCNT0", "005930")
    second = bench.socket()

    ack = second.ask("H0STCNT0", "005930")
    bench.order("buy", 1)

    assert ack["header"]["tr_id"] == "(null)"
    assert (ack["body"]["rt_cd"], ack["body"]["msg_cd"]) == ("9", "OPSP8996")
    assert "output" not in ack["body"]
    assert second.frames("H0STCNT0") == []
    assert len(socket.frames("H0STCNT0")) == 1
    bench.broker.on_close(socket.session, bench.now_ns)
    assert second.code("H0STCNT0", "005930") == "OPSP0000"


def test_dropped_session_can_hold_its_appkey_for_a_while(bench: Bench, socket: Socket) -> None:
    socket.ask("H0STCNT0", "005930")
    bench.broker.faults.add(bench.broker.faults.read(b'{"kind":"session_hold","delay_ms":5000}'))
    bench.broker.on_close(socket.session, bench.now_ns)
    again = bench.socket()

    assert again.code("H0STCNT0", "005930") == "OPSP8996"
    bench.now_ns += 5 * SECOND
    assert again.code("H0STCNT0", "005930") == "OPSP0000"


def test_unknown_or_old_approval_key_is_refused(bench: Bench, socket: Socket) -> None:
    assert Socket(bench, "nonsense").code("H0STCNT0", "005930") == "OPSP0011"
    bench.door_lead_ns += 86_400 * SECOND

    assert socket.code("H0STCNT0", "005930") == "OPSP0011"


@pytest.mark.parametrize(
    ("tr_id", "tr_key", "code"),
    [
        ("H0STCNT0", "999999", "OPSP8992"),
        ("H0STCNT0", "", "OPSP9990"),
        ("H0XXXXX0", "005930", "OPSP8991"),
        ("H0NXCNT0", "57JN53", "OPSP8992"),
        ("H0UNCNT0", "57JN53", "OPSP0000"),
        ("H0EWCNT0", "57JN53", "OPSP0000"),
        ("H0EWCNT0", "005930", "OPSP8992"),
        ("H0UPCNT0", "0001", "OPSP0000"),
        ("H0UPCNT0", "005930", "OPSP8992"),
        ("HDFSCNT0", "DNASAAPL", "OPSP0000"),
        ("HDFSASP0", "RBAQAAPL", "OPSP0000"),
        ("HDFSCNT0", "DNYSAAPL", "OPSP8992"),
        ("H0STOUP0", "005930", "OPSP0000"),
        ("H0STPGM0", "005930", "OPSP0000"),
        ("H0GSCNI0", SIM_HTS_ID, "OPSP0000"),
        ("H0GSCNI9", SIM_HTS_ID, "OPSP8991"),
        ("H0STCNI9", SIM_HTS_ID, "OPSP8991"),
        ("H0STCNI0", "somebody", "OPSP8992"),
        ("H0STMKO0", "005930", "OPSP0000"),
    ],
)
def test_registration_is_checked(socket: Socket, tr_id: str, tr_key: str, code: str) -> None:
    assert socket.code(tr_id, tr_key) == code


def test_types_of_the_header_are_checked(socket: Socket) -> None:
    assert socket.code("H0STCNT0", "005930", "0") == "OPSP8997"
    assert socket.code("H0STCNT0", "005930", custtype="X") == "OPSP8998"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "OPSP9999"),
        ("{", "OPSP9999"),
        ("0|H0STCNT0|001|x", "OPSP9999"),
        ("[]", "OPSP9998"),
        ("null", "OPSP9998"),
        ("{}", "OPSP9998"),
        ('{"header":1}', "OPSP9998"),
        ('{"header":{}}', "OPSP9992"),
        ('{"header":{},"body":1}', "OPSP9992"),
        ('{"header":{},"body":{}}', "OPSP9991"),
        ('{"header":{},"body":{"input":[]}}', "OPSP9991"),
        ('{"header":{"approval_key":{}},"body":{"input":{}}}', "OPSP0011"),
        ('{"header":{"tr_id":"\\ud800"},"body":{}}', "OPSP9999"),
    ],
)
def test_nonsense_gets_an_error_and_the_socket_goes_on(
    socket: Socket, text: str, code: str
) -> None:
    socket.say(text)

    assert json.loads(socket.texts[-1])["body"]["msg_cd"] == code
    assert socket.code("H0STCNT0", "005930") == "OPSP0000"


def test_pingpong_comes_at_its_interval_and_its_answer_is_counted(bench: Bench) -> None:
    bench.broker.step(bench.now_ns, bench.real_ns)
    socket = bench.socket()
    bench.move(30 * SECOND, SECOND // 10)

    pings = [text for text in socket.texts if "PINGPONG" in text]

    assert len(pings) == 3
    assert json.loads(pings[0]) == {"header": {"tr_id": "PINGPONG", "datetime": "20261123100010"}}
    socket.say(pings[0])
    assert socket.session.pongs == 1
    assert len(socket.texts) == 3


def test_first_book_comes_at_once(bench: Bench, socket: Socket) -> None:
    socket.ask("H0STASP0", "005930")

    assert len(socket.frames("H0STASP0")) == 1


def test_subscribers_share_the_bytes_of_a_frame() -> None:
    other = spec(account="5000000002", appkey="O" * 36, hts_id="other")
    bench = Bench(accounts=(spec(), other))
    wires: list[list[bytes]] = [[], []]
    keys = [bench.approval(), bench.approval("O" * 36)]
    for wire, key in zip(wires, keys, strict=True):
        socket = Socket(bench, key)
        socket.ask("H0STCNT0", "005930")
        socket.session.send = wire.append

    bench.order("buy", 1)

    assert wires[0][0] is wires[1][0]


def test_notices_reach_every_session_of_an_hts_id_for_all_its_accounts() -> None:
    second = spec(account="5000000002", cash_krw=50_000_000)
    other_key = spec(account="5000000003", appkey="O" * 36)
    bench = Bench(accounts=(spec(), second, other_key))
    sockets = [bench.socket(), Socket(bench, bench.approval("O" * 36))]
    for socket in sockets:
        assert socket.code("H0STCNI0", SIM_HTS_ID) == "OPSP0000"

    bench.order("buy", 1)
    bench.order("buy", 1, CANO="50000000", ACNT_PRDT_CD="02")

    for socket in sockets:
        accounts = {notice["ACNT_NO"] for notice in socket.notices()}
        assert accounts == {"5000000001", "5000000002"}
    assert bench.order("buy", 1, ACNT_PRDT_CD="03")["msg_cd"] == "OPSQ2000"
    assert bench.broker.accounts["5000000002"].cash_krw < 50_000_000


def test_notice_comes_before_the_answer(bench: Bench, socket: Socket) -> None:
    socket.ask("H0STCNI0", SIM_HTS_ID)
    bench.login()
    calls = bench.broker.ledger.call_count
    seen: list[int] = []
    socket.session.send = lambda wire: seen.append(bench.broker.ledger.call_count)

    bench.order("buy", 1)

    # A call is written down once its answer is ready.
    assert seen[0] == calls
    assert bench.broker.ledger.call_count == calls + 1


def mute(timeout_ns: int = 25 * SECOND) -> tuple[Bench, Socket, list[int]]:
    """Return a bench that cuts who sends no PINGPONG back, a client and who has been cut."""
    bench = Bench(pong_timeout_ns=timeout_ns)
    cut: list[int] = []
    bench.broker.hub.pongs.cut = lambda session: cut.append(session.number)
    bench.broker.step(bench.now_ns, bench.real_ns)
    return bench, bench.socket(), cut


def test_client_that_sends_no_pingpong_back_is_cut_after_the_timeout() -> None:
    bench, socket, cut = mute()

    bench.move(34 * SECOND, SECOND // 2)
    assert cut == []
    bench.move(SECOND, SECOND // 2)

    assert cut == [socket.session.number]  # PINGPONG at 10 s, 25 s without an answer.
    assert bench.broker.hub.pongs.sockets_cut == 1


def test_client_that_sends_pingpong_back_stays() -> None:
    bench, socket, cut = mute()

    for _ in range(20):
        bench.move(10 * SECOND, SECOND // 2)
        socket.say(socket.texts[-1])

    assert (cut, socket.session.pongs) == ([], 20)


def test_nobody_is_cut_for_time_that_leapt_or_for_a_pingpong_that_was_never_sent() -> None:
    bench, socket, cut = mute()
    bench.move(11 * SECOND, SECOND // 2)
    bench.door_lead_ns += 3_600 * SECOND
    bench.move(SECOND, SECOND // 2)
    assert cut == []

    socket.say('{"header": {"tr_id": "PINGPONG"}}')
    socket.session.is_silent = True
    bench.move(60 * SECOND, SECOND // 2)

    assert cut == []


def test_nobody_is_cut_unless_a_timeout_is_set() -> None:
    bench, _, cut = mute(timeout_ns=0)

    bench.move(600 * SECOND, SECOND)

    assert cut == []

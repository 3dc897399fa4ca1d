"""One POST an order, another only after proof; a list is read whole or said to be incomplete."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aegis_fast.core.model import Accepted, BrokerTime, Lost, OrderType, Priority, Refused, Venue
from aegis_fast.errors import (
    AuthError,
    Busy,
    ConfigError,
    InvalidRequest,
    NotFound,
    ProtocolError,
    RejectedError,
    Throttled,
    TransientError,
)
from aegis_fast.kis import ordering, queries
from aegis_fast.kis.gateway import KISGateway
from aegis_fast.kis.profile import PAPER, SIM, SIM_ACCOUNT, Profile
from tests.e2e.kis_fakes import NOW_NS, Clock, FakeKIS, Gate, closing, run, until
from tests.unit.kis.kis_samples import (
    CREDENTIALS,
    INFO_ROW,
    PRICE_ROW,
    amend,
    cancel,
    market,
    ok,
    order_row,
    place,
)

pytestmark = pytest.mark.e2e
ORDER, CHANGE, LIST = "order-cash", "order-rvsecncl", "inquire-daily-ccld"
TAKEN = (200, ok(output={"KRX_FWDG_ORD_ORGNO": "91252", "ODNO": "0000000007", "ORD_TMD": "090001"}))
TAKEN_AS = Accepted(7, "91252", 90_001)
THROTTLED = (500, {"rt_cd": "1", "msg_cd": "EGW00201", "msg1": "초당 거래건수를 초과하였습니다."})
STALE_TOKEN = (500, {"rt_cd": "1", "msg_cd": "EGW00123", "msg1": "기간이 만료된 token 입니다."})
PRICE, INFO = (200, ok(output=PRICE_ROW)), (200, ok(output=INFO_ROW))
CHANGED = (200, {"rt_cd": "1", "msg_cd": "SYDB0050", "msg1": "조회된 내용이 변경되었습니다."})


class Bench:
    """A gateway joined to a fake KIS."""

    def __init__(self, kis: FakeKIS, gateway: KISGateway, gate: Gate) -> None:
        self.kis = kis
        self.gateway = gateway
        self.gate = gate


def on_bench(
    tmp_path: Path,
    test: Callable[[Bench], Any],
    script: dict[str, Any],
    *,
    profile: Profile = SIM,
    url: str = "",
    **options: Any,
) -> None:
    async def main() -> None:
        async with FakeKIS(**script) as kis:
            gate = Gate()
            values: dict[str, Any] = {"retry_initial_s": 0.01, "gate": gate} | options
            gateway = KISGateway(
                profile=profile.at(url or kis.url, "ws://127.0.0.1:1"),
                credentials=CREDENTIALS,
                token_path=tmp_path / "tokens.json",
                clock_ns=Clock(),
                **values,
            )
            async with closing(gateway):
                await test(Bench(kis, gateway, gate))

    run(main())


# ---- orders ----


def test_s70_order_is_one_post_with_its_trace_id(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        assert await bench.gateway.place(place()) == TAKEN_AS

        name, headers, body = bench.kis.seen[-1]
        assert (name, headers["tr_id"], headers["x-trace-id"]) == (ORDER, "TTTC0012U", "trace-1")
        assert headers["authorization"] == "Bearer token-1"
        assert body["ORD_UNPR"] == "70000"
        assert bench.kis.times(ORDER) == 1

    on_bench(tmp_path, test, {ORDER: [TAKEN]})


def test_a40_calls_pay_the_limit_in_their_class(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.gateway.place(market())
        await bench.gateway.place(place())
        await bench.gateway.place(place(order_type=OrderType.CONDITIONAL))
        await bench.gateway.amend(amend())
        await bench.gateway.cancel(cancel())
        await bench.gateway.quote("005930")

        assert bench.gate.passed == [
            Priority.MARKET, Priority.LIMIT, Priority.LIMIT, Priority.LIMIT, Priority.CANCEL,
            Priority.QUERY,
        ]  # fmt: skip

    on_bench(tmp_path, test, {ORDER: [TAKEN], CHANGE: [TAKEN], "inquire-price": [PRICE]})


@pytest.mark.parametrize("command", [place(), market()], ids=["limit", "market"])
def test_r3_throttled_order_goes_out_again_paying_the_limit_each_time(
    tmp_path: Path, command: Any
) -> None:
    async def test(bench: Bench) -> None:
        assert await bench.gateway.place(command) == TAKEN_AS
        assert bench.kis.times(ORDER) == len(bench.gate.passed) == 3

    on_bench(tmp_path, test, {ORDER: [THROTTLED, THROTTLED, TAKEN]})


def test_r3_order_throttled_three_times_is_refused(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        outcome = await bench.gateway.place(market())

        assert isinstance(outcome, Refused)
        assert (outcome.is_throttled, outcome.venue_code) == (True, "EGW00201")
        assert bench.kis.times(ORDER) == 3

    on_bench(tmp_path, test, {ORDER: [THROTTLED]})


def test_p3_order_with_a_stale_token_goes_out_once_more_with_a_new_one(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        assert await bench.gateway.place(place()) == TAKEN_AS

        tokens = [h["authorization"] for name, h, _ in bench.kis.seen if name == ORDER]
        assert tokens == ["Bearer token-1", "Bearer token-2"]
        assert len(bench.gate.passed) == 2

    on_bench(tmp_path, test, {ORDER: [STALE_TOKEN, TAKEN]})


def test_p3_token_refused_twice_ends_the_order(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        outcome = await bench.gateway.place(place())

        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.venue_code) == (820, "EGW00123")
        assert (bench.kis.times(ORDER), bench.kis.tokens) == (2, 2)

    on_bench(tmp_path, test, {ORDER: [STALE_TOKEN]})


UNPROVEN = [
    "hang",
    "cut",
    (500, b"<html>Bad Gateway</html>"),
    (200, b""),
    (200, b'{"rt_cd":"0","output":{}}'),
    (500, {"rt_cd": "1", "msg_cd": "EGW00301", "msg1": "연결시간이 만료되었습니다."}),
    (200, {"rt_cd": "1", "msg_cd": "OPSQ0009", "msg1": "MCI 수신 오류"}),
    (307, b"", {"Location": "/uapi/domestic-stock/v1/trading/order-cash"}),
]


@pytest.mark.parametrize("answer", UNPROVEN, ids=lambda a: str(a)[:40])
@pytest.mark.parametrize("method", ["place", "amend", "cancel"])
def test_p22_r4_unproven_answer_is_lost_after_one_post(
    tmp_path: Path, answer: Any, method: str
) -> None:
    command = {"place": market(), "amend": amend(), "cancel": cancel()}[method]

    async def test(bench: Bench) -> None:
        outcome = await getattr(bench.gateway, method)(command)

        assert isinstance(outcome, Lost)
        assert bench.kis.times(ORDER) + bench.kis.times(CHANGE) == 1

    script = {ORDER: [answer, TAKEN], CHANGE: [answer, TAKEN]}
    on_bench(tmp_path, test, script, read_timeout_ms=100)


def test_refusal_of_the_order_desk_is_final(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        outcome = await bench.gateway.place(place())

        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.venue_code) == (2, "APBK0400")
        assert bench.kis.times(ORDER) == 1

    refusal = {"rt_cd": "7", "msg_cd": "APBK0400", "msg1": "주문가능수량 초과"}
    on_bench(tmp_path, test, {ORDER: [(200, refusal), TAKEN]})


@pytest.mark.parametrize(
    ("command", "tries"),
    [
        (place(), 3),
        (market(), 1),
        (place(order_type=OrderType.CONDITIONAL), 1),
        (amend(), 3),
        (cancel(), 3),
    ],
    ids=["limit", "market", "conditional", "amend", "cancel"],
)
def test_r5_unreachable_broker_is_tried_again_for_a_limit_order_only(
    tmp_path: Path, command: Any, tries: int
) -> None:
    """The token comes from the file; the order host is gone."""

    async def test(bench: Bench) -> None:
        await bench.gateway.issuer.token()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        bench.gateway._rest._base_url = f"http://127.0.0.1:{port}"
        method = {"PlaceOrder": "place", "AmendOrder": "amend", "CancelOrder": "cancel"}

        outcome = await getattr(bench.gateway, method[type(command).__name__])(command)

        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.venue_code, outcome.is_throttled) == (800, "", False)
        assert len(bench.gate.passed) == tries

    on_bench(tmp_path, test, {})


def test_r5_no_attempt_starts_after_the_orders_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "ORDER_DEADLINE_S", 0.05)

    async def test(bench: Bench) -> None:
        await bench.gateway.issuer.token()
        bench.gateway._rest._base_url = "http://127.0.0.1:1"

        assert isinstance(await bench.gateway.place(place()), Refused)
        assert len(bench.gate.passed) == 1

    on_bench(tmp_path, test, {}, retry_initial_s=0.2)


def test_full_queue_refuses_without_a_request(tmp_path: Path) -> None:
    async def full(priority: Priority) -> None:
        raise Busy("the call queue is full")

    async def test(bench: Bench) -> None:
        outcome = await bench.gateway.place(place())

        assert isinstance(outcome, Refused)
        assert outcome.code == 829
        assert bench.kis.times(ORDER) == 0

    on_bench(tmp_path, test, {ORDER: [TAKEN]}, gate=full)


def test_order_without_a_token_is_refused_soon_and_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "ORDER_TOKEN_WAIT_S", 0.05)

    async def test(bench: Bench) -> None:
        outcome = await bench.gateway.place(market())

        assert isinstance(outcome, Refused)
        assert 800 <= outcome.code <= 899
        assert (bench.kis.times(ORDER), bench.gate.passed) == (0, [])

    on_bench(tmp_path, test, {"tokenP": ["hang"], ORDER: [TAKEN]})


def test_order_under_a_wrong_key_is_refused_with_the_reason(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        outcome = await bench.gateway.place(market())

        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.venue_code) == (820, "EGW00103")
        assert bench.kis.times(ORDER) == 0

    wrong = (403, {"error_code": "EGW00103", "error_description": "유효하지 않은 AppKey입니다."})
    on_bench(tmp_path, test, {"tokenP": [wrong], ORDER: [TAKEN]})


def test_a14_paper_refuses_nxt_without_a_request(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        outcome = await bench.gateway.place(place(venue=Venue.NXT))

        assert isinstance(outcome, Refused)
        assert outcome.code == 2
        assert (bench.kis.seen, bench.gate.passed) == ([], [])

    on_bench(tmp_path, test, {ORDER: [TAKEN]}, profile=PAPER)


def test_s69_paper_orders_carry_paper_ids(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        assert await bench.gateway.place(place()) == TAKEN_AS
        assert bench.kis.seen[-1][1]["tr_id"] == "VTTC0012U"

    on_bench(tmp_path, test, {ORDER: [TAKEN]}, profile=PAPER)


def test_s66_paper_over_plain_http_elsewhere_is_refused_at_construction(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        on_bench(tmp_path, lambda bench: None, {}, profile=PAPER, url="http://broker.example")


# ---- queries ----


@pytest.mark.parametrize(
    "answer",
    [THROTTLED, (500, b"<html>"), "cut", "hang",
     (500, {"rt_cd": "1", "msg_cd": "EGW00301", "msg1": "x"})],
    ids=["throttled", "bare 500", "cut", "timeout", "gateway timeout"],
)  # fmt: skip
def test_r1_query_is_asked_three_times_and_then_raises(tmp_path: Path, answer: Any) -> None:
    async def test(bench: Bench) -> None:
        with pytest.raises(TransientError, match="attempts: 3") as caught:
            await bench.gateway.quote("005930")

        assert isinstance(caught.value, Throttled) == (answer is THROTTLED)
        assert bench.kis.times("inquire-price") == len(bench.gate.passed) == 3

    on_bench(tmp_path, test, {"inquire-price": [answer]}, read_timeout_ms=60)


def test_r1_pauses_are_one_second_then_two(tmp_path: Path) -> None:
    pauses: list[float] = []

    async def test(bench: Bench) -> None:
        async def pause(seconds: float) -> bool:
            pauses.append(seconds)
            return True

        bench.gateway._queries._pause = pause
        with pytest.raises(TransientError):
            await bench.gateway.quote("005930")

    on_bench(
        tmp_path, test, {"inquire-price": [(500, b"")]}, retry_initial_s=queries.RETRY_INITIAL_S
    )
    assert pauses == [1.0, 2.0]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((500, {"rt_cd": "1", "msg_cd": "EGW02004", "msg1": "실전투자 도메인 확인"}), AuthError),
        ((200, {"rt_cd": "1", "msg_cd": "OPSQ2002", "msg1": "x"}), RejectedError),
        ((200, {"rt_cd": "1", "msg_cd": "APBK0656", "msg1": "없는 종목"}), NotFound),
        ((404, b""), ProtocolError),
        ((200, b"<html>"), ProtocolError),
    ],
)
def test_r3_final_answers_are_not_asked_for_again(
    tmp_path: Path, answer: Any, error: type[Exception]
) -> None:
    async def test(bench: Bench) -> None:
        with pytest.raises(error):
            await bench.gateway.quote("005930")
        assert bench.kis.times("inquire-price") == 1

    on_bench(tmp_path, test, {"inquire-price": [answer]})


def test_query_recovers_from_a_failure_in_passing_and_a_stale_token(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        assert (await bench.gateway.quote("005930")).price_krw == 71_500
        assert (bench.kis.times("inquire-price"), bench.kis.tokens) == (4, 2)

    on_bench(tmp_path, test, {"inquire-price": [THROTTLED, STALE_TOKEN, (502, b""), PRICE]})


def test_p3_query_with_a_token_refused_twice_raises(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        with pytest.raises(AuthError):
            await bench.gateway.quote("005930")
        assert (bench.kis.times("inquire-price"), bench.kis.tokens) == (2, 2)

    on_bench(tmp_path, test, {"inquire-price": [STALE_TOKEN]})


def test_r6_closing_ends_a_back_off_at_once(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        waiting = asyncio.create_task(bench.gateway.quote("005930"))
        await until(lambda: bench.kis.times("inquire-price") == 1)
        await asyncio.sleep(0.02)
        loop = asyncio.get_running_loop()
        started = loop.time()

        await bench.gateway.close()
        with pytest.raises(TransientError, match="attempts: 1"):
            await waiting

        assert loop.time() - started < 0.05
        assert bench.kis.times("inquire-price") == 1

    on_bench(tmp_path, test, {"inquire-price": [(500, b"")]}, retry_initial_s=30.0)


def paged(count: int, size: int) -> Callable[[Any], Any]:
    """Answer like KIS: `size` rows a page, the next place in CTX_AREA_NK100, spaces included."""

    def answer(query: dict[str, str]) -> Any:
        start = int(query["CTX_AREA_NK100"] or 0)
        rows = [order_row(number + 1) for number in range(start, min(start + size, count))]
        is_last = start + size >= count
        mark = ("D" if start else "") if is_last else ("M" if start else "F")
        keys = {"ctx_area_fk100": "fk ", "ctx_area_nk100": "" if is_last else f"{start + size}  "}
        return 200, ok(output1=rows, output2={}, **keys), {"tr_cont": mark}

    return answer


@pytest.mark.parametrize(
    ("count", "pages"), [(0, 1), (1, 1), (99, 1), (100, 1), (101, 2), (200, 2), (250, 3)]
)
def test_p15_day_orders_are_read_to_the_last_page(tmp_path: Path, count: int, pages: int) -> None:
    async def test(bench: Bench) -> None:
        found = await bench.gateway.day_orders(SIM_ACCOUNT)

        assert [row.broker_order_id for row in found.rows] == list(range(1, count + 1))
        assert (found.is_complete, found.asked_ns) == (True, NOW_NS)
        assert bench.kis.times(LIST) == len(bench.gate.passed) == pages
        marks = [headers["tr_cont"] for name, headers, _ in bench.kis.seen if name == LIST]
        assert marks == [""] + ["N"] * (pages - 1)
        assert bench.kis.seen[-1][2]["INQR_STRT_DT"] == "20261123"

    on_bench(tmp_path, test, {LIST: [paged(count, 100)]})


def test_p15_paper_pages_of_fifteen(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        found = await bench.gateway.day_orders(SIM_ACCOUNT)

        assert (len(found.rows), found.is_complete) == (31, True)
        assert bench.kis.times(LIST) == 3
        assert bench.kis.seen[-1][1]["tr_id"] == "VTTC0081R"

    on_bench(tmp_path, test, {LIST: [paged(31, 15)]}, profile=PAPER)


@pytest.mark.parametrize("rt_cd", ["0", "1"])
def test_p16_list_that_changed_is_read_again_from_the_start(tmp_path: Path, rt_cd: str) -> None:
    changed = (200, {"rt_cd": rt_cd, "msg_cd": "SYDB0050", "msg1": "재조회", "output1": []})

    async def test(bench: Bench) -> None:
        found = await bench.gateway.day_orders(SIM_ACCOUNT)

        assert [row.broker_order_id for row in found.rows] == list(range(1, 151))
        assert found.is_complete
        assert bench.kis.times(LIST) == 4

    answer = paged(150, 100)
    on_bench(tmp_path, test, {LIST: [answer, changed, answer]})


def test_p16_list_that_keeps_changing_ends_incomplete(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        found = await bench.gateway.day_orders(SIM_ACCOUNT)

        assert not found.is_complete
        assert bench.kis.times(LIST) == queries.MAX_SCANS

    on_bench(tmp_path, test, {LIST: [CHANGED]})


def test_p16_row_seen_twice_means_the_list_moved(tmp_path: Path) -> None:
    twice = ok(output1=[order_row(1), order_row(1)], output2={})

    async def test(bench: Bench) -> None:
        assert not (await bench.gateway.day_orders(SIM_ACCOUNT)).is_complete
        assert bench.kis.times(LIST) == queries.MAX_SCANS

    on_bench(tmp_path, test, {LIST: [(200, twice)]})


@pytest.mark.parametrize(
    "keys",
    [{}, {"ctx_area_fk100": "f", "ctx_area_nk100": "same"}],
    ids=["no key", "the same key for ever"],
)
def test_p16_paging_that_leads_nowhere_ends_incomplete(
    tmp_path: Path, keys: dict[str, str]
) -> None:
    async def test(bench: Bench) -> None:
        found = await bench.gateway.day_orders(SIM_ACCOUNT)

        assert not found.is_complete
        assert bench.kis.times(LIST) <= 2

    stuck = (200, ok(output1=[order_row(1)], **keys), {"tr_cont": "M"})
    on_bench(tmp_path, test, {LIST: [stuck]})


def test_p16_paging_in_a_circle_and_without_end_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MAX_PAGES", 10)

    def circle(query: dict[str, str]) -> Any:
        following = "b" if query["CTX_AREA_NK100"] == "a" else "a"
        return 200, ok(output1=[], ctx_area_nk100=following), {"tr_cont": "M"}

    def endless(query: dict[str, str]) -> Any:
        following = str(int(query["CTX_AREA_NK100"] or 0) + 1)
        return 200, ok(output1=[], ctx_area_nk100=following), {"tr_cont": "M"}

    async def test(bench: Bench) -> None:
        assert not (await bench.gateway.day_orders(SIM_ACCOUNT)).is_complete
        assert bench.kis.times(LIST) == 3
        bench.kis.script[LIST] = [endless]
        assert not (await bench.gateway.day_orders(SIM_ACCOUNT)).is_complete
        assert bench.kis.times(LIST) == 3 + 10

    on_bench(tmp_path, test, {LIST: [circle]})


def test_pain14_half_read_list_raises_rather_than_looking_whole(tmp_path: Path) -> None:
    first = (200, ok(output1=[order_row(1)], ctx_area_nk100="1"), {"tr_cont": "F"})

    async def test(bench: Bench) -> None:
        with pytest.raises(TransientError):
            await bench.gateway.day_orders(SIM_ACCOUNT)
        bench.kis.script[LIST] = [(200, ok(output2={}))]
        with pytest.raises(ProtocolError):
            await bench.gateway.day_orders(SIM_ACCOUNT)

    on_bench(tmp_path, test, {LIST: [first, (500, b"")]})


def holdings(*symbols: str) -> list[dict[str, str]]:
    return [{"pdno": s, "prdt_name": s, "hldg_qty": "10", "pchs_amt": "700000"} for s in symbols]


TOTALS = [
    {"dnca_tot_amt": "5", "prvs_rcdl_excc_amt": "4", "scts_evlu_amt": "3", "tot_evlu_amt": "7"}
]


def test_s74_balance_joins_its_pages(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        balance = await bench.gateway.balance(SIM_ACCOUNT)

        assert [p.symbol for p in balance.positions] == ["005930", "000660"]
        assert (balance.cash_krw, balance.deposit_krw) == (4, 5)
        assert (balance.holdings_krw, balance.total_krw) == (3, 7)
        assert (balance.is_complete, balance.as_of_ns) == (True, NOW_NS)

    pages = [
        (200, ok(output1=holdings("005930"), output2=[], ctx_area_nk100="1"), {"tr_cont": "F"}),
        (200, ok(output1=holdings("000660"), output2=TOTALS), {"tr_cont": "D"}),
    ]
    on_bench(tmp_path, test, {"inquire-balance": pages})


def test_pain14_balance_without_an_account_line_is_no_balance(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        with pytest.raises(ProtocolError):
            await bench.gateway.balance(SIM_ACCOUNT)

    on_bench(tmp_path, test, {"inquire-balance": [(200, ok(output1=[], output2=[]))]})


def test_pain14_position_listed_twice_makes_the_balance_incomplete(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        assert not (await bench.gateway.balance(SIM_ACCOUNT)).is_complete

    twice = (200, ok(output1=holdings("005930", "005930"), output2=TOTALS))
    on_bench(tmp_path, test, {"inquire-balance": [twice]})


def test_instrument_joins_two_calls_on_real_and_takes_one_on_paper(tmp_path: Path) -> None:
    script = {"inquire-price": [PRICE], "search-stock-info": [INFO]}

    async def real(bench: Bench) -> None:
        found = await bench.gateway.instrument("005930")
        assert (found.name, found.market, found.is_nxt_eligible) == ("삼성전자", "KOSPI", True)
        assert bench.kis.times("search-stock-info") == 1

    async def paper(bench: Bench) -> None:
        found = await bench.gateway.instrument("005930")
        assert (found.name, found.market, found.is_nxt_eligible) == ("005930", "KOSPI", False)
        assert bench.kis.times("search-stock-info") == 0

    on_bench(tmp_path, real, script)
    on_bench(tmp_path, paper, script, profile=PAPER)


def test_unknown_symbol_is_not_found(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        with pytest.raises(NotFound):
            await bench.gateway.instrument("999999")
        bench.kis.script["inquire-price"] = [PRICE]
        with pytest.raises(NotFound):
            await bench.gateway.instrument("999999")

    zeros = (200, ok(output=dict.fromkeys(PRICE_ROW, "0")))
    no_such = (200, {"rt_cd": "1", "msg_cd": "KIER2620", "msg1": "없는 상품"})
    on_bench(tmp_path, test, {"inquire-price": [zeros], "search-stock-info": [no_such]})


def test_open_orders_depth_and_orderable_cash(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        assert await bench.gateway.open_orders(SIM_ACCOUNT) == {9: 4}
        assert (await bench.gateway.depth("005930"))["ask_price_krw"][0] == 70_100
        assert await bench.gateway.orderable_cash(SIM_ACCOUNT, "005930") == 1_234

    script = {
        "inquire-psbl-rvsecncl": [(200, ok(output=[{"odno": "9", "psbl_qty": "4"}]))],
        "inquire-asking-price-exp-ccn": [(200, ok(output1={"askp1": "70100"}, output2={}))],
        "inquire-psbl-order": [(200, ok(output={"ord_psbl_cash": "1234"}))],
    }
    on_bench(tmp_path, test, script)


def test_open_orders_do_not_exist_on_paper(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        with pytest.raises(InvalidRequest):
            await bench.gateway.open_orders(SIM_ACCOUNT)

    on_bench(tmp_path, test, {}, profile=PAPER)


def test_world_of_a_simulator_is_told_and_of_nothing_else(tmp_path: Path) -> None:
    async def sim(bench: Bench) -> None:
        assert await bench.gateway.simulator_world() == "w-1"
        bench.kis.script["state"] = [(404, b"")]
        assert await bench.gateway.simulator_world() == ""
        bench.kis.script["state"] = ["cut"]
        with pytest.raises(TransientError):
            await bench.gateway.simulator_world()

    async def at_kis(bench: Bench) -> None:
        assert await bench.gateway.simulator_world() == ""
        assert await bench.gateway.simulator_time() is None
        assert bench.kis.seen == []

    script = {"state": [(200, {"world": "w-1"})]}
    on_bench(tmp_path, sim, script)
    on_bench(tmp_path, sim, script, profile=PAPER)
    on_bench(tmp_path, at_kis, script, profile=PAPER, url=PAPER.rest_url)


@pytest.mark.parametrize(("mode", "speed_milli"), [("stepped", 0), ("speed", 720_000)])
def test_time_of_a_simulator_is_told(tmp_path: Path, mode: str, speed_milli: int) -> None:
    page = {"mode": mode, "speed": 720.0, "now_ns": 5, "door_ns": 7, "lag_ns": 0}

    async def test(bench: Bench) -> None:
        told = await bench.gateway.simulator_time()
        assert told == BrokerTime(market_ns=5, door_ns=7, speed_milli=speed_milli)
        assert bench.gate.passed == []

    on_bench(tmp_path, test, {"clock": [(200, page)]})


@pytest.mark.parametrize("answer", [(404, b""), (200, {"mode": "wall"}), (200, b"[1]")])
def test_time_of_what_shows_no_clock_is_none(tmp_path: Path, answer: Any) -> None:
    async def test(bench: Bench) -> None:
        assert await bench.gateway.simulator_time() is None

    on_bench(tmp_path, test, {"clock": [answer]})


def test_p37_log_shows_neither_account_nor_keys(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(bench: Bench) -> None:
        await bench.gateway.place(place())
        await bench.gateway.day_orders(SIM_ACCOUNT)

    stuck = (200, ok(output1=[], ctx_area_fk100="50000000!^01"), {"tr_cont": "M"})
    with caplog.at_level("DEBUG", logger="aegis_fast"):
        on_bench(tmp_path, test, {ORDER: ["cut"], LIST: [stuck]})

    text = caplog.text
    assert "reply lost" in text
    assert "could not be read whole" in text
    for secret in ("50000000", CREDENTIALS.appkey, CREDENTIALS.appsecret, "token-1"):
        assert secret not in text

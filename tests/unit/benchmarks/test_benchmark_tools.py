"""The benchmarks' own arithmetic: ratios, callgrind dumps, the page's markers, the inputs."""

from __future__ import annotations

import pytest

from benchmarks import corpus, docs, instructions, order_goals, plots, sender
from benchmarks.timing import Question, Row
from tests.oracle import frame_twin


def row(name: str, *samples: float) -> Row:
    return Row(name, "ours", lambda: 0, 1, samples=list(samples))


def test_ratio_is_of_the_minima_and_tells_what_it_takes_off():
    asked = Question("", "", [row("a", 60, 50), row("b", 20, 25), row("empty", 10, 12)])

    assert asked.ratio("a", "b") == 2.5
    assert asked.ratio("a", "b", less="empty") == 2.0
    assert asked.ratio("a", "not installed") is None


def test_peer_that_is_not_installed_is_left_out_by_name():
    asked = Question("", "", [])

    def make() -> Row:
        raise ImportError(name="order_book")

    asked.add(make)

    assert asked.missing == ["order_book is not installed"]


def test_callgrind_total_is_read():
    assert instructions.total_of("events: Ir\nfn=(1) x\n5 7\ntotals: 1234567\n") == 1_234_567


def test_callgrind_dump_without_a_total_is_refused():
    with pytest.raises(ValueError, match="no totals"):
        instructions.total_of("events: Ir\n")


def test_instructions_are_what_the_second_half_costs():
    # Start-up, then N passes, 2 N passes and the way to the next work, twice.
    totals = [9_000_000, 1_000 + 70, 2_000 + 70, 500, 640 + 70, 1_280 + 70]

    assert instructions.per_item(totals, [10, 4], passes=4) == [25, 40]


def test_too_few_dumps_are_refused():
    with pytest.raises(ValueError, match="2 dumps"):
        instructions.per_item([1, 2], [10])


def test_text_between_markers_is_replaced_and_the_rest_is_kept():
    page = "a\n<!-- goals -->\nold\n<!-- end of goals -->\nz\n"

    once = docs.between(page, "goals", r"new \1")

    assert once == "a\n<!-- goals -->\n\nnew \\1\n\n<!-- end of goals -->\nz\n"
    assert docs.between(once, "goals", r"new \1") == once
    with pytest.raises(ValueError, match="0 pairs"):
        docs.between(page, "rows", "new")


def test_page_has_all_markers():
    text = docs.PAGE.read_text("utf-8")

    for name in ("goals", "sockets", "rows"):
        docs.between(text, name, "")


@pytest.mark.parametrize(("percent", "place"), [(0, 0), (90, 1), (99, 2), (99.9, 3)])
def test_nines_are_equally_wide(percent, place):
    assert plots.position(percent) == pytest.approx(place)


@pytest.mark.parametrize(
    "frames",
    [corpus.trades, corpus.depths, corpus.feed, lambda: corpus.depths(corpus.DEPTH)],
    ids=["trades", "depths", "feed", "depths of today"],
)
def test_inputs_are_distinct_and_make_sense(frames):
    made = frames()

    assert len(set(made)) == corpus.SIZE
    for frame in made[::37]:
        assert len(frame_twin.parse(frame)) == 1


def test_connection_has_few_symbols_of_its_own():
    frames = [frame_twin.parse(frame)[0]["symbol"] for frame in corpus.lines(50, 50)]

    groups = [set(frames[i : i + 50]) for i in range(0, 2_500, 50)]
    assert {len(group) for group in groups} == {4}
    assert len(set().union(*groups)) == 200


def test_inputs_cover_cheap_and_expensive_issues():
    trades = [frame_twin.parse(frame)[0] for frame in corpus.trades()]

    prices = [trade["price_krw"] for trade in trades]
    assert min(prices) < 2_000
    assert max(prices) > 1_000_000
    assert {len(str(trade["qty"])) for trade in trades} == set(range(1, 8))
    assert max(len(str(trade["cum_value_krw"])) for trade in trades) >= 13
    assert {(trade["change_krw"] > 0) - (trade["change_krw"] < 0) for trade in trades} == {-1, 0, 1}


def test_sender_answers_a_handshake_as_rfc_6455_says():
    import socket

    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        sender.shake_hands(ours)

        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in theirs.recv(4_096)


def test_order_goals_are_made_of_the_rows_they_name():
    def cuts(p50: float, p99: float = 0) -> dict[str, float]:
        return {"p50": p50, "p99": p99}

    def row(p50: float, p99: float) -> dict[str, dict]:
        floors = {"one fdatasync": cuts(100), "one bare aiohttp POST": cuts(150)}
        return {"stages": {"whole": cuts(p50, p99)}, "floors": floors}

    beside = {"stages": {"feed alone": cuts(9, 20), "beside 1,000 orders/s": cuts(9, 30)}}
    rows = {
        "tick-kernel": row(40, 110),
        "tick-disk": row(190, 300),
        "call-disk": row(375, 900),
        "feed-spinning": beside,
    }

    assert order_goals.goals_of(rows) == {
        "order_kernel_p50_us": 40,
        "order_kernel_p99_us": 110,
        "order_disk_in_fdatasyncs": 1.5,
        "api_order_vs_bare": 1.5,
        "feed_p99_under_orders": 1.5,
        "delay_p99_under_orders_us": 30,
    }

import json

from hypothesis import given
from hypothesis import strategies as st

from aegis_fast.api.hub import payload_of
from aegis_fast.api.outbox import Outbox


def drain(outbox: Outbox) -> list[dict]:
    messages = []
    while (message := outbox.take()) is not None:
        messages.append(json.loads(message))
    return messages


def test_orders_pass_trades_and_trades_pass_books() -> None:
    outbox = Outbox()
    outbox.put_depth("005930", payload_of("depth", n=1))
    outbox.put_trade(payload_of("trade", n=2))
    outbox.put(payload_of("order", n=3))

    messages = drain(outbox)

    assert [m["type"] for m in messages] == ["order", "trade", "depth"]
    assert [m["seq"] for m in messages] == [1, 2, 3]
    assert outbox.is_empty


def test_only_the_latest_book_of_a_symbol_waits() -> None:
    outbox = Outbox()
    for n in range(5):
        outbox.put_depth("005930", payload_of("depth", symbol="005930", n=n))
    outbox.put_depth("000660", payload_of("depth", symbol="000660", n=9))

    assert [(m["symbol"], m["n"]) for m in drain(outbox)] == [("005930", 4), ("000660", 9)]


def test_a_snapshot_supersedes_the_older_book_that_waits() -> None:
    outbox = Outbox()
    outbox.put_depth("005930", payload_of("depth", n=1))
    outbox.put_snapshot("005930", payload_of("snapshot", n=2))
    outbox.put_depth("005930", payload_of("depth", n=3))

    assert [m["n"] for m in drain(outbox)] == [2, 3]


def test_full_ring_drops_the_oldest_trades_and_says_how_many() -> None:
    outbox = Outbox(max_trades=3)
    for n in range(5):
        outbox.put_trade(payload_of("trade", n=n))
    outbox.count_dropped(10)

    messages = drain(outbox)

    assert messages[0] == {"seq": 1, "type": "dropped", "channel": "trade", "count": 12}
    assert [m["n"] for m in messages[1:]] == [2, 3, 4]


def test_orders_are_never_dropped_but_tell_when_too_much_waits() -> None:
    outbox = Outbox(max_urgent_bytes=1000)
    payload = payload_of("order", n=1)
    while not outbox.is_over_limit:
        outbox.put(payload)
    count = len(drain(outbox))

    assert count == 1000 // len(payload) + 1
    assert not outbox.is_over_limit


@given(st.lists(st.sampled_from(["order", "trade", "depth", "take"]), max_size=200))
def test_whatever_happens_numbers_are_gapless_and_orders_complete(steps: list[str]) -> None:
    outbox = Outbox(max_trades=5)
    messages, counts = [], {"order": 0, "trade": 0, "depth": 0}
    for step in steps:
        if step == "take":
            message = outbox.take()
            messages += [json.loads(message)] if message else []
            continue
        counts[step] += 1
        payload = payload_of(step, n=counts[step])
        {"order": outbox.put, "trade": outbox.put_trade}.get(
            step, lambda p: outbox.put_depth("005930", p)
        )(payload)
    messages += drain(outbox)

    seen = {kind: [m["n"] for m in messages if m["type"] == kind] for kind in counts}
    dropped = sum(m["count"] for m in messages if m["type"] == "dropped")
    assert [m["seq"] for m in messages] == list(range(1, len(messages) + 1))
    assert seen["order"] == list(range(1, counts["order"] + 1))
    assert seen["trade"] == sorted(seen["trade"])
    assert len(seen["trade"]) + dropped == counts["trade"]
    assert seen["depth"][-1:] == ([counts["depth"]] if counts["depth"] else [])

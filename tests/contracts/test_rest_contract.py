"""Every call, in every profile, answers every field of its table: present, right type and width."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from aegis_fast.kis import tr
from aegis_fast.sim.calls import catalogue
from aegis_fast.sim.crowd.listing import issues_of
from tests.contracts.rest_requests import PARAMS, ask, busy_bench, variants
from tests.contracts.rest_shapes import EXTRAS, Part, parts_of, table_fields
from tests.contracts.rest_types import fault_of, rule_of
from tests.unit.sim.sim_harness import Bench

PROFILES = ("real", "paper", "spec")
CALLS = tuple(catalogue.calls())
OWN_HEADERS = {"rt_cd", "msg_cd", "msg1"}
# A customer without credit agreement: see test_rest_errors.
REFUSED = {"order-credit"}
# Numbers in the token's answer are numbers, not text.
NUMBERS = {"expires_in"}


@pytest.fixture(scope="module")
def bench_of() -> Callable[[str], Bench]:
    return cache(busy_bench)


def cases() -> list[tuple[str, str, str]]:
    environments = {"real": "real", "paper": "paper", "spec": "real"}
    return [
        (profile, call_id, variant)
        for profile in PROFILES
        for call_id in CALLS
        if call_id not in REFUSED
        for variant in variants(call_id, environments[profile])
        # One order number is changed once only.
        if (call_id, variant) != ("order-resv-rvsecncl", "cancel")
    ]


def rows_of(part: Part, body: dict) -> list[dict]:
    found = body if not part.key else body[part.key]
    if not part.is_list:
        assert isinstance(found, dict), f"{part.key} is no object"
        return [found]
    assert isinstance(found, list), f"{part.key} is no list"
    assert found, f"{part.key} has no rows: the bench shows nothing of them"
    return found


def check(call_id: str, body: dict) -> None:
    """Fail unless every field is there, no other is, and every value is of its type."""
    parts = parts_of(call_id)
    allowed = set(EXTRAS.get(call_id, {}))
    areas = {key for key in body if key.startswith("ctx_area_")}
    if parts[0].key:
        assert set(body) == {part.key for part in parts} | OWN_HEADERS | areas
    for part in parts:
        for row in rows_of(part, body):
            assert set(part.fields) <= set(row), f"missing: {set(part.fields) - set(row)}"
            assert set(row) <= set(part.fields) | allowed, set(row) - set(part.fields)
            faults = [
                fault_of(name, value)
                for name, value in row.items()
                if name not in NUMBERS and name != "BODY"
            ]
            assert not any(faults), [fault for fault in faults if fault]


def test_table_and_shapes_name_the_same_fields() -> None:
    for call_id in CALLS:
        shaped = {name for part in parts_of(call_id) for name in part.fields}
        documented = table_fields(call_id)
        if call_id not in REFUSED:
            assert shaped == documented, (call_id, shaped ^ documented)


def test_every_documented_field_has_a_rule() -> None:
    missing = []
    for call_id in CALLS:
        for name in table_fields(call_id) - NUMBERS:
            try:
                rule_of(name)
            except KeyError:
                missing.append(name)

    assert missing == []


def test_field_without_a_rule_is_a_failure() -> None:
    with pytest.raises(KeyError):
        rule_of("no_such_field_at_kis_zzz")


def test_there_is_a_request_for_every_call() -> None:
    assert set(PARAMS) == set(CALLS)
    assert set(tr.calls()) <= set(CALLS)


@pytest.mark.parametrize(("profile", "call_id", "variant"), cases())
def test_answer_has_every_field_of_its_table(
    bench_of: Callable[[str], Bench], profile: str, call_id: str, variant: str
) -> None:
    fresh = call_id in ("token", "revoke", "order-rvsecncl", "order-resv-rvsecncl")
    bench = busy_bench(profile) if fresh else bench_of(profile)
    if call_id == "token":
        bench = Bench(profile=profile)
    if variant == "older":
        bench = busy_bench(profile)
        for entry in bench.broker.ledger.orders.values():
            entry.date = "20260701"

    params = PARAMS[call_id] | ({"INQR_STRT_DT": "20260601"} if variant == "older" else {})
    answer, body = ask(bench, call_id, params, variant=variant)

    assert answer.status == 200, body
    if parts_of(call_id)[0].key:
        assert body["rt_cd"] == "0", body
        assert len(body["msg1"]) == 80
        assert answer.headers["tr_cont"] in ("", "F", "M", "D", "E")
    check(call_id, body)


@pytest.mark.parametrize("code", ["NX", "UN"])
@pytest.mark.parametrize(
    "call_id",
    [call_id for call_id, params in PARAMS.items() if params.get("FID_COND_MRKT_DIV_CODE") == "J"],
)
def test_other_venues_answer_the_same_fields(
    bench_of: Callable[[str], Bench], call_id: str, code: str
) -> None:
    params = PARAMS[call_id] | {"FID_COND_MRKT_DIV_CODE": code}

    answer, body = ask(bench_of("real"), call_id, params)

    assert (answer.status, body["rt_cd"]) == (200, "0"), body
    check(call_id, body)
    assert ask(bench_of("paper"), call_id, params, tr_id=_paper_id(call_id))[1]["msg_cd"] in (
        "OPSQ2001",
        "EGW00213",
    )


def _paper_id(call_id: str) -> str:
    ids = catalogue.calls()[call_id].tr_ids
    return ids.get(("paper", "")) or ids["real", ""]


@pytest.mark.parametrize("symbol", ["069500", "57JN53", "247540"])
@pytest.mark.parametrize("call_id", ["inquire-price", "search-stock-info", "asking-price-exp-ccn"])
def test_funds_warrants_and_kosdaq_answer_the_same_fields(
    bench_of: Callable[[str], Bench], call_id: str, symbol: str
) -> None:
    name = "PDNO" if call_id == "search-stock-info" else "FID_INPUT_ISCD"

    body = ask(bench_of("real"), call_id, PARAMS[call_id] | {name: symbol})[1]

    check(call_id, body)


@pytest.mark.parametrize(
    "call_id", [call_id for call_id in CALLS if not variants(call_id, "paper")]
)
def test_call_that_paper_lacks_is_refused_there(
    bench_of: Callable[[str], Bench], call_id: str
) -> None:
    variant = variants(call_id, "real")[0]
    tr_id = catalogue.calls()[call_id].tr_id("real", variant)

    answer, body = ask(bench_of("paper"), call_id, tr_id=tr_id)

    assert (answer.status, body["rt_cd"], body["msg_cd"]) == (500, "1", "EGW00213")


def test_every_kind_of_a_large_market_answers_the_same_fields() -> None:
    listed = issues_of(300, seed=5)
    bench = Bench(profile="real", listed=listed)
    bench.login()
    kinds = {issue.kind: issue.symbol for issue in listed}
    calls = [
        *("inquire-price", "inquire-price-2", "asking-price-exp-ccn", "search-info"),
        *("search-stock-info", "inquire-daily-price", "inquire-time-itemchartprice"),
    ]

    assert set(kinds) == {"stock", "etf", "etn", "elw"}
    for symbol in kinds.values():
        for call_id in calls:
            name = "PDNO" if call_id.startswith("search") else "FID_INPUT_ISCD"
            check(call_id, ask(bench, call_id, PARAMS[call_id] | {name: symbol})[1])


def test_token_that_comes_too_soon_has_an_error_of_its_own_shape() -> None:
    bench = Bench()
    ask(bench, "token")

    answer, body = ask(bench, "token")

    assert answer.status == 403
    assert set(body) == {"error_code", "error_description"}
    assert body["error_code"] == "EGW00133"

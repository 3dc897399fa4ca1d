"""The catalogue and the profiles: ids, addresses and limits come from data and never mix."""

from __future__ import annotations

import pytest

from aegis_fast.errors import ConfigError
from aegis_fast.kis import tr
from aegis_fast.kis.profile import (
    LIVE,
    PAPER,
    PAPER_SPEC,
    PROFILES,
    SIM,
    check_addresses,
    profile,
)


def test_s111_specification_codes_map_to_kis_calls() -> None:
    assert tr.call("t1101").tr_id("real") == "FHKST01010100"
    assert tr.call("t1305").tr_id("paper") == "FHKST03010100"
    assert tr.call("t0424").tr_id("real", "within_3_months") == "TTTC0081R"
    assert tr.call("t0424").tr_id("paper", "within_3_months") == "VTTC0081R"
    assert tr.call("t8412").tr_id("real") == "FHKST03010200"
    assert "OVC_ORDER" not in tr.ALIASES


@pytest.mark.parametrize("call_id", sorted(tr.calls()))
def test_paper_ids_are_real_ids_with_a_v_unless_they_are_quotations(call_id: str) -> None:
    call = tr.call(call_id)

    for (environment, variant), tr_id in call.tr_ids.items():
        if environment == "paper":
            real = call.tr_id("real", variant)
            expected = real if real.startswith("FH") else "V" + real[1:]
            assert tr_id == expected


def test_every_order_kind_names_its_venues_and_whether_it_has_a_price() -> None:
    kinds = tr.order_kinds()

    assert kinds["00"].venues == {"KRX", "NXT", "SOR"}
    assert kinds["00"].has_price
    assert kinds["01"].venues == {"KRX", "SOR"}
    assert not kinds["01"].has_price
    assert kinds["02"].venues == {"KRX"}


def test_error_table_explains_codes_and_what_may_be_repeated() -> None:
    assert "exceeded" in tr.error_meaning("EGW00201")
    assert tr.error_retryable("EGW00201") == "yes"
    assert tr.error_retryable("KIOK0460") == "ok"
    assert tr.error_retryable("NOSUCH") == ""
    assert tr.error_meaning("NOSUCH") == ""


def test_s67_paper_rest_address() -> None:
    assert PAPER.rest_url == "https://openapivts.koreainvestment.com:29443"
    assert PAPER_SPEC.rest_url == PAPER.rest_url


def test_s68_paper_feed_address_as_it_works_and_as_specified() -> None:
    assert PAPER.ws_url == "ws://ops.koreainvestment.com:31000/tryitout"
    assert PAPER_SPEC.ws_url == "wss://openapivts.koreainvestment.com:8443/tryitout"


def test_s69_each_environment_has_hosts_ids_and_limits_of_its_own() -> None:
    assert LIVE.rest_url != PAPER.rest_url
    assert LIVE.ws_url != PAPER.ws_url
    assert (LIVE.environment, PAPER.environment, SIM.environment) == ("real", "paper", "real")
    assert (LIVE.calls_per_s, PAPER.calls_per_s, SIM.calls_per_s) == (18, 1, 30)
    assert PAPER.venues == ("KRX",)
    assert (LIVE.notice_tr, PAPER.notice_tr) == ("H0STCNI0", "H0STCNI9")
    assert all(p.max_registrations == 41 for p in PROFILES.values())


def test_s69_live_profile_refuses_another_address() -> None:
    with pytest.raises(ConfigError) as caught:
        LIVE.at("http://127.0.0.1:1", "ws://127.0.0.1:1")

    assert caught.value.field == "kis.rest_url"
    assert LIVE.at(LIVE.rest_url, LIVE.ws_url) == LIVE
    moved = SIM.at("http://127.0.0.1:1/", "ws://127.0.0.1:1/")
    assert (moved.rest_url, moved.ws_url) == ("http://127.0.0.1:1", "ws://127.0.0.1:1")


def test_s69_paper_on_this_machine_is_a_simulator_with_a_name_of_its_own() -> None:
    moved = PAPER.at("http://127.0.0.1:8791", "ws://127.0.0.1:8791/tryitout")
    elsewhere = PAPER.at("https://paper.example:29443", PAPER.ws_url)

    assert (moved.name, moved.is_simulator) == ("paper-sim", True)
    assert (moved.calls_per_s, moved.venues) == (PAPER.calls_per_s, PAPER.venues)
    assert (elsewhere.name, elsewhere.is_simulator) == ("paper", False)
    assert SIM.at("http://sim.example:1", "ws://sim.example:1").is_simulator


def test_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="live"):
        profile("prod")

    assert profile("paper") is PAPER


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_s66_shipped_addresses_are_encrypted_or_known_exceptions(name: str) -> None:
    check_addresses(PROFILES[name])


@pytest.mark.parametrize(
    ("rest_url", "ws_url", "field"),
    [
        ("http://broker.example", PAPER.ws_url, "kis.rest_url"),
        (PAPER.rest_url, "ws://feed.example/tryitout", "kis.ws_url"),
        ("http://ops.koreainvestment.com:1", PAPER.ws_url, "kis.rest_url"),
    ],
)
def test_s66_plain_address_elsewhere_is_refused(rest_url: str, ws_url: str, field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_addresses(PAPER.at(rest_url, ws_url))

    assert caught.value.field == field


def test_s66_plain_address_on_this_machine_is_accepted() -> None:
    check_addresses(PAPER.at("http://127.0.0.1:8791", "ws://localhost:8791/tryitout"))

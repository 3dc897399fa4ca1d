"""Keys are masked wherever they show, and tokens are used only while they may be."""

from __future__ import annotations

import hashlib

import pytest

from aegis_fast.core.masking import mask_account
from aegis_fast.errors import AuthError, ConfigError, ProtocolError
from aegis_fast.kis.credentials import (
    AppCredentials,
    TokenRecord,
    decode_records,
    encode_records,
    is_due,
    is_usable,
    mask,
    parse_approval_key,
    parse_token,
    token_slot,
)
from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID

S = 10**9
H = 3600 * S
ISSUED_NS = 1_795_392_000 * S  # 2026-11-23 09:00:00 KST
EXPIRES_NS = ISSUED_NS + 24 * H


def credentials(**changes: str) -> AppCredentials:
    values = {
        "appkey": SIM_APPKEY,
        "appsecret": SIM_APPSECRET,
        "account": SIM_ACCOUNT,
        "hts_id": SIM_HTS_ID,
    }
    return AppCredentials(**(values | changes))


def record(token: str = "t" * 40) -> TokenRecord:
    return TokenRecord(token_slot("sim", SIM_APPKEY), token, ISSUED_NS, EXPIRES_NS)


@pytest.mark.parametrize("shown", [repr, str, lambda c: f"{c}", lambda c: f"{c!r:>200}"])
def test_p37_every_textual_form_hides_the_secrets(shown: object) -> None:
    text = shown(credentials())  # type: ignore[operator]

    for secret in (SIM_APPKEY, SIM_APPSECRET, SIM_ACCOUNT, SIM_APPSECRET[:8]):
        assert secret not in text
    assert "50******01" in text


def test_p37_token_is_hidden_in_its_record() -> None:
    assert "tttt" not in repr(record())


@pytest.mark.parametrize(
    ("secret", "shown"), [("", "***(0)"), ("short", "***(5)"), ("x" * 36, "xxxx***(36)")]
)
def test_masked_secret_shows_little(secret: str, shown: str) -> None:
    assert mask(secret) == shown


def test_masked_account_keeps_its_ends_only() -> None:
    assert mask_account("5000000001") == "50******01"
    assert mask_account("12345") == "*****"


def test_account_with_a_dash_is_read_and_split() -> None:
    c = credentials(account="50000000-01")

    assert (c.account, c.cano, c.product_code) == ("5000000001", "50000000", "01")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("account", "500000000"),
        ("account", "50000000011"),
        ("account", "50000000a1"),
        ("account", "５０００００００01"),
        ("appkey", ""),
        ("appsecret", " padded"),
        ("hts_id", "한글"),
    ],
)
def test_malformed_credentials_name_the_key_and_not_the_value(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        credentials(**{name: value})

    assert caught.value.field == f"kis.{name}"
    assert not value or value not in str(caught.value)


def test_s69_token_slots_differ_by_environment_and_appkey() -> None:
    slots = {
        token_slot("live", "a"), token_slot("paper", "a"), token_slot("sim", "a"),
        token_slot("live", "b"),
    }  # fmt: skip

    assert len(slots) == 4
    assert token_slot("live", "a") == "live:" + hashlib.sha256(b"a").hexdigest()


def test_s54_token_is_due_at_exactly_six_hours() -> None:
    assert not is_due(record(), ISSUED_NS + 6 * H - 1)
    assert is_due(record(), ISSUED_NS + 6 * H)


def test_token_is_due_in_its_last_hour_but_not_asked_for_all_the_time() -> None:
    reissued = TokenRecord("sim:x", "t", EXPIRES_NS - H, EXPIRES_NS)

    assert not is_due(reissued, EXPIRES_NS - H + 60 * S)
    assert is_due(reissued, EXPIRES_NS - H + 61 * S)


def test_token_is_not_used_in_its_last_minute() -> None:
    assert is_usable(record(), EXPIRES_NS - 60 * S - 1)
    assert not is_usable(record(), EXPIRES_NS - 60 * S)


def test_policy_may_renew_later_than_six_hours() -> None:
    assert not is_due(record(), ISSUED_NS + 7 * H, renew_age_ns=22 * H)


def test_token_answer_is_read_with_its_korean_expiry() -> None:
    body = (
        b'{"access_token":"abc.def","token_type":"Bearer","expires_in":86400,'
        b'"access_token_token_expired":"2026-11-24 09:00:00"}'
    )

    assert parse_token(body, "sim:x", ISSUED_NS) == TokenRecord(
        "sim:x", "abc.def", ISSUED_NS, EXPIRES_NS
    )


def test_token_answer_without_a_date_lives_for_expires_in() -> None:
    body = b'{"access_token":"abc","expires_in":"86400"}'

    assert parse_token(body, "sim:x", ISSUED_NS).expires_ns == EXPIRES_NS


def test_token_refusal_carries_the_code() -> None:
    body = '{"error_code":"EGW00133","error_description":"접근토큰 발급 잠시 후"}'.encode()

    with pytest.raises(AuthError) as caught:
        parse_token(body, "sim:x", 0)

    assert caught.value.venue_code == "EGW00133"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"access_token":"a"}'])
def test_unreadable_token_answer_raises(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_token(body, "sim:x", 0)


def test_approval_answer_is_read_or_refused() -> None:
    assert parse_approval_key(b'{"approval_key":"uuid"}') == "uuid"
    with pytest.raises(AuthError):
        parse_approval_key(b'{"error_code":"EGW00103","error_description":"x"}')
    with pytest.raises(ProtocolError):
        parse_approval_key(b"nope")


def test_p1_records_survive_the_file_and_damage_reads_as_empty() -> None:
    kept = {record().slot: record()}

    assert decode_records(encode_records(kept)) == kept
    assert decode_records(b"") == {}
    assert decode_records(b'{"sim:x": {"token": 1}}') == {}
    assert decode_records(encode_records(kept)[:-5]) == {}

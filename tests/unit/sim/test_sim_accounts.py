"""The accounts file of a simulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_fast.errors import ConfigError
from aegis_fast.sim.desk.accounts import read_accounts

ONE = """
[[account]]
account = "5000000001"
appkey = "key-one"
appsecret = "secret-one"
hts_id = "mine"
"""


def read(tmp_path: Path, text: str, profile: str = "spec") -> tuple:
    path = tmp_path / "accounts.toml"
    path.write_text(text, "utf-8")
    return read_accounts(path, profile)


def test_account_takes_its_defaults(tmp_path: Path) -> None:
    (spec,) = read(tmp_path, ONE)

    assert (spec.account, spec.appkey, spec.appsecret) == ("5000000001", "key-one", "secret-one")
    assert (spec.hts_id, spec.name, spec.cash_krw, spec.holdings) == (
        "mine",
        "홍길동",
        100_000_000,
        {},
    )


def test_two_accounts_with_holdings(tmp_path: Path) -> None:
    text = f"""{ONE}
name = "김철수"
cash_krw = 5_000
[account.holdings]
005930 = {{ qty = 10, cost_krw = 700_000 }}
{ONE.replace("5000000001", "5000000002")}
"""

    first, second = read(tmp_path, text)

    assert (first.name, first.cash_krw) == ("김철수", 5_000)
    assert first.holdings == {"005930": (10, 700_000)}
    assert (second.account, second.appkey) == ("5000000002", first.appkey)


def test_keys_of_another_profile_stay_unknown(tmp_path: Path) -> None:
    other = ONE.replace("0001", "0002").replace("-one", "-two") + 'profile = "paper"\n'

    assert [s.account for s in read(tmp_path, ONE + other, "real")] == ["5000000001"]
    assert len(read(tmp_path, ONE + other, "paper")) == 2
    with pytest.raises(ConfigError, match="no account for profile real"):
        read(tmp_path, other, "real")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "account"),
        ("account = []", "length >= 1"),
        ("[[account]", "can't be read"),
        (ONE.replace("5000000001", "500"), "account"),
        (ONE.replace('hts_id = "mine"', ""), "hts_id"),
        (ONE + "cash_krw = -1", "cash_krw"),
        (ONE + "cash_krw = 1.5", "cash_krw"),
        (ONE + "colour = 1", "colour"),
        (ONE + 'profile = "mock"', "mock"),
        (ONE + "[account.holdings]\n005930 = { qty = 0, cost_krw = 1 }", "qty"),
        (ONE + "[account.holdings]\nx = { qty = 1, cost_krw = 1 }", "holdings"),
        (ONE + ONE, "twice"),
        (
            ONE + ONE.replace("0001", "0002").replace("secret-one", "another"),
            "another appsecret",
        ),
    ],
)
def test_wrong_file_is_a_configuration_error_that_says_where(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read(tmp_path, text)

    assert "secret-one" not in caught.value.message


def test_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no accounts file"):
        read_accounts(tmp_path / "none.toml", "spec")

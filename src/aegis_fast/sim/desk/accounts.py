"""Read the accounts of a simulated broker from a TOML file.

[[account]]
account = "5000000001"          # 10 digits: 8 + 2
appkey = "PS..."                # several accounts may share one: they share its call limit
appsecret = "..."
hts_id = "mine"                 # accounts under one id get each other's notices
name = "홍길동"                  # the rest may be left out
cash_krw = 100000000
profile = "paper"               # these keys open only that profile; elsewhere: EGW00103
[account.holdings]
005930 = { qty = 10, cost_krw = 700000 }   # cost_krw: of all ten together
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aegis_fast.errors import ConfigError
from aegis_fast.sim.desk.account import AccountSpec
from aegis_fast.sim.rules import RULES

__all__ = ["MAX_ACCOUNTS", "read_accounts"]

MAX_ACCOUNTS = 1_000
_MAX_KRW = 10**15
_Text = Annotated[str, Meta(min_length=1, max_length=200)]
_Symbol = Annotated[str, Meta(pattern=r"^[0-9A-Z]{6,7}$")]


class _HoldingRow(msgspec.Struct, forbid_unknown_fields=True):
    qty: Annotated[int, Meta(gt=0, le=10**9)]
    cost_krw: Annotated[int, Meta(ge=0, le=_MAX_KRW)]


class _AccountRow(msgspec.Struct, forbid_unknown_fields=True):
    account: Annotated[str, Meta(pattern=r"^[0-9]{10}$")]
    appkey: Annotated[str, Meta(min_length=1, max_length=64)]
    appsecret: _Text
    hts_id: Annotated[str, Meta(min_length=1, max_length=40)]
    name: Annotated[str, Meta(min_length=1, max_length=40)] = "홍길동"
    cash_krw: Annotated[int, Meta(ge=0, le=_MAX_KRW)] = 100_000_000
    profile: str = ""
    holdings: dict[_Symbol, _HoldingRow] = {}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    account: Annotated[list[_AccountRow], Meta(min_length=1, max_length=MAX_ACCOUNTS)]


def read_accounts(path: Path, profile: str) -> tuple[AccountSpec, ...]:
    """Return the accounts that a file holds for a profile. Raises ConfigError.

    Accounts of another profile are left out, so that their keys are unknown at this door.
    """
    rows = _rows(path)
    secrets: dict[str, str] = {}
    for number, row in enumerate(rows):
        where = f"{path}: account[{number}]"
        if row.profile and row.profile not in RULES:
            raise ConfigError(
                f"{where}.profile is {row.profile!r}", field="profile", expected=" | ".join(RULES)
            )
        if secrets.setdefault(row.appkey, row.appsecret) != row.appsecret:
            raise ConfigError(
                f"{where}: its appkey has another appsecret above",
                field="appsecret",
                expected="one appsecret for each appkey",
            )
    mine = [row for row in rows if row.profile in ("", profile)]
    if not mine:
        raise ConfigError(
            f"{path} holds no account for profile {profile}", field="profile", expected=profile
        )
    numbers = [row.account for row in mine]
    if twice := next((n for n in numbers if numbers.count(n) > 1), None):
        raise ConfigError(
            f"{path}: account {twice} is there twice", field="account", expected="each once"
        )
    return tuple(map(_spec, mine))


def _rows(path: Path) -> list[_AccountRow]:
    try:
        tree: Any = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"there is no accounts file {path}", field="--accounts", expected="a TOML file"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"{path} can't be read: {error}", field="--accounts", expected="TOML with [[account]]"
        ) from error
    try:
        return msgspec.convert(tree, _File).account
    except msgspec.ValidationError as error:
        # The text of the error names the key and what would be right, never a value.
        raise ConfigError(
            f"{path}: {error}", field="--accounts", expected="[[account]] tables; see the manual"
        ) from None


def _spec(row: _AccountRow) -> AccountSpec:
    return AccountSpec(
        account=row.account,
        appkey=row.appkey,
        appsecret=row.appsecret,
        hts_id=row.hts_id,
        name=row.name,
        cash_krw=row.cash_krw,
        holdings={symbol: (held.qty, held.cost_krw) for symbol, held in row.holdings.items()},
    )

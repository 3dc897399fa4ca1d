"""Load the configuration once, check it, and hand down frozen objects.

Order of precedence: command line, environment (AEGIS__SECTION__KEY), the user's file, the defaults
of aegis.toml. An unknown key or a value out of range is a ConfigError that names the file, the key
and what would be right; nothing starts.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from aegis_fast.errors import ConfigError

__all__ = ["Settings", "load_settings"]

_FROZEN = ConfigDict(extra="forbid", frozen=True)
_Env = Literal["sim", "paper", "paper-spec", "live"]
_MARKETS = ("KOSPI", "KOSDAQ", "ELW")


class EngineSettings(BaseModel):
    model_config = _FROZEN
    env: _Env
    home: Path
    host: str
    port: int = Field(ge=0, le=65535)
    answer_timeout_ms: int = Field(ge=100, le=60_000)
    max_waiting_calls: int = Field(ge=1, le=100_000)
    freeze_gc: bool
    spin: bool
    spin_core: int = Field(ge=-1, le=4_095)


class KISSettings(BaseModel):
    model_config = _FROZEN
    appkey: str = Field(repr=False)
    appsecret: str = Field(repr=False)
    account: str = Field(pattern=r"^(\d{10})?$", repr=False)
    hts_id: str
    rest_url: str = Field(pattern=r"^(https?://.+)?$")
    ws_url: str = Field(pattern=r"^(wss?://.+)?$")
    ca_file: str
    connect_timeout_ms: int = Field(ge=10, le=60_000)
    read_timeout_ms: int = Field(ge=10, le=60_000)
    order_lines: int = Field(ge=0, le=8)
    calls_per_s: int = Field(ge=0, le=1_000)
    call_window_ms: int = Field(ge=1_000, le=10_000)


class FeedSettings(BaseModel):
    model_config = _FROZEN
    symbols: tuple[str, ...]
    reconnect_interval_ms: int = Field(ge=10, le=60_000)
    cycle_attempts: int = Field(ge=1, le=100)
    cooldown_ms: int = Field(ge=0, le=600_000)
    heartbeat_interval_ms: int = Field(ge=100, le=600_000)
    subscribe_pacing_ms: int = Field(ge=0, le=5_000)
    strategy_max_errors: int = Field(ge=1, le=1_000_000)
    latency_sample_every: int = Field(ge=0, le=1 << 20)

    @field_validator("symbols")
    @classmethod
    def _check_symbols(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        for symbol in symbols:
            if not (6 <= len(symbol) <= 7 and symbol.isascii() and symbol.isalnum()):
                raise ValueError(f"{symbol!r} is no symbol: 6 or 7 letters and digits")
        return symbols

    @field_validator("latency_sample_every")
    @classmethod
    def _check_sampling(cls, count: int) -> int:
        if count & (count - 1):
            raise ValueError(f"{count} is no power of two, nor 0 (off)")
        return count


class OrderSettings(BaseModel):
    model_config = _FROZEN
    market_timeout_ms: int = Field(ge=100, le=60_000)
    limit_timeout_ms: int = Field(ge=100, le=60_000)
    offset_bp: dict[str, tuple[int, int]]

    @field_validator("offset_bp", mode="before")
    @classmethod
    def _name_markets(cls, table: Any) -> Any:
        """Let AEGIS__ORDER__OFFSET_BP__KOSPI replace KOSPI: the name comes in small letters."""
        if not isinstance(table, dict):
            return table
        named = {key: value for key, value in table.items() if key in _MARKETS}
        return named | {str(k).upper(): value for k, value in table.items() if k not in _MARKETS}

    @field_validator("offset_bp")
    @classmethod
    def _check_offsets(cls, table: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        for market in _MARKETS:
            if market not in table:
                raise ValueError(f"{market} is missing")
        if unknown := set(table) - set(_MARKETS):
            raise ValueError(f"unknown market {min(unknown)}; there are {', '.join(_MARKETS)}")
        for market, pair in table.items():
            if any(not -9_999 <= bp <= 9_999 for bp in pair):
                raise ValueError(f"{market}: an offset lies between -9999 and 9999 bp")
        return table


class RiskSettings(BaseModel):
    model_config = _FROZEN
    max_order_krw: int = Field(ge=0)
    max_order_qty: int = Field(ge=0)
    max_open_orders: int = Field(ge=0)
    commission_ppm: int = Field(ge=0, le=100_000)
    sell_tax_ppm: int = Field(ge=0, le=100_000)


class ReconcileSettings(BaseModel):
    model_config = _FROZEN
    interval_ms: int = Field(ge=200, le=600_000)
    absence_scans: int = Field(ge=1, le=1_000)
    quiet_horizon_ms: int = Field(ge=0, le=86_400_000)
    clock_slack_s: int = Field(ge=0, le=600)


class JournalSettings(BaseModel):
    model_config = _FROZEN
    durability: Literal["disk", "kernel"]
    max_waiting: int = Field(ge=1, le=1_000_000)


class ApiKeySettings(BaseModel):
    model_config = _FROZEN
    id: str = Field(min_length=1, max_length=64)
    secret_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
    role: Literal["view", "trade", "admin"]


class ApiSettings(BaseModel):
    model_config = _FROZEN
    keys: tuple[ApiKeySettings, ...]


class Settings(BaseSettings):
    """The whole configuration; every section is frozen."""

    model_config = SettingsConfigDict(
        env_prefix="AEGIS__",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        case_sensitive=False,
    )
    engine: EngineSettings
    kis: KISSettings
    feed: FeedSettings
    order: OrderSettings
    risk: RiskSettings
    reconcile: ReconcileSettings
    journal: JournalSettings
    api: ApiSettings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # The merged files come in as init values; the environment stands above them.
        return env_settings, init_settings


def load_settings(
    config_file: Path | None = None,
    env: str | None = None,
    home: Path | None = None,
    port: int | None = None,
    live: bool = False,
    overrides: dict[str, Any] | None = None,
) -> Settings:
    """Return the settings, checked.

    config_file None reads ./aegis.toml if it is there. overrides: {"section.key": value}, above all
    else. Raises ConfigError. AEGIS_HOME and AEGIS_PORT stand for engine.home and engine.port.
    """
    tree = tomllib.loads(resources.files("aegis_fast").joinpath("aegis.toml").read_text("utf-8"))
    path = config_file if config_file is not None else Path("aegis.toml")
    if config_file is not None or path.exists():
        _merge(tree, _read_file(path), tree, str(path), "")
    _check_environment(tree)
    forced: dict[str, Any] = {
        "engine.env": env,
        "engine.home": home or os.environ.get("AEGIS_HOME"),
        "engine.port": port if port is not None else os.environ.get("AEGIS_PORT"),
    }
    forced = {key: value for key, value in forced.items() if value is not None}
    try:
        settings = Settings(**tree)
    except ValidationError as error:
        raise _config_error(error, "") from None
    except SettingsError as error:
        raise ConfigError(
            f"an environment variable AEGIS__... can't be read: {error}",
            field="AEGIS__*",
            expected="lists and tables as JSON, e.g. AEGIS__FEED__SYMBOLS='[\"005930\"]'",
        ) from None
    for key, value in (forced | (overrides or {})).items():
        settings = _with(settings, key, value)
    _check_env_rules(settings, is_file_given=path.exists(), live=live)
    return settings


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"there is no configuration file {path}", field="--config", expected="an existing file"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {error}", field="--config") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", field="--config") from error


def _merge(
    target: dict[str, Any], source: dict[str, Any], known: dict[str, Any], name: str, prefix: str
) -> None:
    for key, value in source.items():
        here = f"{prefix}{key}"
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise ConfigError(
                f"{name}: unknown key {here!r} (알 수 없는 설정)",
                field=here,
                expected=f"{prefix}{close[0]}" if close else "one of " + ", ".join(sorted(known)),
            )
        if isinstance(value, dict) and isinstance(known.get(key), dict):
            _merge(target[key], value, known[key], name, f"{here}.")
        else:
            target[key] = value


def _check_environment(tree: dict[str, Any]) -> None:
    for variable in os.environ:
        if not variable.upper().startswith("AEGIS__"):
            continue
        parts = variable.lower().split("__")[1:]
        known: Any = tree
        for part in parts:
            lowered = {key.lower(): key for key in known} if isinstance(known, dict) else {}
            if part not in lowered:
                close = difflib.get_close_matches(part, list(lowered), n=1)
                raise ConfigError(
                    f"unknown environment variable {variable}",
                    field=variable,
                    expected=close[0].upper() if close else "a key of aegis.toml",
                )
            known = known[lowered[part]]


def _with(settings: Settings, key: str, value: Any) -> Settings:
    section_name, _, name = key.partition(".")
    known = [
        f"{section}.{field}"
        for section in Settings.model_fields
        for field in type(getattr(settings, section)).model_fields
    ]
    if key not in known:
        close = difflib.get_close_matches(key, known, n=1)
        raise ConfigError(
            f"unknown key {key!r} (알 수 없는 설정)",
            field=key,
            expected=close[0] if close else "a key of aegis.toml",
        )
    section = getattr(settings, section_name)
    fields = {field: getattr(section, field) for field in type(section).model_fields}
    try:
        changed = type(section).model_validate({**fields, name: value})
    except ValidationError as error:
        raise _config_error(error, f"{section_name}.") from None
    return settings.model_copy(update={section_name: changed})


def _config_error(error: ValidationError, prefix: str) -> ConfigError:
    first = error.errors(include_input=False, include_url=False)[0]
    field = prefix + ".".join(str(part) for part in first["loc"])
    return ConfigError(f"the configuration is wrong: {field}: {first['msg']}", field=field)


def _check_env_rules(settings: Settings, *, is_file_given: bool, live: bool) -> None:
    env = settings.engine.env
    if env == "live" and not (live and is_file_given):
        raise ConfigError(
            "live trading needs a configuration file and --live (실거래)",
            field="engine.env",
            expected="aegis run --env live --config FILE --live",
        )
    if env == "live" and settings.kis.ca_file:
        raise ConfigError(
            "live trading trusts the system's authorities only",
            field="kis.ca_file",
            expected='"", or another environment',
        )
    if env != "sim":
        for key in ("appkey", "appsecret", "account", "hts_id"):
            if not getattr(settings.kis, key):
                raise ConfigError(
                    f"the environment {env} needs kis.{key}",
                    field=f"kis.{key}",
                    expected=f"the value from the KIS portal, or AEGIS__KIS__{key.upper()}",
                )

"""The configuration: where a value comes from, and that nothing wrong starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from aegis_fast.config import Settings, load_settings
from aegis_fast.errors import ConfigError

LIVE = """
[engine]
env = "live"
[kis]
appkey = "k"
appsecret = "s"
account = "5000000001"
hts_id = "me"
"""


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has an empty directory and no settings in its environment."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith("AEGIS"):
            monkeypatch.delenv(name)


def written(text: str, name: str = "aegis.toml") -> Path:
    path = Path(name)
    path.write_text(text, "utf-8")
    return path


def refused(**wanted: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(**wanted)
    return caught.value


def test_defaults_are_those_of_the_specification() -> None:
    settings = load_settings()

    assert settings.engine.env == "sim"
    assert (settings.engine.host, settings.engine.port) == ("127.0.0.1", 8790)
    assert settings.kis.connect_timeout_ms == settings.kis.read_timeout_ms == 5_000
    assert settings.kis.call_window_ms == 1_050
    assert settings.feed.reconnect_interval_ms == 1_000
    assert settings.feed.heartbeat_interval_ms == 30_000
    assert settings.feed.cycle_attempts == 3
    assert settings.order.offset_bp == {
        "KOSPI": (-200, 200),
        "KOSDAQ": (-300, 300),
        "ELW": (-100, 100),
    }
    assert settings.reconcile.interval_ms == 5_000
    assert settings.journal.durability == "disk"
    assert settings.api.keys == ()
    assert (settings.engine.spin, settings.engine.spin_core) == (False, -1)
    assert settings.engine.freeze_gc
    assert settings.feed.latency_sample_every == 64


# -- precedence ---------------------------------------------------------------------------------


def test_each_source_stands_above_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "risk.max_order_qty"
    assert load_settings().risk.max_order_qty == 0

    written("[risk]\nmax_order_qty = 1\nmax_order_krw = 7\n")
    assert load_settings().risk.max_order_qty == 1

    monkeypatch.setenv("AEGIS__RISK__MAX_ORDER_QTY", "2")
    assert load_settings().risk.max_order_qty == 2
    assert load_settings().risk.max_order_krw == 7, "its neighbours stay"

    assert load_settings(overrides={key: 3}).risk.max_order_qty == 3


def test_named_file_replaces_the_one_in_the_directory() -> None:
    written("[risk]\nmax_order_qty = 1\n")
    other = written("[risk]\nmax_order_krw = 2\n", "other.toml")
    risk = load_settings(other).risk
    assert (risk.max_order_qty, risk.max_order_krw) == (0, 2)


def test_home_and_port_come_from_option_then_variable_then_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written('[engine]\nhome = "a"\nport = 1\n')
    assert (load_settings().engine.home, load_settings().engine.port) == (Path("a"), 1)

    monkeypatch.setenv("AEGIS_HOME", "b")
    monkeypatch.setenv("AEGIS_PORT", "2")
    assert (load_settings().engine.home, load_settings().engine.port) == (Path("b"), 2)

    given = load_settings(home=Path("c"), port=0).engine
    assert (given.home, given.port) == (Path("c"), 0)


def test_lists_and_tables_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGIS__FEED__SYMBOLS", '["005930", "000660"]')
    monkeypatch.setenv("AEGIS__ORDER__OFFSET_BP__KOSPI", "[-150, 150]")
    settings = load_settings()
    assert settings.feed.symbols == ("005930", "000660")
    assert settings.order.offset_bp["KOSPI"] == (-150, 150)
    assert settings.order.offset_bp["ELW"] == (-100, 100)


def test_settings_are_frozen() -> None:
    settings = load_settings()
    for target in (settings, settings.risk):
        with pytest.raises(ValueError, match="frozen"):
            target.max_order_qty = 5  # type: ignore[union-attr]


# -- unknown keys -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("[risk]\nmax_order_kwr = 1\n", "risk.max_order_kwr", "risk.max_order_krw"),
        ("[rsk]\nmax_order_krw = 1\n", "rsk", "risk"),
        ("[kis]\ntoken = 1\n", "kis.token", "one of "),
        ("nothing = 1\n", "nothing", "one of "),
        ("[api]\nkey = []\n", "api.key", "api.keys"),
    ],
)
def test_unknown_key_of_the_file_is_named_with_the_likely_one(
    text: str, field: str, expected: str
) -> None:
    error = refused(config_file=written(text, "my.toml"))
    assert error.field == field
    assert error.expected.startswith(expected)
    assert "my.toml" in error.message


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("AEGIS__RISK__MAX_ORDER_KWR", "MAX_ORDER_KRW"),
        ("AEGIS__RSK__MAX_ORDER_KRW", "RISK"),
        ("AEGIS__RISK__MAX_ORDER_KRW__X", "a key of aegis.toml"),
        ("aegis__feed__symbol", "SYMBOLS"),
    ],
)
def test_unknown_variable_is_named_with_the_likely_one(
    variable: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    error = refused()
    assert error.field == variable
    assert error.expected == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("risk.max_order_kwr", "risk.max_order_krw"),
        ("rsk.max_order_krw", "risk.max_order_krw"),
        ("risk", "a key of aegis.toml"),
        ("zzz.qqq", "a key of aegis.toml"),
    ],
)
def test_unknown_override_is_named_with_the_likely_one(key: str, expected: str) -> None:
    error = refused(overrides={key: 1})
    assert (error.field, error.expected) == (key, expected)


# -- wrong values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("engine.env", "real"),
        ("engine.port", 65_536),
        ("engine.port", -1),
        ("engine.answer_timeout_ms", 99),
        ("engine.max_waiting_calls", 0),
        ("engine.spin", "sometimes"),
        ("engine.spin_core", -2),
        ("feed.latency_sample_every", -1),
        ("feed.latency_sample_every", 3),
        ("feed.latency_sample_every", 1 << 21),
        ("kis.account", "123"),
        ("kis.account", "50000000-01"),
        ("kis.rest_url", "ftp://x"),
        ("kis.ws_url", "http://x"),
        ("kis.calls_per_s", -1),
        ("kis.call_window_ms", 999),
        ("feed.symbols", ("5930",)),
        ("feed.symbols", ("00593A!",)),
        ("feed.cycle_attempts", 0),
        ("order.offset_bp", {"KOSPI": (-200, 200)}),
        ("order.offset_bp", dict.fromkeys(("KOSPI", "KOSDAQ", "ELW"), (-10000, 1))),
        ("risk.max_order_krw", -1),
        ("risk.max_order_krw", 0.5),
        ("risk.commission_ppm", 100_001),
        ("reconcile.absence_scans", 0),
        ("reconcile.interval_ms", 0),
        ("journal.durability", "none"),
        ("journal.max_waiting", 0),
    ],
)
def test_value_out_of_range_names_its_key(key: str, value: object) -> None:
    error = refused(overrides={key: value})
    assert error.field.startswith(key)


@pytest.mark.parametrize(
    ("variable", "value", "field"),
    [
        ("AEGIS__ENGINE__PORT", "web", "engine.port"),
        ("AEGIS__RISK__MAX_ORDER_KRW", "5e6.", "risk.max_order_krw"),
        ("AEGIS_PORT", "99999", "engine.port"),
        ("AEGIS__FEED__SYMBOLS", "005930,000660", "AEGIS__*"),
        ("AEGIS__API__KEYS", "{", "AEGIS__*"),
    ],
)
def test_variable_that_cannot_be_read_is_a_configuration_error(
    variable: str, value: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert refused().field == field


@pytest.mark.parametrize(
    "text",
    ["[risk\n", "risk = 5\n", '[feed]\nsymbols = "005930"\n', "[order.offset_bp]\nELW = [1]\n"],
)
def test_file_that_makes_no_sense_is_a_configuration_error(text: str) -> None:
    refused(config_file=written(text))


def test_file_that_is_not_there_or_no_text_is_a_configuration_error() -> None:
    assert refused(config_file=Path("missing.toml")).field == "--config"
    Path("binary.toml").write_bytes(b"\xff\xfe\x00")
    assert refused(config_file=Path("binary.toml")).field == "--config"
    Path("dir.toml").mkdir()
    assert refused(config_file=Path("dir.toml")).field == "--config"


def test_api_keys_are_checked() -> None:
    good = f'id = "desk"\nsecret_sha256 = "{"a" * 64}"\nrole = "trade"\n'
    assert load_settings(written(f"[[api.keys]]\n{good}")).api.keys[0].role == "trade"
    for bad in (
        good.replace("trade", "root"),
        good.replace("a" * 64, "secret"),
        good.replace("desk", ""),
        good + "more = 1\n",
    ):
        assert refused(config_file=written(f"[[api.keys]]\n{bad}")).field.startswith("api.keys")


# -- live ---------------------------------------------------------------------------------------


def test_live_needs_a_file_and_the_flag() -> None:
    assert refused(env="live", live=True).field == "engine.env"
    path = written(LIVE, "live.toml")
    assert refused(config_file=path).field == "engine.env"
    assert load_settings(path, live=True).engine.env == "live"


def test_live_in_the_environment_alone_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGIS__ENGINE__ENV", "live")
    assert refused(live=True).field == "engine.env"
    assert refused(config_file=written(LIVE)).field == "engine.env"


def test_live_trusts_no_authority_of_its_own() -> None:
    path = written(LIVE, "live.toml")

    assert load_settings(path, live=True).kis.ca_file == ""
    with pytest.raises(ConfigError) as caught:
        load_settings(path, live=True, overrides={"kis.ca_file": "ca.pem"})
    assert caught.value.field == "kis.ca_file"


@pytest.mark.parametrize("env", ["paper", "paper-spec", "live"])
@pytest.mark.parametrize("missing", ["appkey", "appsecret", "account", "hts_id"])
def test_broker_needs_its_keys(env: str, missing: str) -> None:
    lines = [line for line in LIVE.splitlines() if not line.startswith(missing)]
    path = written("\n".join(lines), "x.toml")
    error = refused(config_file=path, env=env, live=True)
    assert error.field == f"kis.{missing}"
    assert f"AEGIS__KIS__{missing.upper()}" in error.expected


def test_sim_needs_no_keys() -> None:
    assert load_settings(env="sim").kis.appkey == ""


def test_secrets_are_not_shown() -> None:
    settings: Settings = load_settings(
        written(LIVE.replace('"k"', '"APPKEY-1"').replace('"s"', '"SECRET-2"')), live=True
    )
    shown = repr(settings) + str(settings)
    for secret in ("APPKEY-1", "SECRET-2", "5000000001"):
        assert secret not in shown


def test_secrets_are_not_shown_in_errors() -> None:
    error = refused(overrides={"kis.account": "1234-secret"})
    assert "secret" not in str(error)

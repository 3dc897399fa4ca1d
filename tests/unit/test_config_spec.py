"""The specification's values are the defaults, and a change of an offset is never lost unseen."""

from __future__ import annotations

import os
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from aegis_fast.config import Settings, load_settings
from aegis_fast.errors import ConfigError


@pytest.fixture(autouse=True)
def _bare_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No ./aegis.toml, and nothing of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith("AEGIS"):
            monkeypatch.delenv(name)


def test_s80_s81_s82_offsets_are_the_defaults() -> None:
    assert load_settings().order.offset_bp == {
        "KOSPI": (-200, 200),
        "KOSDAQ": (-300, 300),
        "ELW": (-100, 100),
    }


def test_s06_timeouts_are_the_defaults() -> None:
    kis = load_settings().kis

    assert (kis.connect_timeout_ms, kis.read_timeout_ms) == (5_000, 5_000)


def test_s84_s85_order_deadlines_are_the_defaults() -> None:
    order = load_settings().order

    assert (order.market_timeout_ms, order.limit_timeout_ms) == (2_000, 5_000)


def test_s14_s15_reconnect_and_heartbeat_are_the_defaults() -> None:
    feed = load_settings().feed

    assert (feed.reconnect_interval_ms, feed.heartbeat_interval_ms) == (1_000, 30_000)


def test_shipped_file_and_settings_have_the_same_keys() -> None:
    text = resources.files("aegis_fast").joinpath("aegis.toml").read_text("utf-8")
    shipped = tomllib.loads(text)
    settings = load_settings()

    assert set(shipped) == set(Settings.model_fields)
    for section, keys in shipped.items():
        assert set(keys) == set(type(getattr(settings, section)).model_fields), section


@pytest.mark.parametrize(
    "name", ["AEGIS__ORDER__OFFSET_BP__KOSPI", "aegis__order__offset_bp__kospi"]
)
def test_one_offset_set_by_its_variable_is_the_one_used(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    Path("aegis.toml").write_text("[order.offset_bp]\nKOSPI = [-50, 50]\n", "utf-8")
    monkeypatch.setenv(name, "[-10, 10]")

    assert load_settings().order.offset_bp == {
        "KOSPI": (-10, 10),
        "KOSDAQ": (-300, 300),
        "ELW": (-100, 100),
    }


def test_misspelled_market_in_a_file_is_named_with_what_was_meant() -> None:
    Path("aegis.toml").write_text("[order.offset_bp]\nKOSDQ = [-50, 50]\n", "utf-8")

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert caught.value.field == "order.offset_bp.KOSDQ"
    assert caught.value.expected == "order.offset_bp.KOSDAQ"


def test_unknown_market_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGIS__ORDER__OFFSET_BP", '{"KONEX": [1, 2]}')

    with pytest.raises(ConfigError, match="KONEX") as caught:
        load_settings()

    assert caught.value.field == "order.offset_bp"


@pytest.mark.parametrize("how", ["file", "variable", "override"])
def test_live_needs_the_flag_whichever_way_it_is_chosen(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    keys = {"appkey": "k", "appsecret": "s", "account": "5012345601", "hts_id": "h"}
    overrides = {f"kis.{key}": value for key, value in keys.items()}
    Path("aegis.toml").write_text('[engine]\nenv = "live"\n' if how == "file" else "", "utf-8")
    if how == "variable":
        monkeypatch.setenv("AEGIS__ENGINE__ENV", "live")
    if how == "override":
        overrides["engine.env"] = "live"

    with pytest.raises(ConfigError) as caught:
        load_settings(overrides=overrides)

    assert caught.value.field == "engine.env"
    assert load_settings(overrides=overrides, live=True).engine.env == "live"

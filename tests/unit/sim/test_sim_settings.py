"""What a simulator can be set to, and what it refuses before anything starts."""

from __future__ import annotations

import math
from datetime import date
from random import Random
from typing import Any

import pytest

from aegis_fast.errors import ConfigError
from aegis_fast.sim.settings import SimSettings
from aegis_fast.sim.sim_clock import moment_ns


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("pingpong_s", [0, 0.05, -1, 3_601, math.inf, math.nan]),
        ("pong_timeout_s", [-1, 3_601, math.inf, math.nan]),
        ("keepalive_s", [0, -1, 3_601, math.inf, math.nan]),
        ("read_timeout_s", [0, -1, 3_601, math.inf, math.nan]),
        ("max_connections", [0, -1]),
        ("start_ns", [moment_ns(date(1999, 12, 31), 86_399), moment_ns(date(2101, 1, 1), 0)]),
        ("start_ns", [1 << 63, moment_ns(date(2262, 4, 12), 0)]),
    ],
)
def test_setting_out_of_bounds_names_itself(field: str, wrong: list[Any]) -> None:
    for value in wrong:
        with pytest.raises(ConfigError) as caught:
            SimSettings(**{field: value})
        assert caught.value.field == field


@pytest.mark.parametrize("day", [date(2000, 1, 1), date(2100, 12, 31)])
def test_first_and_last_day_run(day: date) -> None:
    start_ns = moment_ns(day, 9 * 3_600)
    settings = SimSettings(start_ns=start_ns, activity=0.0)

    broker = settings.broker(start_ns, Random(1))

    end_ns = start_ns + 86_400 * 10**9
    assert broker.advance(end_ns, end_ns) == end_ns

"""The native parser and the text-splitting twin agree on generated and on mutated frames.

AEGIS_EXAMPLES sets the number of frames (default 60,000): a sixth as generated, the others
mutated. A failure prints the seed and the frame. The long form is `make long`.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aegis_fast.hot import FrameParser
from aegis_fast.hot.frame import available_isas, choose_isa
from tests.oracle import frame_maker, frame_twin
from tests.oracle.frame_check import (
    GENERATED_PART,
    check,
    check_rejected,
    check_seeds,
    check_table,
)

pytestmark = pytest.mark.native

EXAMPLES = int(os.environ.get("AEGIS_EXAMPLES", "60000"))
GENERATED = EXAMPLES // GENERATED_PART
MUTATED = EXAMPLES - GENERATED
FUZZED = Path(__file__).parents[1] / "data" / "fuzzed_frames.txt"


@pytest.mark.timeout(120 + EXAMPLES // 300)
def test_generated_frames_parse_as_the_twin_does() -> None:
    good = check_seeds(FrameParser(), range(GENERATED), is_mutated=False)

    assert good > GENERATED // 2


@pytest.mark.timeout(120 + EXAMPLES // 300)
def test_mutated_frames_parse_as_the_twin_does_or_are_refused() -> None:
    parser = FrameParser()

    good = check_seeds(parser, range(MUTATED), is_mutated=True)

    assert 0 < good < MUTATED
    assert parser.bad_frames == MUTATED - good


def test_inputs_found_by_coverage_parse_as_the_twin_does() -> None:
    """What 14 million runs of libFuzzer on the C kernel and the table reader left as interesting:
    the inputs of up to 320 bytes, in base64; the seeds were the captured and generated frames."""
    lines = FUZZED.read_bytes().split()
    isas = available_isas()

    assert len(lines) == 295
    for frame in map(base64.b64decode, lines):
        for isa in isas:
            choose_isa(isa)
            check(FrameParser(), frame)
        check_table(frame)


ANY_VALUE = st.one_of(
    st.sampled_from(frame_maker.ODD_VALUES),
    st.integers(-(2**65), 2**65).map(str),
    st.text(alphabet="0123456789^|-+(null)가 ", max_size=24),
)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    tr_id=st.sampled_from(frame_twin.ALL),
    count=st.integers(1, 4),
    places=st.lists(st.tuples(st.integers(0, 400), ANY_VALUE), max_size=3),
)
def test_any_value_in_any_place_parses_as_the_twin_does(
    seed: int, tr_id: str, count: int, places: list[tuple[int, str]]
) -> None:
    frame = frame_maker.make_frame(Random(seed), tr_id, count=count)
    head, values = frame.decode().rsplit("|", 1)[0], frame.decode().rsplit("|", 1)[1].split("^")
    for place, value in places:
        values[place % len(values)] = value

    frame = f"{head}|{'^'.join(values)}".encode()
    check(FrameParser(), frame)
    check_table(frame)


@settings(max_examples=500, deadline=None)
@given(frame=st.binary(max_size=64))
def test_arbitrary_bytes_are_refused(frame: bytes) -> None:
    check_rejected(FrameParser(), frame)
    check_table(frame)


@settings(max_examples=500, deadline=None)
@given(
    tr_id=st.sampled_from(frame_twin.ALL),
    count=st.integers(0, 5),
    payload=st.binary(max_size=400),
)
def test_arbitrary_payloads_parse_as_the_twin_does(tr_id: str, count: int, payload: bytes) -> None:
    frame = f"0|{tr_id}|{count:03d}|".encode() + payload
    check(FrameParser(), frame)
    check_table(frame)

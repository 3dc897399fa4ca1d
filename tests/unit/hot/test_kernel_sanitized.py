"""The C kernel under the address and undefined-behaviour sanitizers, for every instruction set."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aegis_fast.errors import FrameError
from aegis_fast.hot import FrameParser, build_flavor, table
from aegis_fast.hot.frame import available_isas
from tests.oracle.kernel_runs import (
    SANITIZERS,
    compile_driver,
    corpus,
    local_compiler,
    run_driver,
)


def built_driver(folder: Path, *, is_portable: bool) -> str:
    choice = f"-DAEGIS_PORTABLE={int(is_portable)}"
    target = folder / f"driver{choice}"
    flags = ("-O1", choice, *SANITIZERS)
    return str(compile_driver("kernel_driver", target, local_compiler(), *flags))


def error_offset(read: Callable[[bytes], object], frame: bytes) -> int | None:
    try:
        read(frame)
    except FrameError as error:
        return error.offset
    return None


@pytest.mark.timeout(180)
def test_no_byte_outside_a_frame_is_touched_and_all_readers_agree(
    tmp_path: Path, supported_frames: list[bytes], table_frames: list[bytes]
) -> None:
    frames = corpus([*supported_frames, *table_frames], 4_000, 20_000)

    portable = run_driver(built_driver(tmp_path, is_portable=True), "portable", frames=frames)
    driver = built_driver(tmp_path, is_portable=False)
    for isa in available_isas():
        if isa != "portable":
            assert run_driver(driver, isa, frames=frames) == portable, isa

    parser = FrameParser()
    for frame, (status, place, _, table_status, table_place, _) in zip(
        frames, portable, strict=True
    ):
        in_table = int(table_place) if int(table_status) < 0 else None
        assert error_offset(parser.parse_table, frame) == in_table
        # The kernel leaves the other TRs to the table reader.
        native = int(place) if int(status) < 0 else None
        assert error_offset(parser.parse, frame) == (in_table if int(status) == -2 else native)


READ_TOO_FAR = """
import ctypes, sys
reader = ctypes.CDLL(sys.argv[1])
message = b"0|H0STMKO0|001|" + b"x^" * 200 + b"x"
block = ctypes.create_string_buffer(message, len(message))
frame = ctypes.create_string_buffer(4096)
size = ctypes.c_ssize_t(len(message) + int(sys.argv[2]))
assert reader.aegis_open_table(block, size, frame) == 0
record = ctypes.create_string_buffer(65536)
assert reader.aegis_next_record(frame, record) == 0
"""


@pytest.mark.native
@pytest.mark.skipif(build_flavor()["build"] != "sanitized", reason="needs the sanitizer build")
def test_the_sanitizer_build_stops_at_a_read_beyond_a_block() -> None:
    def read(beyond: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", READ_TOO_FAR, table.__file__, str(beyond)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert read(0).returncode == 0

    told = read(4_000)

    assert told.returncode != 0
    assert "AddressSanitizer: heap-buffer-overflow" in told.stderr

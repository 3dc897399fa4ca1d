"""Send captured frames, line by line, to whoever listens.

A capture is a *.txt file with one frame a line, or a directory of them (in the order of their
names). What is not sent is counted with its reason: decrypted notices (*_decrypted.txt), acks kept
in a capture (JSON other than PINGPONG), empty lines, lines that are not UTF-8, and what is no frame
at all: a frame is "0|" or "1|" (encrypted), the TR, the number of records and a payload.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aegis_fast.errors import ConfigError

__all__ = ["Replay"]

_GRACE_NS = 300_000_000
_MAX_LINE_BYTES = 1 << 20
_FRAME = re.compile(rb"[01]\|[A-Z0-9]{4,16}\|[0-9]{1,4}\|.")


def _files(path: Path) -> list[Path]:
    found = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    if not found or not all(file.is_file() for file in found):
        raise ConfigError(
            f"nothing to replay at {path}",
            field="replay",
            expected="a capture file, or a directory with *.txt files, one frame a line",
        )
    return found


def _why_not(file: Path, line: bytes) -> str:
    """Return why a line is not sent, "" when it is."""
    if file.stem.endswith("_decrypted"):
        return "decrypted notice"
    if not line:
        return "empty line"
    if len(line) > _MAX_LINE_BYTES:
        return "longer than 1 MiB"
    if line.startswith(b"{") and b'"PINGPONG"' not in line:
        return "ack of the captured session"
    try:
        line.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    if not line.startswith(b"{") and not _FRAME.match(line):
        return "no frame"
    return ""


class Replay:
    """One pass over a capture. send(frame) returns how many sockets got it.

    It starts 300 ms after the last subscription and holds while nobody is subscribed. Raises
    ConfigError when there is nothing to send.
    """

    def __init__(self, path: str | Path, interval_ms: int = 20) -> None:
        if interval_ms < 0:
            raise ConfigError(
                "the replay interval is negative", field="replay_interval_ms", expected=">= 0"
            )
        self._sources = _files(Path(path))
        self._interval_ns = interval_ms * 1_000_000
        self.skipped: dict[str, int] = {}
        self.total = sum(1 for file in self._sources for _ in self._lines(file, count=True))
        if not self.total:
            raise ConfigError(
                f"no frame in {path}",
                field="replay",
                expected="lines like 0|H0STCNT0|001|005930^093000^...",
            )
        self.sent = 0
        self.is_done = False
        self._frames = self._all()
        self._next_ns = 0

    def _lines(self, file: Path, *, count: bool) -> Iterator[bytes]:
        with file.open("rb") as stream:
            for raw in stream:
                line = raw.rstrip(b"\r\n")
                reason = _why_not(file, line)
                if not reason:
                    yield line
                elif count:
                    self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def _all(self) -> Iterator[bytes]:
        for file in self._sources:
            yield from self._lines(file, count=False)

    def step(
        self, now_ns: int, last_subscribed_ns: int, send: Callable[[bytes], int], *, heard: bool
    ) -> None:
        """Send the frames that are due. heard: somebody is subscribed."""
        if self.is_done or not heard or now_ns < last_subscribed_ns + _GRACE_NS:
            return
        if not self._next_ns or now_ns - self._next_ns > _GRACE_NS:
            # The first frame, or the first one after a time without listeners.
            self._next_ns = now_ns
        while self._next_ns <= now_ns:
            frame = next(self._frames, None)
            if frame is None:
                self.is_done = True
                return
            send(frame)
            self.sent += 1
            self.is_done = self.sent == self.total
            self._next_ns += self._interval_ns
            if not self._interval_ns and self.sent % 1_000 == 0:
                return  # As fast as possible, but other work gets its turn.

    def as_json(self) -> dict[str, Any]:
        """Return the progress as the control page shows it."""
        return {
            "files": [file.name for file in self._sources],
            "total": self.total,
            "sent": self.sent,
            "done": self.is_done,
            "skipped": self.skipped,
        }

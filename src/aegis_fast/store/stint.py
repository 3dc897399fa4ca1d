"""Remember when the last process of this home ended, and whether it ended in order.

The broker counts calls, not processes: one that starts right after another must not spend the
window again. A process that was killed left no end time, so its successor takes it for recent.
"""

from __future__ import annotations

from pathlib import Path

from aegis_fast.errors import StorageError

__all__ = ["Stint"]

_RUNNING = "running"


class Stint:
    """A file with one word: `running`, or the time of the last orderly end, ns since the epoch."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, now_ns: int, window_ns: int) -> bool:
        """Start a stint; returns True if the one before ended less than `window_ns` ago, or if
        nobody knows when. Raises StorageError when the file can't be written.
        """
        is_recent = self._is_recent(now_ns, window_ns)
        self._write(_RUNNING)
        return is_recent

    def end(self, now_ns: int) -> None:
        """Note an orderly end."""
        self._write(str(now_ns))

    def _is_recent(self, now_ns: int, window_ns: int) -> bool:
        try:
            text = self._path.read_text("ascii").strip()
        except FileNotFoundError:
            return False
        except (OSError, UnicodeDecodeError):
            return True
        # A clock that was set back makes the end lie ahead: unknown, so recent.
        return not text.isdigit() or not window_ns <= now_ns - int(text)

    def _write(self, text: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(text, "ascii")
        except OSError as error:
            raise StorageError(
                f"{self._path} can't be written: {error}", expected="a writable --home"
            ) from error

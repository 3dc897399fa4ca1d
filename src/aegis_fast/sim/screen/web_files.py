"""Hold the files of the simulator's page: index.html at /_sim/, the rest under /_sim/web/.

They are read once, from the package. The policy of the answers lets nothing else into the page.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

from aegis_fast.sim.calls.answers import Answer

__all__ = ["WebFiles"]

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
_INDEX = "index.html"
_FOLDER = "web/"


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    headers: dict[str, str]


class WebFiles:
    """The files of the page by name."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        for file in resources.files("aegis_fast.sim").joinpath("web").iterdir():
            kind = _TYPES.get(file.name[file.name.rfind(".") :])
            if kind is not None:
                content = file.read_bytes()
                tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
                headers = {**_HEADERS, "Content-Type": kind, "ETag": tag}
                self._files[file.name] = _File(content, headers)

    def answer(self, name: str, known_tags: str = "") -> Answer | None:
        """Return the file of a path below /_sim/ ("", "web/app.js"); None when there is none.

        known_tags: the If-None-Match of the request; a 304 when the browser has the file.
        """
        is_page = not name
        if not is_page and not name.startswith(_FOLDER):
            return None
        file = self._files.get(_INDEX if is_page else name.removeprefix(_FOLDER))
        if file is None:
            return None
        if file.headers["ETag"] in known_tags:
            return Answer(304, b"", headers=dict(file.headers))
        return Answer(200, file.content, headers=dict(file.headers))

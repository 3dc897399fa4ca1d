"""Serve the page at `/` and its parts, from memory, with a policy that lets nothing else in."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from importlib import resources

from aiohttp import web

__all__ = ["SECURITY_HEADERS", "add_screen"]

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}


def add_screen(app: web.Application) -> None:
    """Read every file of web/ once and route it: index.html at `/`, the rest under `/web/`."""
    for file in sorted(resources.files("aegis_fast.api").joinpath("web").iterdir(), key=str):
        suffix = file.name[file.name.rfind(".") :]
        if suffix in _TYPES:
            path = "/" if file.name == "index.html" else f"/web/{file.name}"
            app.router.add_get(path, _handler(file.read_bytes(), _TYPES[suffix]))


def _handler(
    content: bytes, content_type: str
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'

    async def serve(request: web.Request) -> web.Response:
        headers = {**SECURITY_HEADERS, "ETag": tag, "Cache-Control": "no-cache"}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=content, content_type=content_type, charset="utf-8", headers=headers
        )

    return serve

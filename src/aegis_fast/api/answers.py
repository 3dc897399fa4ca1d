"""Shape every answer: {code, message, trace_id, data}, and an error's detail beside it.

HTTP status and the specification's code (App. B, reading A16) are chosen here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import orjson
from aiohttp import web

from aegis_fast.api.access import AccessDenied
from aegis_fast.api.wire import order_view
from aegis_fast.core.model import Order, OrderState
from aegis_fast.errors import (
    AegisError,
    AuthError,
    Busy,
    Disconnected,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    RejectedError,
    StorageError,
    Throttled,
    TransientError,
)

__all__ = [
    "DONE",
    "IN_PROGRESS",
    "REFUSED",
    "answer",
    "code_of",
    "error_answer",
    "error_detail",
    "order_answer",
    "status_of",
    "to_json",
]

DONE, REFUSED, UNAVAILABLE, IN_PROGRESS = 1, 2, 8, 9

# First match wins, so the more special kinds come first.
_STATUS: tuple[tuple[type[AegisError], int], ...] = (
    (InvalidRequest, 400),
    (NotFound, 404),
    (Busy, 429),
    (Throttled, 429),
    (RejectedError, 422),
    (OutcomeUnknown, 202),
    (Disconnected, 502),
    (ProtocolError, 502),
    # The broker refused the engine's own token: the caller can't cure that with another one.
    (AuthError, 502),
    (TransientError, 503),
    (StorageError, 503),
)


def to_json(value: Any) -> bytes:
    """Encode for the wire; Structs and NumPy arrays included."""
    return orjson.dumps(value, default=msgspec.to_builtins, option=orjson.OPT_SERIALIZE_NUMPY)


def status_of(error: AegisError) -> int:
    """Return the HTTP status of an error; 500 for one that should not have come this far."""
    if isinstance(error, AccessDenied):
        return error.http_status
    if isinstance(error, InvalidRequest) and error.code == 409:
        return 409
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def code_of(error: AegisError) -> int:
    """Return the specification's code of an error: 2, 8 or a sub-code 800-899, 9, 901."""
    if error.code == 409:
        return REFUSED
    if isinstance(error, AuthError) and not isinstance(error, AccessDenied):
        return error.code if 800 <= error.code <= 899 else UNAVAILABLE
    return error.code


def error_detail(error: AegisError) -> dict[str, Any]:
    """Return what a caller needs to put it right; `error` names the class for our own client."""
    kind = next(k for k in type(error).__mro__ if k.__module__ == "aegis_fast.errors")
    return {
        "error": kind.__name__,
        "field": error.field,
        "expected": error.expected,
        "venue_code": error.venue_code,
        "order_id": error.order_id,
    }


def answer(
    body: Any, *, trace_id: str, code: int = DONE, message: str = "done", status: int = 200
) -> web.Response:
    """Return an answer that carries something."""
    envelope = {"code": code, "message": message, "trace_id": trace_id, "data": body}
    return _response(envelope, status)


def order_answer(order: Order, *, trace_id: str, created: bool) -> web.Response:
    """Return the answer to an order request by what became of the order.

    201 or 200 (code 1), 202 while the outcome is open (code 9), 422 refused (code 2), 503 refused
    because something was unavailable (code 8 or 800-899); the order itself is in each of them.
    """
    view = order_view(order)
    is_awaited = order.state in (OrderState.PENDING, OrderState.UNKNOWN)
    if is_awaited or (order.request and not created):
        message = "in progress: GET orders/{order_id} tells how it ends; do not send another"
        return answer(view, trace_id=trace_id, code=IN_PROGRESS, message=message, status=202)
    if order.state is OrderState.REJECTED:
        is_unavailable = order.code == UNAVAILABLE or 800 <= order.code <= 899
        envelope = {
            "code": order.code if is_unavailable else REFUSED,
            "message": order.message or "refused",
            "trace_id": trace_id,
            "data": view,
            "detail": {
                "error": "OrderRejected",
                "field": "",
                "expected": "",
                "venue_code": order.venue_code,
                "order_id": order.order_id,
            },
        }
        return _response(envelope, 503 if is_unavailable else 422)
    return answer(view, trace_id=trace_id, status=201 if created else 200)


def error_answer(
    error: AegisError, *, trace_id: str, clock_ns: Callable[[], int], status: int = 0
) -> web.Response:
    """Return the answer that an error deserves. status: overrides the error's own, if not 0."""
    status = status or status_of(error)
    envelope = {
        "code": code_of(error),
        "message": error.message,
        "trace_id": trace_id,
        "data": None,
        "detail": error_detail(error),
    }
    response = _response(envelope, status)
    if status == 429:
        retry_at_ns = error.retry_at_ns if isinstance(error, Throttled) else 0
        # Whole seconds, rounded up, one at least: the header knows no fractions.
        wait_s = max(1, -((clock_ns() - retry_at_ns) // 10**9)) if retry_at_ns else 1
        response.headers["Retry-After"] = str(wait_s)
    elif status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _response(envelope: dict[str, Any], status: int) -> web.Response:
    return web.Response(
        body=to_json(envelope), status=status, content_type="application/json", charset="utf-8"
    )

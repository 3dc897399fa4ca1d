"""Name every failure by what the caller may do next.

    AegisError
    ├── ConfigError            fix the file, restart
    ├── RejectedError          did NOT happen; a new attempt is a new decision
    │     InvalidRequest · RiskRejected · OrderRejected · Busy · NotFound
    ├── OutcomeUnknown         MAY have happened; never resend, reconcile
    │     OrderOutcomeUnknown
    ├── TransientError         did not happen; a read may be retried
    │     Throttled · Disconnected
    ├── AuthError              renew the token once, then stop
    ├── ProtocolError          the bytes make no sense; keep them, alert
    │     FrameError
    └── StorageError           what must be written can't be: trading stops

`code` is the specification's (App. B, reading A16): 2 refused, 8 unavailable with the sub-codes
800-899, 9 in progress. `venue_code` is the broker's own (msg_cd), when there is one. `field` names
the offending input and `expected` says what would be right.
"""

from __future__ import annotations

__all__ = [
    "AegisError",
    "AuthError",
    "Busy",
    "ConfigError",
    "Disconnected",
    "FrameError",
    "InvalidRequest",
    "NotFound",
    "OrderOutcomeUnknown",
    "OrderRejected",
    "OutcomeUnknown",
    "ProtocolError",
    "RejectedError",
    "RiskRejected",
    "StorageError",
    "Throttled",
    "TransientError",
]


class AegisError(Exception):
    """Base of every error this package raises on purpose."""

    code: int = 2

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        venue_code: str = "",
        order_id: str = "",
        field: str = "",
        expected: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.venue_code = venue_code
        self.order_id = order_id
        self.field = field
        self.expected = expected

    def __str__(self) -> str:
        parts = [self.message]
        if self.field:
            parts.append(f"[{self.field}]")
        if self.expected:
            parts.append(f"expected: {self.expected}")
        return " ".join(parts)


class ConfigError(AegisError):
    """The configuration is wrong; nothing was started. Fix the named key and restart."""


class RejectedError(AegisError):
    """It did not happen. A new attempt is a new decision."""


class InvalidRequest(RejectedError):
    """The request is malformed; `field` names the part and `expected` the right form."""


class NotFound(RejectedError):
    """The named order, symbol or account does not exist."""


class RiskRejected(RejectedError):
    """A pre-trade check refused the order; nothing left the engine."""


class OrderRejected(RejectedError):
    """The broker or the exchange refused the order; `venue_code` carries its code."""


class Busy(RejectedError):
    """A bounded queue is full; nothing was queued. Try later."""


class OutcomeUnknown(AegisError):
    """It may have happened. Never resend; reconcile."""

    code = 9


class OrderOutcomeUnknown(OutcomeUnknown):
    """The reply to an order request was lost; the order may live at the exchange."""


class TransientError(AegisError):
    """It did not happen; a read may be retried."""

    code = 8


class Throttled(TransientError):
    """A call limit refused the call before it reached its target."""

    def __init__(self, message: str, *, retry_at_ns: int = 0, **kwargs: object) -> None:
        super().__init__(message, **kwargs)  # type: ignore[arg-type]
        self.retry_at_ns = retry_at_ns


class Disconnected(TransientError):
    """No connection to the target; no byte of the request was written."""


class AuthError(AegisError):
    """A key, token or permission was refused."""


class ProtocolError(AegisError):
    """The peer sent bytes that make no sense; they are kept as evidence."""

    code = 8


class FrameError(ProtocolError, ValueError):
    """A realtime frame cannot be parsed.

    raw: the whole frame. offset: byte offset into `raw` where the parser stopped.
    """

    def __init__(self, message: str, *, raw: bytes = b"", offset: int = 0) -> None:
        super().__init__(message)
        self.raw = raw
        self.offset = offset


class StorageError(AegisError):
    """The journal can't be read or written. No order leaves until that is mended."""

    code = 8

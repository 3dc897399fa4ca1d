"""Hold the order state machine as one table; each row says why it can happen.

(state, cause) -> the states that may follow. A pair that is not in the table cannot happen; if it
does, two sources disagree and the order manager reports a discrepancy instead of guessing.
"""

from __future__ import annotations

from aegis_fast.core.model import OrderState

__all__ = ["TRANSITIONS", "allowed"]

_PENDING = OrderState.PENDING
_LIVE = OrderState.LIVE
_PARTIAL = OrderState.PARTIAL
_FILLED = OrderState.FILLED
_CANCELED = OrderState.CANCELED
_REJECTED = OrderState.REJECTED
_UNKNOWN = OrderState.UNKNOWN

_ROWS: tuple[tuple[OrderState, str, tuple[OrderState, ...], str], ...] = (
    (_PENDING, "accept", (_LIVE,), "the broker answered with an order number"),
    (_PENDING, "refuse", (_REJECTED,), "the broker or our own limiter refused it, with proof"),
    (_PENDING, "lose", (_UNKNOWN,), "no answer, or none that can be read"),
    (_PENDING, "expire", (_CANCELED,), "a day order of an earlier date"),
    (_UNKNOWN, "accept", (_LIVE,), "a late reply, or the ledger shows the one order it can be"),
    (_UNKNOWN, "refuse", (_REJECTED,), "a late reply that proves the refusal"),
    (_UNKNOWN, "absent", (_REJECTED,), "complete scans over the quiet horizon did not show it"),
    (_UNKNOWN, "expire", (_CANCELED,), "a day order of an earlier date"),
    (_LIVE, "exchange_reject", (_REJECTED,), "the broker took it, the exchange did not"),
    (_LIVE, "fill", (_PARTIAL, _FILLED), "a notice or the ledger shows a fill"),
    (_LIVE, "reduce", (_LIVE, _CANCELED), "a cancel was confirmed for a part or for all"),
    (_LIVE, "expire", (_CANCELED,), "a day order of an earlier date"),
    (_PARTIAL, "fill", (_PARTIAL, _FILLED), "a further fill"),
    (_PARTIAL, "reduce", (_PARTIAL, _CANCELED), "a cancel was confirmed for a part or for all"),
    (_PARTIAL, "expire", (_CANCELED,), "a day order of an earlier date"),
    # The notice of the last fill and that of the cancel may change places on the way.
    (_CANCELED, "fill", (_CANCELED, _FILLED), "a fill that overtook its cancel arrives late"),
    # The ledger may show the end of an amended number before it shows the number that follows.
    (_CANCELED, "replace", (_LIVE, _PARTIAL), "what looked canceled goes on under a new number"),
)

TRANSITIONS: dict[tuple[OrderState, str], tuple[OrderState, ...]] = {
    (state, cause): targets for state, cause, targets, _why in _ROWS
}


def allowed(state: OrderState, cause: str, target: OrderState) -> bool:
    """Tell whether `cause` may move an order from `state` to `target`."""
    return target in TRANSITIONS.get((state, cause), ())

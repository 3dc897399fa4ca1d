"""Say what the shell must do. The core decides, engine/engine performs, in the order given."""

from __future__ import annotations

import msgspec

from aegis_fast.core.events import Event
from aegis_fast.core.model import AmendOrder, CancelOrder, Order, PlaceOrder

__all__ = ["Alert", "AskLedger", "Discrepancy", "Effect", "Journal", "Publish", "Send"]


class Journal(msgspec.Struct, frozen=True):
    """Write the event down. Every Send after it waits until it is durable."""

    event: Event


class Send(msgspec.Struct, frozen=True):
    """Send to the broker, once."""

    command: PlaceOrder | AmendOrder | CancelOrder


class Publish(msgspec.Struct, frozen=True):
    """Tell everybody who watches orders. fill_qty: how much this change filled, 0 if none."""

    order: Order
    fill_qty: int = 0


class AskLedger(msgspec.Struct, frozen=True):
    """Read the broker's list of the day's orders soon; several of these make one scan."""

    delay_ms: int


class Alert(msgspec.Struct, frozen=True):
    """A person should know."""

    kind: str
    text: str
    order_id: str = ""


class Discrepancy(msgspec.Struct, frozen=True):
    """Two sources disagree about a fact; counted, recorded, never ignored."""

    kind: str
    text: str
    order_id: str = ""


Effect = Journal | Send | Publish | AskLedger | Alert | Discrepancy

"""Keep who is registered for what, and say which keys a TR takes.

A registration is (tr_id, tr_key). Topics say what a TR carries: kind and venue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aegis_fast.sim.crowd.overseas import find_issue
from aegis_fast.sim.feed.views import has_board, is_elw
from aegis_fast.sim.market.indices import INDEX_CODES
from aegis_fast.sim.market.world import World

if TYPE_CHECKING:
    from aegis_fast.sim.feed.stream import Session

__all__ = ["TOPICS", "Registration", "Registry", "Topic", "is_key"]

Registration = tuple[str, str]


class Topic(NamedTuple):
    """What a TR carries. venue: KRX, NXT, UN, or "" where none counts."""

    kind: str
    venue: str


# "legacy": off-hours single price, a market that ended on 2026-09-14. Acked and silent, as are the
# notices of overseas orders: there is no call to place one.
TOPICS = {
    "H0STCNT0": Topic("trade", "KRX"),
    "H0NXCNT0": Topic("trade", "NXT"),
    "H0UNCNT0": Topic("trade", "UN"),
    "H0STASP0": Topic("depth", "KRX"),
    "H0NXASP0": Topic("depth", "NXT"),
    "H0UNASP0": Topic("depth", "UN"),
    "H0STANC0": Topic("expected", "KRX"),
    "H0NXANC0": Topic("expected", "NXT"),
    "H0UNANC0": Topic("expected", "UN"),
    "H0STMKO0": Topic("status", "KRX"),
    "H0NXMKO0": Topic("status", "NXT"),
    "H0UNMKO0": Topic("status", "UN"),
    "H0STPGM0": Topic("program", "KRX"),
    "H0STOUP0": Topic("legacy", "KRX"),
    "H0STOAC0": Topic("legacy", "KRX"),
    "H0STOAA0": Topic("legacy", "KRX"),
    "H0EWCNT0": Topic("elw", "KRX"),
    "H0EWASP0": Topic("elw", "KRX"),
    "H0EWANC0": Topic("elw", "KRX"),
    "H0UPCNT0": Topic("index", "KRX"),
    "H0UPANC0": Topic("index", "KRX"),
    "HDFSCNT0": Topic("overseas", ""),
    "HDFSASP0": Topic("overseas", ""),
    "H0STCNI0": Topic("notice", ""),
    "H0STCNI9": Topic("notice", ""),
    "H0GSCNI0": Topic("notice", ""),
    "H0GSCNI9": Topic("notice", ""),
}


def is_key(world: World, tr_id: str, tr_key: str) -> bool:
    """Tell whether a TR that carries market data takes this key."""
    topic = TOPICS[tr_id]
    if topic.kind == "elw":
        return is_elw(world, tr_key)
    if topic.kind == "index":
        return tr_key in INDEX_CODES
    if topic.kind == "overseas":
        return find_issue(tr_key) is not None
    return has_board(world, tr_key, "NXT" if topic.venue == "NXT" else "KRX")


class Registry:
    """The registrations of all sockets."""

    def __init__(self) -> None:
        self._sessions: dict[Registration, dict[int, Session]] = {}
        self._keys: dict[str, int] = {}
        self._by_tr: dict[str, dict[str, None]] = {}

    def add(self, session: Session, registration: Registration) -> None:
        """Note a registration."""
        self._sessions.setdefault(registration, {})[session.number] = session
        self._by_tr.setdefault(registration[0], {})[registration[1]] = None
        self._keys[registration[1]] = self._keys.get(registration[1], 0) + 1

    def remove(self, session: Session, registration: Registration) -> None:
        """Forget a registration."""
        sessions = self._sessions.get(registration, {})
        if sessions.pop(session.number, None) is None:
            return
        if not sessions:
            del self._sessions[registration]
            del self._by_tr[registration[0]][registration[1]]
        key = registration[1]
        self._keys[key] -= 1
        if not self._keys[key]:
            del self._keys[key]

    def has_key(self, tr_key: str) -> bool:
        """Tell whether anybody is registered for anything with this key."""
        return tr_key in self._keys

    def __contains__(self, registration: Registration) -> bool:
        return registration in self._sessions

    def sessions(self, registration: Registration) -> list[Session]:
        """Return the sockets of a registration, oldest registration first."""
        return list(self._sessions.get(registration, {}).values())

    def keys_of(self, tr_id: str) -> list[str]:
        """Return the keys for which a TR is wanted, in the order of the first registration."""
        return list(self._by_tr.get(tr_id, ()))

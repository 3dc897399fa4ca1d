"""Speak the broker's WebSocket side: registrations, acks with keys, notices, PINGPONG.

Pure: a session is a callable that takes bytes ready for the wire. `wrap` turns a text into such
bytes once, and all subscribers of a frame share them. Rules: one session for each appkey, 41
registrations a session, PINGPONG at an interval, no answer to protocol pings. Market data comes
from the feeds. Approval keys, PINGPONG, held sessions and late notices follow door time (real_ns),
everything on the wire shows market time (now_ns).
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from aegis_fast.kis import tr
from aegis_fast.sim.decoding import NotJSON, decoded
from aegis_fast.sim.door import Door
from aegis_fast.sim.feed.acks import ack
from aegis_fast.sim.feed.books import BookFeed
from aegis_fast.sim.feed.clock import ClockFeed
from aegis_fast.sim.feed.frames import Notice, notice_frame, notice_values
from aegis_fast.sim.feed.outlet import Outlet
from aegis_fast.sim.feed.pongs import PongWatch
from aegis_fast.sim.feed.registry import TOPICS, Registry, is_key
from aegis_fast.sim.feed.session import Session, Tap
from aegis_fast.sim.feed.status import StatusFeed
from aegis_fast.sim.feed.trades import TradeFeed
from aegis_fast.sim.kst import SECOND_NS, date_text, hhmmss
from aegis_fast.sim.market.tape import TradeRecord
from aegis_fast.sim.market.world import World
from aegis_fast.sim.rules import Rules

__all__ = ["REPLAY_KEY", "Hub", "Session", "Tap"]

# The key and iv of the captured notices (tests/data/frames/SOURCES.md).
REPLAY_KEY = ("abcdefghijklmnopabcdefghijklmnop", "0123456789abcdef")
_OVERSEAS_NOTICES = {"real": "H0GSCNI0", "paper": "H0GSCNI9"}
_NOTICE_TRS = ("H0STCNI0", "H0STCNI9")
_NEVER_NS = 1 << 63


class Hub:
    """All sockets of one broker and what they asked for."""

    def __init__(
        self,
        rules: Rules,
        door: Door,
        rng: Random,
        *,
        wrap: Callable[[bytes], bytes] = bytes,
        pingpong_ns: int = 10 * SECOND_NS,
        pong_timeout_ns: int = 0,
        is_replay: bool = False,
    ) -> None:
        self.sessions: dict[int, Session] = {}
        self.last_subscribed_ns = 0
        self.tap: Tap | None = None
        self._rules = rules
        self._door = door
        self._rng = rng
        self._wrap = wrap
        self._pingpong_ns = pingpong_ns
        self.pongs = PongWatch(pong_timeout_ns)
        self._is_replay = is_replay
        self._next_number = 1
        self._next_pingpong_ns = 0
        self._held_until: dict[str, int] = {}
        self._registry = Registry()
        self._outlet = Outlet(self._registry, self._publish)
        self._outlet.widths |= dict.fromkeys(_NOTICE_TRS, rules.notice_width)
        self._trades = TradeFeed(self._outlet)
        self._books = BookFeed(self._outlet)
        self._status = StatusFeed(self._outlet)
        self._clock = ClockFeed(self._outlet)

    def join(self, world: World) -> None:
        """Connect the market whose frames go out here."""
        self._outlet.join(world)
        self._status.join()

    @property
    def widths(self) -> dict[str, int]:
        """Return how many values a record of each TR has; change it to send older forms."""
        return self._outlet.widths

    @property
    def is_stamped(self) -> bool:
        """Whether data frames carry the moment at which they are sent; see stamps."""
        return self._outlet.is_stamped

    @is_stamped.setter
    def is_stamped(self, is_on: bool) -> None:
        self._outlet.is_stamped = is_on

    def open(self, send: Callable[[bytes], None], ip: str, now_ns: int) -> Session:
        """Take a new socket in."""
        session = Session(self._next_number, send, ip, now_ns)
        self._next_number += 1
        self.sessions[session.number] = session
        return session

    def close(self, session: Session, real_ns: int, hold_ns: int = 0) -> None:
        """Forget a socket. hold_ns: its appkey stays in use that much longer (door time)."""
        if self.sessions.pop(session.number, None) is None:
            return
        for registration in session.registrations:
            self._registry.remove(session, registration)
        if session.appkey and hold_ns:
            self._held_until[session.appkey] = real_ns + hold_ns

    def on_text(self, session: Session, text: str, now_ns: int, real_ns: int) -> None:
        """Take one message of a client. Never raises: nonsense gets an error ack."""
        try:
            message = decoded(text)
        except NotJSON:
            self._ack(session, "OPSP9999")
            return
        header = message.get("header") if isinstance(message, dict) else None
        if not isinstance(header, dict):
            self._ack(session, "OPSP9998")
            return
        if header.get("tr_id") == "PINGPONG":
            self.pongs.on_pong(session)
            return
        body = message.get("body")
        wanted = body.get("input") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(wanted, dict):
            self._ack(session, "OPSP9991" if isinstance(body, dict) else "OPSP9992")
            return
        if not self._admit(session, str(header.get("approval_key", "")), real_ns):
            return
        tr_id, tr_key = str(wanted.get("tr_id", "")), str(wanted.get("tr_key", ""))
        code = self._register(session, header, tr_id, tr_key, now_ns)
        self._ack(session, code, tr_id, tr_key)

    def _admit(self, session: Session, approval_key: str, real_ns: int) -> bool:
        if session.appkey and approval_key == session.approval_key:
            return True  # An open socket outlives its key (limits.json).
        customer = self._door.customer_of_approval(approval_key, real_ns)
        if customer is None:
            self._ack(session, "OPSP0011")
            return False
        if session.appkey == customer.appkey:
            return True
        is_busy = any(other.appkey == customer.appkey for other in self.sessions.values())
        if is_busy or self._held_until.get(customer.appkey, 0) > real_ns or session.appkey:
            self._ack(session, "OPSP8996")
            return False
        session.appkey, session.approval_key = customer.appkey, approval_key
        session.hts_ids = customer.hts_ids
        return True

    def _register(
        self, session: Session, header: dict[str, Any], tr_id: str, tr_key: str, now_ns: int
    ) -> str:
        """Carry out a request and return the code of its ack."""
        tr_type = str(header.get("tr_type", ""))
        if header.get("custtype", "P") not in ("P", "B"):
            return "OPSP8998"
        if tr_type not in ("1", "2"):
            return "OPSP8997"
        if not tr_key:
            return "OPSP9990"
        problem = self._check_tr(session, tr_id, tr_key)
        if problem:
            return problem
        registration = (tr_id, tr_key)
        if tr_type == "2":
            if registration not in session.registrations:
                return "OPSP0003"
            session.registrations.remove(registration)
            self._registry.remove(session, registration)
            return "OPSP0001"
        if registration in session.registrations:
            return "OPSP0002"
        if len(session.registrations) >= self._rules.kis.max_registrations:
            return "OPSP0008"
        session.registrations.add(registration)
        self._registry.add(session, registration)
        self.last_subscribed_ns = now_ns
        if not self._is_replay:
            self._trades.on_subscribed(tr_id, tr_key)
            self._books.on_subscribed(tr_id, tr_key)
            self._clock.on_subscribed(tr_id, tr_key, now_ns)
        return "OPSP0000"

    def _check_tr(self, session: Session, tr_id: str, tr_key: str) -> str:
        known = tr.realtime().get(tr_id)
        if known is None:
            return "OPSP8991"
        if self._is_replay:
            return ""
        if self._rules.is_paper and not known.on_paper:
            return "OPSP8991"
        if TOPICS[tr_id].kind == "notice":
            overseas = _OVERSEAS_NOTICES[self._rules.kis.environment]
            if tr_id not in (self._rules.kis.notice_tr, overseas):
                return "OPSP8991"
            return "" if tr_key in session.hts_ids else "OPSP8992"
        return "" if is_key(self._outlet.world, tr_id, tr_key) else "OPSP8992"

    def _ack(self, session: Session, code: str, tr_id: str = "", tr_key: str = "") -> None:
        pair = self._key_of(session, tr_id) if code == "OPSP0000" else None
        wire = self._wrap(ack(code, tr_id, tr_key, pair))
        if self.tap is None or not self.tap.on_ack(session, (tr_id, tr_key), code, wire):
            session.deliver(wire)

    def _key_of(self, session: Session, tr_id: str) -> tuple[str, str]:
        if self._is_replay:
            return REPLAY_KEY
        pair = session.keys.get(tr_id)
        if pair is None:
            letters = string.ascii_lowercase
            drawn = "".join(self._rng.choice(letters) for _ in range(32))
            pair = (drawn, f"{self._rng.getrandbits(64):016x}")
            session.keys[tr_id] = pair
        return pair

    def on_trade(self, symbol: str, record: TradeRecord) -> None:
        """Take a trade that has just happened; it goes out with the next flush."""
        if not self._is_replay:
            self._trades.on_trade(symbol, record)
            if record.taker is None:
                venue = "NXT" if record.board == "NXT" else "KRX"
                self._books.on_auction(symbol, venue, record.qty)

    def on_depth(self, symbol: str, board: str = "KRX") -> None:
        """Note that a book changed."""
        if not self._is_replay:
            self._books.on_depth(symbol, board)

    def on_phase(self, board: str, phase: Any, now_ns: int) -> None:
        """Tell the subscribers of market status that a board begins a session; None: it closes.

        phase: calendar.Phase or None. Books of a board that opens or closes go out anew.
        """
        if self._is_replay:
            return
        self._trades.flush(now_ns)  # Trades of the session that ends come first.
        self._outlet.on_phase(board, is_open=phase is not None)
        self._status.on_phase(board, phase)
        self._books.on_board(board)

    def on_vi(self, symbol: str, board: str, vi: Any, now_ns: int) -> None:
        """Tell of a volatility interruption; vi is false when it ends."""
        if not self._is_replay:
            self._trades.flush(now_ns)
            self._status.on_vi(symbol, board, is_on=bool(vi))
            self._books.on_depth(symbol, board)

    def on_halt(self, symbol: str, is_halted: bool, now_ns: int) -> None:
        """Tell that trading in an issue stops or goes on."""
        if not self._is_replay:
            self._trades.flush(now_ns)
            self._status.on_halt(symbol, is_halted=is_halted)

    def on_second(self, now_ns: int) -> None:
        """Note that a second of market time has passed."""
        if not self._is_replay:
            self._clock.on_second()

    def next_due_ns(self) -> int:
        """Return the market time at which flush has something to send; far off when nothing."""
        if self._is_replay:
            return _NEVER_NS
        # What is overdue goes out at the next moment of the market, not at one that is over.
        feeds = (self._trades.due_ns(), self._books.due_ns(), self._clock.due_ns())
        due_ns = min((due for due in feeds if due is not None), default=_NEVER_NS)
        return max(due_ns, self._outlet.world.now_ns)

    def flush(self, now_ns: int, real_ns: int) -> None:
        """Send what has come up: trades at once, books at most every 100 ms, and see tick."""
        if not self._is_replay:
            self._trades.flush(now_ns)
            self._books.flush(now_ns)
            self._clock.flush(now_ns)
        self.tick(now_ns, real_ns)

    def tick(self, now_ns: int, real_ns: int) -> None:
        """Send what waits for real time: PINGPONG; cut who does not send it back in time."""
        self._pingpong(now_ns, real_ns)
        self.pongs.tick(list(self.sessions.values()), real_ns)

    def replay(self, text: bytes) -> int:
        """Send a recorded text to all sockets that registered anything; return to how many."""
        sessions = [session for session in self.sessions.values() if session.registrations]
        flag, _, rest = text.partition(b"|")
        tr_id, is_frame, _ = rest.partition(b"|")
        if self.tap is None or flag not in (b"0", b"1") or not is_frame:
            self.send(text, sessions)
        else:
            key = text.rpartition(b"|")[2].partition(b"^")[0] if flag == b"0" else b""
            registration = (tr_id.decode(errors="replace"), key.decode(errors="replace"))
            self.tap.on_frame(registration, text, sessions)
        return len(sessions)

    def deafen(self, session: Session, registration: tuple[str, str]) -> None:
        """Send a registered socket no more of this; it does not learn of it."""
        self._registry.remove(session, registration)

    def send(self, frame: bytes, sessions: Sequence[Session], *, is_partial: bool = False) -> None:
        """Send a frame to these sockets as it is: the same bytes go to all of them.

        is_partial: no more than the first half of its bytes on the wire.
        """
        wire = self._wrap(frame)
        if is_partial:
            wire = wire[: (len(wire) + 1) // 2]
        for session in sessions:
            session.deliver(wire)

    def _publish(self, registration: tuple[str, str], frame: bytes) -> None:
        self._tapped(registration, frame, self._registry.sessions(registration))

    def _tapped(self, registration: tuple[str, str], frame: bytes, sessions: list[Session]) -> None:
        if self.tap is None:
            self.send(frame, sessions)
        else:
            self.tap.on_frame(registration, frame, sessions)

    def on_notice(self, notice: Notice) -> None:
        """Send a notice to every socket of its HTS id."""
        tr_id = self._rules.kis.notice_tr
        sessions = self._registry.sessions((tr_id, notice.hts_id))
        if not sessions:
            return
        values = notice_values(notice, self._rules.branch, self.widths[tr_id])
        registration = (tr_id, notice.hts_id)
        for session in sessions:
            key, iv = self._key_of(session, tr_id)
            own = values
            if self.tap is not None:
                own = self.tap.on_values(registration, values, session)
            self._tapped(registration, notice_frame(tr_id, own, key, iv), [session])

    def _pingpong(self, now_ns: int, real_ns: int) -> None:
        if real_ns < self._next_pingpong_ns:
            return
        if self._next_pingpong_ns:
            clock = date_text(now_ns) + hhmmss(now_ns)
            text = f'{{"header":{{"tr_id":"PINGPONG","datetime":"{clock}"}}}}'.encode()
            wire = self._wrap(text)
            for session in list(self.sessions.values()):
                if session.deliver(wire, is_pingpong=True):
                    self.pongs.on_ping(session, real_ns)
        self._next_pingpong_ns = real_ns + self._pingpong_ns

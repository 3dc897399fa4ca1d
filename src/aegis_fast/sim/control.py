"""Answer the simulator's own pages under /_sim/: ledger, state, market, clock, faults, screen.

Every wrong body is a 400 that names the field and what would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from aegis_fast.errors import InvalidRequest
from aegis_fast.sim.broker import Broker
from aegis_fast.sim.calls import batch
from aegis_fast.sim.calls.answers import Answer, Request
from aegis_fast.sim.decoding import NotJSON, decoded
from aegis_fast.sim.desk.ledger_page import (
    MAX_PAGE,
    MAX_RECENT,
    page_slices,
    read_since,
    recent_json,
)
from aegis_fast.sim.faults.page import FaultPage
from aegis_fast.sim.kst import date_of
from aegis_fast.sim.market.calendar import BOARDS
from aegis_fast.sim.market_page import MarketPage
from aegis_fast.sim.screen.day_plan import next_change_ns, phase_json
from aegis_fast.sim.screen.pages import PAGES, ScreenPages, number
from aegis_fast.sim.screen.web_files import WebFiles
from aegis_fast.sim.sim_clock import MAX_JUMP_NS, SimClock, crowd_pace, parse_moment

__all__ = ["PREFIX", "Control"]

PREFIX = "/_sim/"
_MAX_ADVANCE_MS = MAX_JUMP_NS // 1_000_000
_BATCH = {"path": batch.PATH, "tr_id": batch.TR_ID, "max_legs": batch.MAX_LEGS}
_CLOCK_EXPECTED = (
    '{"advance_ms": 60000} | {"to": "15:20:00"} | {"to": "2026-11-30T09:00:00"} | {"to": "next"} | '
    '{"speed": 60} | {"stepped": true} | {"door_ms": 60000}'
)
_METHODS = {
    "ledger": ("GET",),
    "state": ("GET",),
    "market": ("POST",),
    "clock": ("GET", "POST"),
    "faults": ("GET", "POST", "DELETE"),
    **dict.fromkeys(PAGES, ("GET",)),
}
_NEXT = "next"


class ClockBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /_sim/clock; what is given happens in this order.

    stepped: stand still, or run again. speed: market seconds for a real one, 0.01 to 10,000; 1 is
    the wall clock. advance_ms: that much market time, all of it simulated, a week at most. to: the
    same, up to a moment (KST), "15:20:00" of the market's day or "2026-11-30T09:00:00", or "next":
    to where a session begins or ends next. door_ms: put only the door's time forward, so that
    tokens age and call limits pass.
    """

    advance_ms: int | None = None
    to: str | None = None
    speed: float | None = None
    stepped: bool | None = None
    door_ms: int | None = None


def _read(raw: bytes, kind: Any, expected: str) -> Any:
    try:
        return decoded(raw, kind)
    except NotJSON as error:
        raise InvalidRequest(str(error), field="body", expected=expected) from error


class Control:
    """The control pages of one broker.

    clock: both times. health(): what the state page adds about the
    process. is_auto_activity: the crowd thins out as the clock is sped up.
    """

    def __init__(
        self,
        broker: Broker,
        clock: SimClock,
        health: Callable[[], dict[str, Any]] = dict,
        *,
        is_auto_activity: bool = True,
    ) -> None:
        self._broker = broker
        self._faults = FaultPage(broker.faults, broker.fault_hooks)
        self._market = MarketPage(broker)
        self._screen = ScreenPages(broker)
        self._web = WebFiles()
        self._sim_clock = clock
        self._health = health
        self._is_auto_activity = is_auto_activity

    def answer(self, request: Request, now_ns: int) -> Answer:
        """Answer a control request: 200, 304, 400, 403, 404 or 405."""
        name = request.path.removeprefix(PREFIX.rstrip("/")).removeprefix("/")
        if request.method == "GET":
            file = self._web.answer(name, request.headers.get("if-none-match", ""))
            if file is not None:
                return file
        elif request.headers.get("sec-fetch-site") == "cross-site":
            # A page of somebody else, open in a browser on this machine, must not steer us.
            return _json(403, {"error": "another site", "expected": "a page of this simulator"})
        if name not in _METHODS:
            return _json(404, {"error": f"no {request.path}", "expected": sorted(_METHODS)})
        if request.method not in _METHODS[name]:
            allowed = list(_METHODS[name])
            return _json(405, {"error": f"{request.method} {request.path}", "expected": allowed})
        try:
            if name == "ledger" and not request.query.get("recent"):
                return Answer(200, b"".join(self._ledger_slices(request.query)))
            return _json(200, self._page(name, request, now_ns))
        except InvalidRequest as error:
            body = {"error": error.message, "field": error.field, "expected": error.expected}
            return _json(400, body)

    def _page(self, name: str, request: Request, now_ns: int) -> dict[str, Any]:
        if name == "ledger":
            return self._recent(request.query)
        if name == "state":
            return self._state(now_ns, symbols=request.query.get("symbols") != "0")
        if name in PAGES:
            return self._screen.answer(name, request.query, now_ns)
        if name == "market":
            return self._market.change(request.body, now_ns, self._sim_clock.door_ns())
        if name == "clock":
            return self._clock(request) if request.method == "POST" else self._sim_clock.as_json()
        return self._faults.answer(request, now_ns)

    def slices(self, request: Request) -> Iterator[bytes] | None:
        """Return the body of a page that may be long in slices; None for any other page.

        Each slice is made as it is asked for, within a few ms. answer() gives the same in one.
        """
        is_ledger = request.method == "GET" and request.path == f"{PREFIX}ledger"
        if not is_ledger or request.query.get("recent"):
            return None
        try:
            return self._ledger_slices(request.query)
        except InvalidRequest:
            return None

    def _ledger_slices(self, query: Mapping[str, str]) -> Iterator[bytes]:
        """Return a page of the ledger. Raises InvalidRequest."""
        broker = self._broker
        names = {"world": broker.world_id, "profile": broker.rules.name, "seed": broker.world.seed}
        since = read_since(query.get("since", ""))
        limit = number(query, "limit", MAX_PAGE, 1, MAX_PAGE)
        with_calls = query.get("calls") != "0"
        return page_slices(
            names, broker.ledger, broker.accounts, since, limit, with_calls=with_calls
        )

    def _recent(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the latest of one account."""
        broker = self._broker
        count = number(query, "recent", 1, 1, MAX_RECENT)
        account = query.get("account", "")
        return recent_json(broker.ledger, broker.accounts, broker.world, account, count)

    def _state(self, now_ns: int, *, symbols: bool) -> dict[str, Any]:
        """Return what runs here: clock, limits, process and everything the broker knows."""
        clock = self._sim_clock
        return {
            "clock": clock.as_json(),
            "limits": self._broker.door.as_json(clock.door_ns()),
            "hours": self._broker.world.hours,
            "phases": {board: phase_json(self._broker.world.phase(board)) for board in BOARDS},
            "batch": _BATCH if self._broker.rules.has_batch else None,
            **self._health(),
            **self._broker.state_json(now_ns, symbols=symbols),
        }

    def clock_page(self) -> Answer:
        """Return the clock as it is now."""
        return _json(200, self._sim_clock.as_json())

    def _clock(self, request: Request) -> dict[str, Any]:
        body: ClockBody = _read(request.body, ClockBody, _CLOCK_EXPECTED)
        if body == ClockBody():
            raise InvalidRequest("nothing to do", field="body", expected=_CLOCK_EXPECTED)
        clock = self._sim_clock
        span_ns = self._checked_span(body)
        if body.door_ms is not None and not 0 <= body.door_ms <= _MAX_ADVANCE_MS:
            raise InvalidRequest(
                "door_ms out of range", field="door_ms", expected=f"0..{_MAX_ADVANCE_MS}"
            )
        if body.speed is not None:
            try:
                clock.set_speed(body.speed)
            except ValueError as error:
                raise InvalidRequest(str(error), field="speed", expected="0.01..10000") from None
            if self._is_auto_activity:
                self._broker.world.crowd.activity = crowd_pace(body.speed)
        if body.stepped is not None:
            clock.set_stepped(body.stepped)
        if span_ns:
            clock.jump(span_ns)
        if body.door_ms:
            clock.pass_door_time(body.door_ms * 1_000_000)
        return clock.as_json()

    def _checked_span(self, body: ClockBody) -> int:
        """Return how far a clock body jumps, in ns."""
        if body.to is None:
            span_ms = body.advance_ms or 0
            if not 0 <= span_ms <= _MAX_ADVANCE_MS:
                raise InvalidRequest(
                    "advance_ms out of range", field="advance_ms", expected=f"0..{_MAX_ADVANCE_MS}"
                )
            return span_ms * 1_000_000
        if body.advance_ms is not None:
            raise InvalidRequest("advance_ms or to, not both", field="to", expected=_CLOCK_EXPECTED)
        target_ns = self._sim_clock.target_ns()
        try:
            span_ns = self._moment_ns(body.to) - target_ns
        except ValueError as error:
            raise InvalidRequest(str(error), field="to", expected=_CLOCK_EXPECTED) from None
        if not 0 <= span_ns <= MAX_JUMP_NS:
            raise InvalidRequest(
                f"{body.to} is not within the week ahead of the market",
                field="to",
                expected="a moment to come; for another day write its date",
            )
        return span_ns

    def _moment_ns(self, text: str) -> int:
        """Return the moment that a clock body names. Raises ValueError."""
        clock = self._sim_clock
        if text != _NEXT:
            return parse_moment(text, date_of(clock.now_ns()))
        if self._broker.world.hours == "open":
            raise ValueError("no session ends here: the market is always open (--hours day)")
        return next_change_ns(clock.target_ns())


def _json(status: int, body: dict[str, Any]) -> Answer:
    return Answer(status, msgspec.json.encode(body))

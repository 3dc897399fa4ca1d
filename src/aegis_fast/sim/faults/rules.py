"""Read a request for a fault, check it field by field, and decide when the fault strikes.

Timing counts the calls (notices, frames, acks) that meet the filters while the window is open:
`after` skips the first, then `nth` or `every` picks, then `probability` draws. The draws come from
the simulator's seed and the fault's number, so the same seed strikes the same calls.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from aegis_fast.errors import InvalidRequest
from aegis_fast.kis import tr
from aegis_fast.sim.faults.kinds import KINDS, TABLE

__all__ = ["ANY", "MAX_COUNT", "MAX_DELAY_MS", "Aim", "Fault", "FaultBody", "check"]

MAX_COUNT = 1_000_000
MAX_DELAY_MS = 600_000
_MAX_WINDOW_MS = 7 * 24 * 3_600 * 1_000
_MAX_BYTES = 16 << 20
_MAX_FIELDS = 100
_MAX_TEXT = 64 << 10
_MS = 1_000_000
_PPM = 1_000_000
_VENUES = ("*", "KRX", "NXT", "SOR")
_CODE = re.compile(r"[A-Z0-9]{4,10}\Z")
_OFFSET = re.compile(r"\+(\d{1,9})(ms|s|m|h)\Z")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?\Z")
_BATCH = {"OVC_ORDER", "order-batch"}  # The batch call, which no table of KIS has.
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


class FaultBody(msgspec.Struct, forbid_unknown_fields=True):
    """One request for a fault: the body of POST /_sim/faults, or an entry of a script.

    Filters ("*" or left out: any): tr, a tr_id, realtime TR or call id (`call` is its older
    name); venue; symbol; account, 10 digits; appkey. Timing: see the module; count None or
    "forever" means without end. at: "+5s" from the start, or "HH:MM:SS" of the market.
    """

    kind: str
    tr: str = "*"
    call: str = "*"
    venue: str = "*"
    symbol: str = "*"
    account: str = "*"
    appkey: str = "*"
    count: int | str | UnsetType | None = UNSET
    probability: int | float | str | UnsetType = UNSET
    nth: int | UnsetType = UNSET
    every: int | UnsetType = UNSET
    after: int = 0
    from_ms: int = 0
    for_ms: int | UnsetType = UNSET
    at: int | str | UnsetType = UNSET
    delay_ms: int = 0
    text: str = ""
    pingpong: bool = False
    status: int = 0
    msg_cd: str = ""
    mode: str = ""
    after_bytes: int | UnsetType = UNSET
    fields: int = 1
    code: int = 1001

    @property
    def target(self) -> str:
        """Return what it is aimed at: a tr_id, a realtime TR, a call id or "*"."""
        if self.tr != "*":
            return self.tr
        return self.call if self.call != "*" else TABLE[self.kind].only_tr

    @property
    def ppm(self) -> int:
        """Return the probability in millionths."""
        return _ppm(self.probability)

    @property
    def has_timing(self) -> bool:
        """Tell whether it picks among calls or frames, so that it can't strike by itself."""
        picks = (self.nth, self.every, self.probability, self.for_ms)
        return any(pick is not UNSET for pick in picks) or bool(self.after or self.from_ms)

    @property
    def limit(self) -> int | None:
        """Return how often it strikes at most; None: without end."""
        if isinstance(self.count, int):
            return self.count
        if self.count is None or isinstance(self.count, str):
            return None
        is_lasting = self.probability is not UNSET or self.every is not UNSET
        if is_lasting or self.for_ms is not UNSET or TABLE[self.kind].is_lasting:
            return None if self.nth is UNSET else 1
        return 1


@dataclass(frozen=True, slots=True)
class Aim:
    """What a call, notice, frame or ack is about; "" where it has no such thing.

    tr: tr_id or realtime TR. venue: KRX, NXT or SOR (unified quotes and frames count as SOR).
    is_shared: it goes to many; who of them a fault is aimed at is not decided by this.
    """

    tr: str = ""
    call: str = ""
    venue: str = ""
    symbol: str = ""
    account: str = ""
    appkey: str = ""
    is_shared: bool = False


ANY = Aim()


class Fault:
    """A fault that waits. remaining: how often it will still strike, None for ever.

    seen: the matching calls it has counted. struck: how often it has struck.
    """

    def __init__(self, number: int, body: FaultBody, seed: int, now_ns: int) -> None:
        self.id = number
        self.body = body
        self.kind = body.kind
        self.target = body.target
        self.delay_ms = body.delay_ms or TABLE[body.kind].default_delay_ms
        self.mode = body.mode or TABLE[body.kind].modes[0]
        self.remaining = body.limit
        self.seen = self.struck = 0
        self.set_ns = now_ns
        self.from_ns = now_ns + body.from_ms * _MS
        self.until_ns: int | None = None
        if body.for_ms is not UNSET:
            self.until_ns = self.from_ns + body.for_ms * _MS
        elif body.kind == "slow_start":
            self.until_ns = self.from_ns + body.delay_ms * _MS
        self._ppm = body.ppm
        self._rng = Random(f"{seed}:{number}")

    @property
    def is_spent(self) -> bool:
        """Tell whether it has struck as often as it may."""
        return self.remaining == 0

    def is_over(self, now_ns: int) -> bool:
        """Tell whether its window has closed."""
        return self.until_ns is not None and now_ns >= self.until_ns

    def meets(self, aim: Aim) -> bool:
        """Tell whether the filters let this one through."""
        body = self.body
        return (
            self.target in ("*", aim.tr, aim.call)
            and body.venue in ("*", aim.venue)
            and body.symbol in ("*", aim.symbol)
            and (aim.is_shared or body.account in ("*", aim.account))
            and (aim.is_shared or body.appkey in ("*", aim.appkey))
        )

    def strikes(self, aim: Aim, now_ns: int) -> bool:
        """Count a call, and tell whether this is one to strike."""
        if self.is_spent or now_ns < self.from_ns or self.is_over(now_ns) or not self.meets(aim):
            return False
        self.seen += 1
        turn = self.seen - self.body.after
        if turn <= 0 or (self.body.nth is not UNSET and turn != self.body.nth):
            return False
        if self.body.every is not UNSET and turn % self.body.every:
            return False
        if self._ppm < _PPM and self._rng.randrange(_PPM) >= self._ppm:
            return False
        self.struck += 1
        if self.remaining is not None:
            self.remaining -= 1
        return True

    def as_json(self) -> dict[str, Any]:
        """Return the fault as the control page shows it."""
        settings = msgspec.to_builtins(self.body)
        shown = {
            name: settings[name]
            for name in self.body.__struct_fields__
            if name in settings and settings[name] != _DEFAULTS.get(name)
        }
        return shown | {
            "id": self.id,
            "kind": self.kind,
            "call": self.target,
            "delay_ms": self.delay_ms,
            "remaining": self.remaining,
            "seen": self.seen,
            "struck": self.struck,
        }


_DEFAULTS = {
    name: default
    for name, default in zip(
        FaultBody.__struct_fields__[1:], FaultBody.__struct_defaults__, strict=True
    )
    if default is not UNSET
}


def _ppm(value: int | float | str | UnsetType) -> int:
    """Return millionths: whole numbers above 1 are millionths already. Raises InvalidRequest."""
    expected = 'a decimal "0".."1", or millionths 2..1000000'
    if value is UNSET:
        return _PPM
    if isinstance(value, int) and value > 1:
        ppm = value
    else:
        try:
            share = Decimal(str(value))
            ppm = int(share * _PPM) if 0 <= share <= 1 else -1
        except ArithmeticError:  # No number, or one that compares with nothing.
            ppm = -1
    if not 0 <= ppm <= _PPM:
        raise InvalidRequest(f"probability {value!r}", field="probability", expected=expected)
    return ppm


@cache
def _known_trs() -> frozenset[str]:
    ids = {
        tr_id
        for call in tr.calls().values()
        for tr_id in (*call.tr_ids.values(), *call.old_tr_ids.values())
    }
    return frozenset(ids | set(tr.realtime()) | set(tr.calls()) | _BATCH)


def _need(is_right: bool, field: str, value: object, expected: str) -> None:
    if not is_right:
        raise InvalidRequest(f"{field} {value!r}", field=field, expected=expected)


def _check_target(body: FaultBody) -> None:
    for field in ("tr", "call"):
        name = getattr(body, field)
        name = tr.ALIASES.get(name, name)
        setattr(body, field, name)
        known = "* | " + " | ".join(tr.calls()) + " | a tr_id | a realtime TR"
        _need(name == "*" or name in _known_trs(), field, name, known)
    _need("*" in (body.tr, body.call), "call", body.call, "one of tr and call")
    _need(body.venue in _VENUES, "venue", body.venue, " | ".join(_VENUES))
    is_account = body.account == "*" or (len(body.account) == 10 and body.account.isdigit())
    _need(is_account, "account", body.account, "* | 10 digits (8 + 2)")
    for field in ("symbol", "appkey"):
        _need(0 < len(getattr(body, field)) <= 64, field, getattr(body, field), "* | 1..64 letters")
    allowed = TABLE[body.kind].filters
    for field in ("tr", "call", "venue", "symbol", "account", "appkey"):
        is_free = getattr(body, field) == "*" or field in allowed
        _need(is_free, field, getattr(body, field), f'"*": not for {body.kind}')


def _check_timing(body: FaultBody) -> None:
    count = f"1..{MAX_COUNT} | null | forever"
    if isinstance(body.count, int):
        _need(1 <= body.count <= MAX_COUNT, "count", body.count, count)
    elif isinstance(body.count, str):
        _need(body.count == "forever", "count", body.count, count)
    for field, least, most in (
        ("nth", 1, MAX_COUNT),
        ("every", 1, MAX_COUNT),
        ("after", 0, MAX_COUNT),
        ("from_ms", 0, _MAX_WINDOW_MS),
        ("for_ms", 1, _MAX_WINDOW_MS),
    ):
        value = getattr(body, field)
        _need(value is UNSET or least <= value <= most, field, value, f"{least}..{most}")
    _need(UNSET in (body.nth, body.every), "every", body.every, "one of nth and every")
    if body.kind == "refuse":
        _need(not body.has_timing, "kind", body.kind, "refuse without timing: it strikes at once")
    _ppm(body.probability)
    if body.at is not UNSET:
        at_of(body.at)


def at_of(at: int | str) -> tuple[str, int]:
    """Return ("offset", ms) or ("clock", second of the day, KST). Raises InvalidRequest."""
    expected = '"+5s" | "+250ms" | "+2m" | "+1h" | milliseconds | "HH:MM:SS"'
    if isinstance(at, int):
        _need(0 <= at <= _MAX_WINDOW_MS, "at", at, expected)
        return "offset", at
    if offset := _OFFSET.match(at):
        span = int(offset[1]) * _UNITS_MS[offset[2]]
        _need(span <= _MAX_WINDOW_MS, "at", at, expected)
        return "offset", span
    clock = _CLOCK.match(at)
    _need(clock is not None, "at", at, expected)
    assert clock is not None
    return "clock", int(clock[1]) * 3_600 + int(clock[2]) * 60 + int(clock[3] or 0)


def _check_settings(body: FaultBody) -> None:
    kind = TABLE[body.kind]
    for field in ("text", "pingpong", "status", "msg_cd", "mode", "after_bytes", "fields", "code"):
        value = getattr(body, field)
        is_default = value == _DEFAULTS.get(field, UNSET)
        used = ", ".join(sorted(kind.uses)) or "none of its kind"
        _need(is_default or field in kind.uses, field, value, f"{body.kind} uses {used}")
    if not kind.min_delay_ms <= body.delay_ms <= MAX_DELAY_MS:
        raise InvalidRequest(
            "delay_ms out of range",
            field="delay_ms",
            expected=f"{kind.min_delay_ms}..{MAX_DELAY_MS}",
        )
    _need(len(body.text) <= _MAX_TEXT, "text", f"of {len(body.text)}", f"{_MAX_TEXT} at most")
    if body.mode:
        _need(body.mode in kind.modes, "mode", body.mode, " | ".join(kind.modes))
    if body.after_bytes is not UNSET:
        is_inside = 0 <= body.after_bytes <= _MAX_BYTES
        _need(is_inside, "after_bytes", body.after_bytes, f"0..{_MAX_BYTES}")
    _need(1 <= body.fields <= _MAX_FIELDS, "fields", body.fields, f"1..{_MAX_FIELDS}")
    is_code = body.code in (1000, 1001, 1002, 1003) or 1007 <= body.code <= 1014
    is_code = is_code or 3000 <= body.code <= 4999
    _need(is_code, "code", body.code, "1000..1003, 1007..1014 or 3000..4999 (RFC 6455)")
    if body.kind == "ws_close":
        _need(len(body.text.encode()) <= 123, "text", body.text, "123 bytes at most (RFC 6455)")
    if body.kind == "rate_refusal":
        _need(body.status in (0, 200, 429, 500), "status", body.status, "500 | 200 | 429")
    elif body.status:
        _need(500 <= body.status <= 599, "status", body.status, "500..599")
    if body.kind == "token_revoked":
        known = ("", "EGW00121", "EGW00123")
        _need(body.msg_cd in known, "msg_cd", body.msg_cd, "EGW00121 | EGW00123")
    elif body.msg_cd:
        _need(bool(_CODE.match(body.msg_cd)), "msg_cd", body.msg_cd, "like EGW00301")


def check(body: FaultBody) -> FaultBody:
    """Return the body with its names put right. Raises InvalidRequest naming the wrong field."""
    if body.kind not in KINDS:
        raise InvalidRequest(
            f"unknown fault {body.kind!r}", field="kind", expected=" | ".join(KINDS)
        )
    _check_target(body)
    _check_timing(body)
    _check_settings(body)
    return body

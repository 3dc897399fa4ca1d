"""Keep the book of realtime registrations: what is wanted, what is asked for, what is confirmed.

KIS allows 41 registrations on one session, counts every (tr_id, tr_key), forgets all of them with
the connection, and may lose a request without a word; so everything is counted, checked off against
its ack and asked for again (P5, P6, P7, S76). Sans-IO: methods return effects, the stream carries
them out. Source: KIS.md section 4, errors.json OPSP codes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import ClassVar

import orjson

from aegis_fast.errors import Busy, ProtocolError
from aegis_fast.kis.fields import NS_PER_S, Row

__all__ = [
    "DEPTH_TR",
    "TRADE_TR",
    "Alert",
    "BackOff",
    "Effect",
    "Key",
    "NoticeUp",
    "Reconnect",
    "Register",
    "Registrations",
    "Release",
    "RenewApprovalKey",
    "StoreKey",
    "parse_control",
    "request_frame",
]

TRADE_TR = "H0STCNT0"
DEPTH_TR = "H0STASP0"
_REGISTER, _RELEASE = "1", "2"


@dataclass(frozen=True, slots=True)
class Key:
    """One registration: a stream and what it is about (a symbol, or the HTS id for notices)."""

    tr_id: str
    tr_key: str


@dataclass(frozen=True, slots=True)
class Register:
    """Send a registration for this key."""

    key: Key


@dataclass(frozen=True, slots=True)
class Release:
    """Send a release for this key."""

    key: Key


@dataclass(frozen=True, slots=True)
class StoreKey:
    """Keep the AES pair of this TR for the rest of the connection."""

    tr_id: str
    key: str = field(repr=False)
    iv: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoticeUp:
    """Own-order notices flow from here on: the feed is up."""


@dataclass(frozen=True, slots=True)
class RenewApprovalKey:
    """The approval key is not known any more: get another and connect again."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """Another session holds the appkey: close, wait, connect again later."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Notices could not be registered on this connection: try another one."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A registration is not served. kind: budget, refused, unanswered, unexpected."""

    kind: str
    detail: str


Effect = Register | Release | StoreKey | NoticeUp | RenewApprovalKey | BackOff | Reconnect | Alert


class _State(Enum):
    WAITING = auto()  # to be sent
    SENT = auto()  # on its way, no ack yet
    CONFIRMED = auto()
    REFUSED = auto()  # KIS will not have it; asked again only on a new connection


@dataclass(slots=True)
class _Entry:
    references: int
    state: _State = _State.WAITING
    sent_ns: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Control:
    """A control message. tr_id is "PINGPONG" for the heartbeat."""

    key: Key
    msg_cd: str
    message: str
    aes_key: str = field(repr=False)
    aes_iv: str = field(repr=False)


def request_frame(approval_key: str, effect: Register | Release) -> bytes:
    """Return the text frame that registers (tr_type 1) or releases (tr_type 2) a key."""
    tr_type = _REGISTER if isinstance(effect, Register) else _RELEASE
    return orjson.dumps(
        {
            "header": {
                "approval_key": approval_key,
                "custtype": "P",
                "tr_type": tr_type,
                "content-type": "utf-8",
            },
            "body": {"input": {"tr_id": effect.key.tr_id, "tr_key": effect.key.tr_key}},
        }
    )


def parse_control(frame: bytes) -> Control:
    """Read a `{...}` frame. Raises ProtocolError on anything else."""
    try:
        message = orjson.loads(frame)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise ProtocolError("control frame is not JSON", field="control", expected="an object")
    header = Row(message, "control").section("header")
    key = Key(header.text("tr_id"), header.text("tr_key", ""))
    if "body" not in message:
        return Control(key, "", "", "", "")
    body = Row(message, "control").section("body")
    output = body.optional_section("output")
    return Control(
        key=key,
        msg_cd=body.text("msg_cd", ""),
        message=body.text("msg1", ""),
        aes_key=output.text("key", "") if output else "",
        aes_iv=output.text("iv", "") if output else "",
    )


class Registrations:
    """The book of one connection after another. Every watched symbol takes two registrations.

    ack_timeout_ns: ask again when no ack came for this long, at most max_attempts times on one
    connection; then one Alert, and again on the next connection.
    """

    SYMBOL_TRS: ClassVar[tuple[str, ...]] = (TRADE_TR, DEPTH_TR)

    def __init__(
        self,
        *,
        notice_tr: str,
        hts_id: str,
        max_registrations: int = 41,
        ack_timeout_ns: int = 5 * NS_PER_S,
        max_attempts: int = 3,
    ) -> None:
        self.notice_key = Key(notice_tr, hts_id)
        self.max_registrations = max_registrations
        self._ack_timeout_ns = ack_timeout_ns
        self._max_attempts = max_attempts
        # Insertion order is the order of registration after a (re)connect: notices first.
        self._entries: dict[Key, _Entry] = {self.notice_key: _Entry(1)}
        self._has_notice_aes = False
        self._is_connected = False

    def watch(self, symbol: str) -> list[Effect]:
        """Count one more user of a symbol; the first one registers it.

        Raises Busy when the registrations of one session do not suffice; nothing changes then.
        """
        keys = self._keys(symbol)
        if keys[0] in self._entries:
            for key in keys:
                self._entries[key].references += 1
            return []
        if len(self._entries) + len(keys) > self.max_registrations:
            raise Busy(
                f"실시간 등록 한도 초과: {symbol} / no realtime registration left for {symbol}",
                field="symbol",
                expected=f"at most {self.max_symbols} symbols at once",
            )
        for key in keys:
            self._entries[key] = _Entry(1)
        return [Register(key) for key in keys] if self._is_connected else []

    def unwatch(self, symbol: str) -> list[Effect]:
        """Count one user less; the last one releases the symbol. Unknown symbols are ignored."""
        effects: list[Effect] = []
        for key in self._keys(symbol):
            entry = self._entries.get(key)
            if entry is None:
                continue
            entry.references -= 1
            if entry.references == 0:
                del self._entries[key]
                if self._is_connected and entry.state is not _State.REFUSED:
                    effects.append(Release(key))
        return effects

    def connected(self) -> list[Effect]:
        """Start over on a new connection: everything that is wanted has to be asked for."""
        self._is_connected = True
        self._has_notice_aes = False
        for entry in self._entries.values():
            entry.state, entry.attempts = _State.WAITING, 0
        return [Register(key) for key in self._entries]

    def disconnected(self) -> None:
        """Forget what the lost connection had confirmed."""
        self._is_connected = False

    def sent(self, effect: Register, now_ns: int) -> None:
        """Note that a registration has left; its ack is awaited from now on."""
        entry = self._entries.get(effect.key)
        if entry is not None and entry.state is not _State.CONFIRMED:
            entry.state, entry.sent_ns = _State.SENT, now_ns
            entry.attempts += 1

    def trade_key(self, symbol: str) -> Key:
        """Return the registration of a symbol's trades; it stands and falls with the book's."""
        return Key(self.SYMBOL_TRS[0], symbol)

    def is_wanted(self, key: Key) -> bool:
        """Tell whether a key is still wanted: a queued Register may have become pointless."""
        return key in self._entries

    def on_control(self, control: Control) -> list[Effect]:
        """Take in an ack and return what follows from it."""
        code = control.msg_cd
        if control.key.tr_id == self.notice_key.tr_id:
            # There is one of this TR: it is ours, however the server spells the id back.
            control = replace(control, key=self.notice_key)
        if code in ("OPSP0000", "OPSP0002"):
            return self._registered(control)
        if code in ("OPSP0001", "OPSP0003"):
            return []
        if code == "OPSP8996":
            return [BackOff()]
        if code == "OPSP0011":
            return [RenewApprovalKey()]
        return self._not_registered(control)

    def unacked(self, now_ns: int) -> list[Effect]:
        """Return what to ask for again because no ack came in time."""
        effects: list[Effect] = []
        for key, entry in self._entries.items():
            if entry.state is not _State.SENT or now_ns - entry.sent_ns < self._ack_timeout_ns:
                continue
            if entry.attempts < self._max_attempts:
                entry.state = _State.WAITING
                effects.append(Register(key))
            else:
                entry.state = _State.REFUSED
                effects.append(Alert("unanswered", f"{key.tr_id} {self._shown(key)}".strip()))
                if key == self.notice_key:
                    effects.append(Reconnect())
        return effects

    @property
    def max_symbols(self) -> int:
        """Return how many symbols fit beside the notices."""
        return (self.max_registrations - 1) // len(self.SYMBOL_TRS)

    @property
    def in_use(self) -> int:
        """Return how many registrations are wanted, notices included."""
        return len(self._entries)

    @property
    def confirmed(self) -> int:
        """Return how many registrations KIS has confirmed on this connection."""
        if not self._is_connected:
            return 0
        return sum(entry.state is _State.CONFIRMED for entry in self._entries.values())

    def symbols(self) -> list[str]:
        """Return the watched symbols in the order in which they were first watched."""
        return [key.tr_key for key in self._entries if key.tr_id == self.SYMBOL_TRS[0]]

    def _keys(self, symbol: str) -> list[Key]:
        return [Key(tr_id, symbol) for tr_id in self.SYMBOL_TRS]

    def _registered(self, control: Control) -> list[Effect]:
        effects: list[Effect] = []
        if control.aes_key and control.aes_iv:
            effects.append(StoreKey(control.key.tr_id, control.aes_key, control.aes_iv))
        entry = self._entries.get(control.key)
        if entry is None:
            # Given up while the ack was on its way; the release that was sent then settles it.
            return effects
        is_notice = control.key == self.notice_key
        if is_notice and not (effects or self._has_notice_aes):
            # "Already registered", but the ack that carried the key was never seen: notices could
            # not be read. Only a fresh registration brings the key.
            if entry.attempts >= self._max_attempts:
                entry.state = _State.REFUSED
                what = f"{control.key.tr_id}: registered without a key"
                return [Alert("refused", what), Reconnect()]
            entry.state = _State.WAITING
            return [Release(control.key), Register(control.key)]
        was_confirmed = entry.state is _State.CONFIRMED
        entry.state = _State.CONFIRMED
        if is_notice:
            self._has_notice_aes = True
            if not was_confirmed:
                effects.append(NoticeUp())
        return effects

    def _not_registered(self, control: Control) -> list[Effect]:
        code = control.msg_cd
        text = f"{code} {control.message} {control.key.tr_id} {self._shown(control.key)}".strip()
        entry = self._entries.get(control.key)
        if code == "OPSP0008":
            kind = "budget"
        elif code in _RETRIED:
            # Left as sent: `unacked` asks again after the ack timeout, and not at once.
            return []
        else:
            kind = "refused" if code.startswith("OPSP") else "unexpected"
        if entry is not None:
            entry.state = _State.REFUSED
        return [Alert(kind, text)]

    def _shown(self, key: Key) -> str:
        # The notice key is the customer's HTS id: not for logs.
        return "" if key == self.notice_key else key.tr_key


# Trouble inside KIS that asking again later may cure (errors.json: retryable "yes").
_RETRIED = frozenset({"OPSP0007", "OPSP0009", "OPSP8999", "OPSP9993", "OPSP9995"})

"""Name every fault: what it does, what it can be aimed at, which settings mean something for it.

One table, read by the checks, the control page and the tests: a kind that is not here does not
exist, and a setting that a kind does not list is refused instead of ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AT_ONCE", "KINDS", "TABLE", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    group: "call", "order", "notice", "socket", "session",
    "ack", "frame" or "listener". uses: the settings
    beyond filters and timing that it reads. modes: what `mode` may be, the first one is the
    default. min_delay_ms: the least delay_ms, default_delay_ms when it is left out. only_tr: what
    it is aimed at when `tr` is left out. is_at_once: strikes when set, unless its timing says
    otherwise. is_lasting: without `count` it strikes for ever.
    """

    text: str
    group: str
    uses: frozenset[str] = frozenset()
    modes: tuple[str, ...] = ("",)
    min_delay_ms: int = 0
    default_delay_ms: int = 0
    only_tr: str = "*"
    is_at_once: bool = False
    is_lasting: bool = False

    @property
    def filters(self) -> frozenset[str]:
        """Return the filters that can ever meet this kind."""
        if self.group == "listener":
            return frozenset()
        if self.group == "session":
            return frozenset({"account", "appkey"})
        return frozenset({"tr", "call", "venue", "symbol", "account", "appkey"})


def _uses(*names: str) -> frozenset[str]:
    return frozenset(names)


_CALLS = {
    "request_lost": Kind("the connection closes before the call lands", "call"),
    "reply_lost": Kind("the call lands, the connection closes without an answer", "call"),
    "cut": Kind(
        "the call lands, its HTTP answer ends after after_bytes (mode body: of the body)",
        "call",
        _uses("after_bytes", "mode"),
        ("head", "body"),
    ),
    "timeout_before": Kind(
        "nothing lands; silence until the client hangs up or delay_ms passes", "call"
    ),
    "timeout_after": Kind(
        "the call lands; silence until the client hangs up or delay_ms passes", "call"
    ),
    "delay": Kind("the call lands, its answer waits delay_ms", "call", min_delay_ms=1),
    "http_500_after": Kind(
        "the call lands, the answer is HTTP status (500) with msg_cd (EGW00202), or text as HTML",
        "call",
        _uses("status", "msg_cd", "text"),
    ),
    "rate_refusal": Kind(
        "EGW00201, HTTP 500 (or status 200), nothing lands", "call", _uses("status")
    ),
    "token_revoked": Kind(
        "the tokens are forgotten (msg_cd EGW00121) or run out (EGW00123)",
        "call",
        _uses("msg_cd"),
        is_at_once=True,
    ),
    "balance_empty": Kind(
        "rt_cd 0 and no rows in output1", "call", only_tr="inquire-balance", is_lasting=True
    ),
    "balance_stale": Kind(
        "the balance as it was delay_ms ago; 0: as it was when the fault was set",
        "call",
        only_tr="inquire-balance",
        is_lasting=True,
    ),
    "wrong_page": Kind(
        "repeat: the first page again; drop: a page is left out; bad_key: a key that leads "
        "nowhere; endless: tr_cont M for ever; changed: SYDB0050",
        "call",
        _uses("mode"),
        ("repeat", "drop", "bad_key", "endless", "changed"),
    ),
    "slow_start": Kind(
        "for delay_ms calls get HTTP status (503) with msg_cd (EGW00002), or (hold) wait it out",
        "call",
        _uses("mode", "status", "msg_cd"),
        ("refuse", "hold"),
        min_delay_ms=1,
        is_lasting=True,
    ),
    "notice_before_reply": Kind(
        "the notices of an order go out delay_ms (200) before its answer",
        "call",
        default_delay_ms=200,
    ),
}
_ORDERS = {
    "exchange_reject": Kind(
        "the broker accepts the order, a notice says that the exchange refused it", "order"
    ),
    "hide": Kind(
        "an accepted order stays out of the query calls for delay_ms", "order", min_delay_ms=1
    ),
    "notice_delay": Kind("an own-order notice waits delay_ms", "notice", min_delay_ms=1),
    "notice_duplicate": Kind("an own-order notice comes twice", "notice"),
    "notice_out_of_order": Kind(
        "an own-order notice comes after the next one, or after delay_ms (5000) without one",
        "notice",
        default_delay_ms=5_000,
    ),
    "notice_missing": Kind("an own-order notice never comes", "notice"),
}
_SOCKETS = {
    "ws_drop": Kind(
        "sockets are cut without a close frame (count of them, default all)",
        "socket",
        is_at_once=True,
    ),
    "ws_silent": Kind(
        "sockets stay open and say nothing more; with pingpong they still say PINGPONG",
        "socket",
        _uses("pingpong"),
        is_at_once=True,
    ),
    "ws_close": Kind(
        "sockets get a close frame with code (1001) and text",
        "socket",
        _uses("code", "text"),
        is_at_once=True,
    ),
    "session_hold": Kind(
        "after a socket closes its appkey stays in use for delay_ms (OPSP8996)",
        "session",
        min_delay_ms=1,
    ),
    "refuse_handshake": Kind(
        "a WebSocket handshake is answered with HTTP status (503)", "listener", _uses("status")
    ),
    "ack_delay": Kind(
        "a registration holds at once, its ack waits delay_ms", "ack", min_delay_ms=1
    ),
    "ack_missing": Kind("a registration holds, its ack never comes", "ack"),
    "registration_lost": Kind("the ack says SUCCESS, no frame ever comes", "ack"),
}
_FRAMES = {
    "bad_frame": Kind(
        "every subscriber receives `text` (count times, default 1)",
        "frame",
        _uses("text"),
        is_at_once=True,
    ),
    "append_fields": Kind(
        "every record has `fields` (1) more values at its end",
        "frame",
        _uses("fields"),
        is_lasting=True,
    ),
    "frame_truncated": Kind(
        "text: a frame ends after after_bytes (default: in its middle); connection: the connection "
        "ends in the middle of a frame",
        "frame",
        _uses("after_bytes", "mode"),
        ("text", "connection"),
    ),
    "frame_malformed": Kind(
        "count: a wrong record count; digits: letters in a number; separator: one | is missing; "
        "base64: no payload that could be decrypted",
        "frame",
        _uses("mode"),
        ("count", "digits", "separator", "base64"),
    ),
    "frame_duplicate": Kind("a frame comes twice", "frame"),
    "frame_out_of_order": Kind(
        "a frame comes after the next one of its key, or after delay_ms (1000) without one",
        "frame",
        default_delay_ms=1_000,
    ),
    "frame_missing": Kind("a frame never comes", "frame"),
}
_LISTENER = {
    "tls_failure": Kind(
        "a TLS handshake fails; without TLS the connection is reset as it opens", "listener"
    ),
    "dns_failure": Kind(
        "a query to the simulator's name server (--dns-port) gets NXDOMAIN, SERVFAIL or silence",
        "listener",
        _uses("mode"),
        ("nxdomain", "servfail", "silence"),
    ),
    "idle_close": Kind(
        "a connection that has idled for delay_ms is closed; race: only as the next call arrives, "
        "which lands nowhere",
        "listener",
        _uses("mode"),
        ("close", "race"),
        min_delay_ms=1,
        is_lasting=True,
    ),
    "refuse": Kind(
        "for delay_ms nobody listens on the port; mode cut: open connections are cut as well",
        "listener",
        _uses("mode"),
        ("keep", "cut"),
        min_delay_ms=1,
        is_at_once=True,
    ),
}

TABLE: dict[str, Kind] = {**_CALLS, **_ORDERS, **_SOCKETS, **_FRAMES, **_LISTENER}
# kind -> what it does, shown to whoever asks for an unknown one.
KINDS = {name: kind.text for name, kind in TABLE.items()}
AT_ONCE = frozenset(name for name, kind in TABLE.items() if kind.is_at_once)

"""Keep everything that differs between live, paper and simulator in one immutable profile.

Host, WebSocket address, tr_id family, limits and page sizes come from the same object, so a paper
key can never meet a live host (S67-S69). Source: limits.json of 2026-11-22, readings A5, A6, A21.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from aegis_fast.errors import ConfigError

__all__ = [
    "LIVE",
    "PAPER",
    "PAPER_SPEC",
    "PROFILES",
    "SIM",
    "SIM_ACCOUNT",
    "SIM_APPKEY",
    "SIM_APPSECRET",
    "SIM_HTS_ID",
    "Profile",
    "check_addresses",
    "profile",
]

# The simulator's published credentials. They open nothing but a simulator.
SIM_APPKEY = "PSsimulatorAegisFastDemoAppkey000001"
SIM_APPSECRET = ("AegisFastSimulatorSecret" * 8)[:180]
SIM_ACCOUNT = "5000000001"
SIM_HTS_ID = "aegisdemo"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Profile:
    """name: our word. environment: whose tr_ids are used, "real" or "paper".

    rest_url, ws_url: no trailing slash. calls_per_s: the server's limit for one appkey.
    has_open_orders_call: inquire-psbl-rvsecncl exists. venues: what EXCG_ID_DVSN_CD may be.
    day_orders_page, balance_page: rows a page. is_simulator: nothing but a simulator can be at
    these addresses.
    """

    name: str
    environment: str
    rest_url: str
    ws_url: str
    calls_per_s: int
    max_registrations: int
    venues: tuple[str, ...]
    notice_tr: str
    has_open_orders_call: bool
    day_orders_page: int
    balance_page: int
    is_simulator: bool = False

    def at(self, rest_url: str, ws_url: str) -> Profile:
        """Return the same profile at other addresses. Refused for live: a live key only goes home.

        Whatever answers for paper on this machine is a simulator; it goes by a name of its own, so
        that its tokens and its journal stay apart from those of KIS. Raises ConfigError.
        """
        if self.name == "live" and (rest_url, ws_url) != (self.rest_url, self.ws_url):
            raise ConfigError(
                "the live environment talks to KIS only; use --env sim for another address",
                field="kis.rest_url",
                expected=self.rest_url,
            )
        moved = replace(self, rest_url=rest_url.rstrip("/"), ws_url=ws_url.rstrip("/"))
        is_here = urlsplit(moved.rest_url).hostname in _LOOPBACK
        if self.is_simulator or self.environment != "paper" or not is_here:
            return moved
        return replace(moved, name=f"{self.name}-sim", is_simulator=True)


LIVE = Profile(
    name="live",
    environment="real",
    rest_url="https://openapi.koreainvestment.com:9443",
    ws_url="ws://ops.koreainvestment.com:21000/tryitout",
    calls_per_s=18,
    max_registrations=41,
    venues=("KRX", "NXT", "SOR"),
    notice_tr="H0STCNI0",
    has_open_orders_call=True,
    day_orders_page=100,
    balance_page=50,
)
PAPER = Profile(
    name="paper",
    environment="paper",
    rest_url="https://openapivts.koreainvestment.com:29443",
    ws_url="ws://ops.koreainvestment.com:31000/tryitout",
    calls_per_s=1,
    max_registrations=41,
    venues=("KRX",),
    notice_tr="H0STCNI9",
    has_open_orders_call=False,
    day_orders_page=15,
    balance_page=20,
)
# The specification's literal address (section 6.1); PAPER is the one that answers today (A21).
PAPER_SPEC = replace(
    PAPER, name="paper-spec", ws_url="wss://openapivts.koreainvestment.com:8443/tryitout"
)
SIM = replace(
    LIVE,
    name="sim",
    rest_url="http://127.0.0.1:8791",
    ws_url="ws://127.0.0.1:8791/tryitout",
    calls_per_s=30,
    is_simulator=True,
)
PROFILES = {p.name: p for p in (LIVE, PAPER, PAPER_SPEC, SIM)}


def profile(name: str) -> Profile:
    """Return the profile of that name. Raises ConfigError naming the ones that exist."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ConfigError(
            f"unknown environment {name!r}", field="env", expected=" | ".join(PROFILES)
        ) from None


# KIS serves its realtime feed without TLS; notices in it are encrypted by themselves (A21).
_PLAIN_FEED_HOST = "ops.koreainvestment.com"


def check_addresses(used: Profile) -> None:
    """Refuse plain http, and plain ws to any host but KIS's own, outside this machine (S66).

    The simulator is exempt: its keys open nothing. Raises ConfigError.
    """
    for name, address, secure in (
        ("kis.rest_url", used.rest_url, "https"),
        ("kis.ws_url", used.ws_url, "wss"),
    ):
        parts = urlsplit(address)
        if parts.scheme == secure or used.name == "sim" or parts.hostname in _LOOPBACK:
            continue
        if parts.scheme == "ws" and parts.hostname == _PLAIN_FEED_HOST:
            continue
        raise ConfigError(
            f"암호화되지 않은 주소입니다 / {address} is not encrypted",
            field=name,
            expected=f"{secure}://",
        )

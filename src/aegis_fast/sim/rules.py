"""Say how the simulated broker behaves: as the real one, as paper trading, or as specified.

What a client must know too (call limit, page sizes, venues, ids) comes from kis.profile, so both
ends agree; the rest is only visible on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from aegis_fast.errors import ConfigError
from aegis_fast.kis.profile import LIVE, PAPER, SIM, Profile

__all__ = ["RULES", "DoorRules", "Rules", "call_limit", "rules"]

# Calls a second for one appkey, newest first. Source: limits.json, notice of 2026-04-20; that paper
# took 5 before 2023 is from memory there.
_CALL_LIMITS = {
    "real": ((date(2026, 4, 20), 18), (date.min, 20)),
    "paper": ((date(2026, 4, 20), 1), (date(2023, 1, 1), 2), (date.min, 5)),
    "spec": ((date.min, SIM.calls_per_s),),
}


def call_limit(profile: str, day: date) -> int:
    """Return how many calls a second that profile took on a KST day, for one appkey."""
    return next(limit for since, limit in _CALL_LIMITS[profile] if day >= since)


@dataclass(frozen=True, slots=True)
class DoorRules:
    """What the door can be set to. Source of the defaults: limits.json.

    refusal_status: HTTP status of EGW00201, 500 or 200 (both were seen). is_new_customer: three
    calls a second for the first three days (real only). approvals_per_s: 0 means no limit; without
    a call limit there is none either. session_hold_ms: how long an appkey stays in use after its
    socket died without a close frame, 0 to 600,000 (the broker's own is not known).
    """

    refusal_status: int = 500
    is_new_customer: bool = False
    approvals_per_s: int = 1
    session_hold_ms: int = 0

    def check(self, profile: str) -> None:
        """Raise ConfigError when a setting is out of range or does not fit the profile."""
        if self.refusal_status not in (200, 500):
            raise ConfigError(
                f"{self.refusal_status}", field="refusal_status", expected="500 or 200"
            )
        if self.is_new_customer and profile != "real":
            raise ConfigError(
                "only real customers start slowly", field="new_customer", expected="profile real"
            )
        if not 0 <= self.session_hold_ms <= 600_000:
            raise ConfigError(
                f"{self.session_hold_ms}", field="session_hold_ms", expected="0..600000"
            )
        if not 0 <= self.approvals_per_s <= 1_000:
            raise ConfigError(
                f"{self.approvals_per_s}", field="approvals_per_s", expected="0..1000"
            )


@dataclass(frozen=True, slots=True)
class Rules:
    """name: real, paper or spec. branch: KRX_FWDG_ORD_ORGNO. has_padded_odno: ten digits in answers
    (notices always have them). notice_width: 26 or 23 values. has_batch: OVC_ORDER is taken, which
    KIS does not have (see batch).
    """

    name: str
    kis: Profile
    branch: str
    has_padded_odno: bool
    notice_width: int
    has_batch: bool = False
    open_orders_page: int = 50
    chart_page: int = 100
    minutes_page: int = 30

    @property
    def is_paper(self) -> bool:
        """Tell whether ids, codes and refusals are those of paper trading."""
        return self.kis.environment == "paper"

    def odno(self, number: int) -> str:
        """Return an order number as REST answers write it."""
        return f"{number:010d}" if self.has_padded_odno else str(number)


RULES = {
    "real": Rules("real", LIVE, "91252", True, 26),
    "paper": Rules("paper", PAPER, "00950", False, 23),
    "spec": Rules("spec", SIM, "91252", True, 26, has_batch=True),
}


def rules(name: str) -> Rules:
    """Return the rules of that name. Raises ConfigError."""
    try:
        return RULES[name]
    except KeyError:
        raise ConfigError(
            f"unknown simulator profile {name!r}", field="profile", expected=" | ".join(RULES)
        ) from None

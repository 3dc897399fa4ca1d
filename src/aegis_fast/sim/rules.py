"""Say how the simulated broker behaves: as the real one, as paper trading, or as specified.

What a client must know too (call limit, page sizes, venues, ids) comes from kis.profile, so both
ends agree; the rest is only visible on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass

from aegis_fast.errors import ConfigError
from aegis_fast.kis.profile import LIVE, PAPER, SIM, Profile

__all__ = ["RULES", "Rules", "rules"]


@dataclass(frozen=True, slots=True)
class Rules:
    """name: real, paper or spec. branch: KRX_FWDG_ORD_ORGNO. has_padded_odno: ten digits in answers
    (notices always have them). notice_width: 26 or 23 values.
    """

    name: str
    kis: Profile
    branch: str
    has_padded_odno: bool
    notice_width: int
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
    "spec": Rules("spec", SIM, "91252", True, 26),
}


def rules(name: str) -> Rules:
    """Return the rules of that name. Raises ConfigError."""
    try:
        return RULES[name]
    except KeyError:
        raise ConfigError(
            f"unknown simulator profile {name!r}", field="profile", expected=" | ".join(RULES)
        ) from None

"""Hide what must not be read over a shoulder or in a log."""

from __future__ import annotations

__all__ = ["mask_account"]


def mask_account(account: str) -> str:
    """Return an account number with its middle hidden: 5000000001 becomes 50******01."""
    if len(account) < 6:
        return "*" * len(account)
    return f"{account[:2]}{'*' * (len(account) - 4)}{account[-2:]}"

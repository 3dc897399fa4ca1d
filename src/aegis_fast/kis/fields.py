"""Read the values of KIS answers: every value is text, and the text is untidy.

Numbers come zero-padded, space-padded, with decimals or empty; key case differs between calls and
even inside one (`output1` and `Output1`, `excg_id_dvsn_Cd`). Nonsense raises ProtocolError naming
the field; it is never read as 0. Source: KIS.md section 3, rest.json "conventions".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from aegis_fast.errors import ProtocolError

__all__ = ["NS_PER_S", "Row", "kst_text_to_ns", "kst_yyyymmdd"]

NS_PER_S = 1_000_000_000
KST_OFFSET_S = 9 * 3600
_DAY_S = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
# 18 digits hold every won and share figure and still fit an int64.
_NUMBER = re.compile(r"([+-]?)([0-9]{1,18})(?:\.([0-9]*))?")
_KST_TEXT = re.compile(r"(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})", re.ASCII)


class Row:
    """One JSON object of an answer, read by name whatever the case of its keys.

    where: the call and section, for error messages. A `default` of None means the value must be
    there and not empty; otherwise an absent or empty value reads as the default.
    """

    __slots__ = ("_values", "where")

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = {key.lower(): value for key, value in values.items()}
        self.where = where

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def text(self, name: str, default: str | None = None) -> str:
        """Return the text without the spaces around it. Numbers in JSON read as their digits."""
        value = self._values.get(name.lower())
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None or (isinstance(value, str) and not value.strip()):
            if default is None:
                raise self._nonsense(name, "a value")
            return default
        if not isinstance(value, str):
            raise self._nonsense(name, "text")
        return value.strip()

    def raw(self, name: str) -> str:
        """Return the text as it came, spaces included; "" when absent (continuation keys)."""
        value = self._values.get(name.lower())
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._nonsense(name, "text")
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        """Return a whole number; decimals are allowed only when they are all 0."""
        sign, whole, fraction = self._number(name, default)
        if fraction.strip("0"):
            raise self._nonsense(name, "a whole number")
        return sign * whole

    def won(self, name: str, default: int | None = None) -> int:
        """Return an amount in whole won; decimals are cut off, towards zero."""
        sign, whole, _ = self._number(name, default)
        return sign * whole

    def positive(self, name: str, default: int | None = None) -> int:
        """Return a whole number that is not negative: a quantity, a price, an order number."""
        number = self.won(name, default)
        if number < 0:
            raise self._nonsense(name, "a number that is not negative")
        return number

    def is_yes(self, name: str) -> bool:
        """Tell whether the value is Y. Absent, empty, N and everything else are no."""
        return self.text(name, "").upper() == "Y"

    def hhmmss(self, name: str, default: int | None = None) -> int:
        """Return a KST time of day as the number HHMMSS."""
        value = self.integer(name, default)
        if not (0 <= value < 240_000 and value % 100 < 60 and value // 100 % 100 < 60):
            raise self._nonsense(name, "HHMMSS")
        return value

    def section(self, name: str) -> Row:
        """Return an object inside this one; a list of exactly one object reads as the object."""
        value = self._values.get(name.lower())
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, dict):
            raise self._nonsense(name, "an object")
        return Row(value, f"{self.where}.{name}")

    def optional_section(self, name: str) -> Row | None:
        """Return an object inside this one, None when it is absent or null."""
        return None if self._values.get(name.lower()) is None else self.section(name)

    def rows(self, name: str) -> list[Row]:
        """Return a list of objects. A lone object reads as one row; null and "" as none.

        The key itself must be there: an answer without it says nothing, not "nothing there".
        """
        if name.lower() not in self._values:
            raise self._nonsense(name, "a list")
        value = self._values[name.lower()]
        if value is None or value == "":
            return []
        if isinstance(value, dict):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise self._nonsense(name, "a list of objects")
        return [Row(row, f"{self.where}.{name}") for row in value]

    def _number(self, name: str, default: int | None) -> tuple[int, int, str]:
        text = self.text(name, "" if default is not None else None)
        if not text and default is not None:
            return (-1 if default < 0 else 1), abs(default), ""
        match = _NUMBER.fullmatch(text)
        if match is None:
            raise self._nonsense(name, "a number")
        sign, whole, fraction = match.groups()
        return (-1 if sign == "-" else 1), int(whole), fraction or ""

    def _nonsense(self, name: str, expected: str) -> ProtocolError:
        # The value itself stays out of the message: it may be an account number or a name.
        present = "unreadable" if name.lower() in self._values else "missing"
        return ProtocolError(
            f"KIS answer field is {present}", field=f"{self.where}.{name}", expected=expected
        )


def kst_text_to_ns(text: str, field: str) -> int:
    """Return ns since the epoch for KIS's `YYYY-MM-DD HH:MM:SS` in Korean time.

    The time zone of this process plays no part. Raises ProtocolError naming `field`.
    """
    match = _KST_TEXT.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError(text)
        year, month, day, hour, minute, second = map(int, match.groups())
        if hour > 23 or minute > 59 or second > 59:
            raise ValueError(text)
        days = date(year, month, day).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        raise ProtocolError(
            "KIS answer field is unreadable", field=field, expected="YYYY-MM-DD HH:MM:SS"
        ) from None
    seconds = days * _DAY_S + hour * 3600 + minute * 60 + second - KST_OFFSET_S
    return seconds * NS_PER_S


def kst_yyyymmdd(now_ns: int) -> int:
    """Return the Korean calendar date at now_ns as the number YYYYMMDD."""
    days = (now_ns // NS_PER_S + KST_OFFSET_S) // _DAY_S
    day = date.fromordinal(_EPOCH_ORDINAL + days)
    return day.year * 10_000 + day.month * 100 + day.day

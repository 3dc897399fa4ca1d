import enum
from typing import overload

import numpy as np
import numpy.typing as npt

class Side(enum.IntEnum):
    NONE = 0
    BUY = 1
    SELL = 2

class UnknownNameError(KeyError, ValueError): ...

@overload
def tick_size(
    price_krw: int, instrument: str = "stock", *, on: int = 0, market: str = ""
) -> int: ...
@overload
def tick_size(
    price_krw: npt.NDArray[np.integer], instrument: str = "stock", *, on: int = 0, market: str = ""
) -> npt.NDArray[np.int64]: ...
@overload
def round_to_tick(
    price_krw: int, side: Side | str, instrument: str = "stock", *, on: int = 0, market: str = ""
) -> int: ...
@overload
def round_to_tick(
    price_krw: npt.NDArray[np.integer],
    side: Side | str,
    instrument: str = "stock",
    *,
    on: int = 0,
    market: str = "",
) -> npt.NDArray[np.int64]: ...
@overload
def offset_price(
    base_krw: int,
    offset_bp: int,
    side: Side | str,
    instrument: str = "stock",
    lower_krw: int = 0,
    upper_krw: int = 0,
    *,
    on: int = 0,
    market: str = "",
) -> int: ...
@overload
def offset_price(
    base_krw: npt.NDArray[np.integer],
    offset_bp: int,
    side: Side | str,
    instrument: str = "stock",
    lower_krw: int | npt.NDArray[np.integer] = 0,
    upper_krw: int | npt.NDArray[np.integer] = 0,
    *,
    on: int = 0,
    market: str = "",
) -> npt.NDArray[np.int64]: ...
@overload
def price_limits(
    base_krw: int,
    instrument: str = "stock",
    percent: int | None = None,
    *,
    on: int = 0,
    market: str = "",
) -> tuple[int, int]: ...
@overload
def price_limits(
    base_krw: npt.NDArray[np.integer],
    instrument: str = "stock",
    percent: int | None = None,
    *,
    on: int = 0,
    market: str = "",
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]: ...
@overload
def calculate_order_price(market_type: str, side: Side | str, base_price: int) -> int: ...
@overload
def calculate_order_price(
    market_type: str, side: Side | str, base_price: npt.NDArray[np.integer]
) -> npt.NDArray[np.int64]: ...
def available_isas() -> list[str]: ...
def choose_isa(name: str) -> None: ...

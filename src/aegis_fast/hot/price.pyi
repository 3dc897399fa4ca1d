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
def tick_size(price_krw: int, instrument: str = "stock") -> int: ...
@overload
def tick_size(
    price_krw: npt.NDArray[np.integer], instrument: str = "stock"
) -> npt.NDArray[np.int64]: ...
@overload
def round_to_tick(price_krw: int, side: Side | str, instrument: str = "stock") -> int: ...
@overload
def round_to_tick(
    price_krw: npt.NDArray[np.integer], side: Side | str, instrument: str = "stock"
) -> npt.NDArray[np.int64]: ...
def offset_price(
    base_krw: int,
    offset_bp: int,
    side: Side | str,
    instrument: str = "stock",
    lower_krw: int = 0,
    upper_krw: int = 0,
) -> int: ...
def price_limits(
    base_krw: int, instrument: str = "stock", percent: int = 30
) -> tuple[int, int]: ...
def calculate_order_price(market_type: str, side: Side | str, base_price: int) -> int: ...

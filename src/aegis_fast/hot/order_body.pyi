def place_body(
    account: str, symbol: str, kind: str, qty: int, price_krw: int, venue: str
) -> bytes: ...
def change_body(
    account: str,
    org_no: str,
    broker_order_id: int,
    kind: str,
    action: str,
    qty: int,
    price_krw: int,
    is_all: bool,
    venue: str,
) -> bytes: ...

"""Notice: a read-only view of one message about an own order (체결통보)."""

cimport cython

from aegis_fast.hot.price cimport side_code, side_member
from aegis_fast.hot.record cimport (
    int_or_absent, int_or_none, store_symbol, store_text, text_of,
)

from aegis_fast.hot.record import fields_of

cdef tuple _FIELDS = (
    "customer_id", "account", "broker_order_id", "original_broker_order_id", "side", "action",
    "order_kind", "order_condition", "symbol", "fill_qty", "price_krw", "time_hhmmss",
    "is_rejected", "is_fill", "accept_code", "branch", "order_qty", "venue_code",
    "order_price_krw", "instrument_name", "recv_ns",
)


@cython.final
@cython.auto_pickle(False)
cdef class Notice:
    """One acceptance, rejection or fill of an own order; read-only.

    is_fill: fill_qty is this fill's quantity and price_krw its price. Otherwise (new, modify,
    cancel or reject acknowledged) fill_qty repeats the order's quantity and price_krw is its
    limit price, 0 for a market order. order_qty is always the order's. action: 0 new, 1 modify,
    2 cancel. accept_code: 1 received, 2 confirmed, 3 the rest of an IOC or FOK order cancelled.
    order_condition: 0 none, 1 IOC, 2 FOK. order_kind is the broker's order type code; fills of
    market orders were seen with "00". venue_code: 1 KRX, 2 NXT, 3 SOR to KRX, 4 SOR to NXT, 0 not
    told. original_broker_order_id: 0 for a new order. The account holder's name is not kept, and
    the repr masks the account and the customer.
    """

    @staticmethod
    def make(
        *, account, broker_order_id, side, symbol, fill_qty=None, price_krw=None,
        original_broker_order_id=0, action=0, order_kind="00", order_condition=0,
        time_hhmmss=None, is_rejected=False, is_fill=False, accept_code=1, branch="",
        order_qty=None, venue_code=1, order_price_krw=None, instrument_name="", customer_id="",
        recv_ns=0,
    ):
        """Build a notice from its attributes; a number not given is absent."""
        cdef Notice notice = Notice.__new__(Notice)
        cdef NoticeRecord* record = &notice.record
        store_symbol(symbol, record.symbol)
        store_text(customer_id, record.customer_id, sizeof(record.customer_id))
        store_text(account, record.account, sizeof(record.account))
        store_text(order_kind, record.order_kind, sizeof(record.order_kind))
        store_text(branch, record.branch, sizeof(record.branch))
        store_text(instrument_name, record.instrument_name, sizeof(record.instrument_name))
        record.broker_order_id = broker_order_id
        record.original_broker_order_id = original_broker_order_id
        record.side = side_code(side) if side else 0
        record.action = action
        record.order_condition = order_condition
        record.fill_qty = int_or_absent(fill_qty)
        record.price_krw = int_or_absent(price_krw)
        record.time_hhmmss = int_or_absent(time_hhmmss)
        record.is_rejected = bool(is_rejected)
        record.is_fill = bool(is_fill)
        record.accept_code = accept_code
        record.order_qty = int_or_absent(order_qty)
        record.venue_code = venue_code
        record.order_price_krw = int_or_absent(order_price_krw)
        record.recv_ns = recv_ns
        return notice

    @property
    def customer_id(self):
        return text_of(self.record.customer_id)

    @property
    def account(self):
        return text_of(self.record.account)

    @property
    def broker_order_id(self):
        return self.record.broker_order_id

    @property
    def original_broker_order_id(self):
        return self.record.original_broker_order_id

    @property
    def side(self):
        return side_member(self.record.side)

    @property
    def action(self):
        return self.record.action

    @property
    def order_kind(self):
        return text_of(self.record.order_kind)

    @property
    def order_condition(self):
        return self.record.order_condition

    @property
    def symbol(self):
        return text_of(self.record.symbol)

    @property
    def fill_qty(self):
        return int_or_none(self.record.fill_qty)

    @property
    def price_krw(self):
        return int_or_none(self.record.price_krw)

    @property
    def time_hhmmss(self):
        return int_or_none(self.record.time_hhmmss)

    @property
    def is_rejected(self):
        return self.record.is_rejected != 0

    @property
    def is_fill(self):
        return self.record.is_fill != 0

    @property
    def accept_code(self):
        return self.record.accept_code

    @property
    def branch(self):
        return text_of(self.record.branch)

    @property
    def order_qty(self):
        return int_or_none(self.record.order_qty)

    @property
    def venue_code(self):
        return self.record.venue_code

    @property
    def order_price_krw(self):
        return int_or_none(self.record.order_price_krw)

    @property
    def instrument_name(self):
        return text_of(self.record.instrument_name)

    @property
    def recv_ns(self):
        return self.record.recv_ns

    def as_dict(self):
        """Return every attribute by name, the account in full."""
        return fields_of(self, _FIELDS)

    def __repr__(self):
        shown = self.as_dict()
        shown["customer_id"] = "***" if shown["customer_id"] else ""
        account = shown["account"]
        shown["account"] = f"***{account[max(0, len(account) - 4):]}" if account else ""
        return f"Notice({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

"""Find out what a REST call wants, check it as the broker's gateway does, and have it answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aegis_fast.kis.tr import Call
from aegis_fast.sim.calls import batch, catalogue
from aegis_fast.sim.calls.answers import Answer, Asked, Refusal, Request, failure
from aegis_fast.sim.calls.assets import Assets
from aegis_fast.sim.calls.balance import Balances
from aegis_fast.sim.calls.charts import Charts
from aegis_fast.sim.calls.depths import Depths
from aegis_fast.sim.calls.funds import Funds
from aegis_fast.sim.calls.inputs import params_of
from aegis_fast.sim.calls.interruptions import Interruptions
from aegis_fast.sim.calls.market_views import Views
from aegis_fast.sim.calls.minutes import Minutes
from aegis_fast.sim.calls.prints import Prints
from aegis_fast.sim.calls.products import Products
from aegis_fast.sim.calls.profits import Profits
from aegis_fast.sim.calls.quotes import Quotes
from aegis_fast.sim.calls.trading import Trading
from aegis_fast.sim.calls.trading_days import holidays
from aegis_fast.sim.calls.warrants import Warrants
from aegis_fast.sim.calls.watchlist import Watchlist
from aegis_fast.sim.desk.account import Account
from aegis_fast.sim.desk.ledger import Ledger
from aegis_fast.sim.desk.reservations import Reservations
from aegis_fast.sim.door import Customer, Door, oauth_failure
from aegis_fast.sim.market.world import World
from aegis_fast.sim.rules import Rules

__all__ = ["Rest", "Sources", "call_of"]

_KEYLESS = frozenset({"token", "revoke", "approval", "hashkey"})

QuoteCall = Callable[[dict[str, str], int], Answer]
TradingCall = Callable[[Asked], Answer]


def call_of(path: str) -> str:
    """Return the call id behind a path, "" when there is none."""
    call = catalogue.find(path)
    if call is None:
        return batch.CALL_ID if path == batch.PATH else ""
    return call.id


@dataclass(frozen=True, slots=True)
class Sources:
    """What the answers are made from."""

    door: Door
    world: World
    ledger: Ledger
    trading: Trading
    reservations: Reservations
    interruptions: Interruptions


class Rest:
    """The REST side of one broker."""

    def __init__(self, rules: Rules, accounts: dict[str, Account], sources: Sources) -> None:
        self._rules = rules
        self._accounts = accounts
        self._door = sources.door
        self._batch = batch.Batch(accounts, sources.trading) if rules.has_batch else None
        self._quote_calls = self._quotes(sources)
        self._trading_calls = self._trading(sources)

    def _quotes(self, sources: Sources) -> dict[str, QuoteCall]:
        rules, world = self._rules, sources.world
        views = Views(rules, world)
        quotes, prints = Quotes(views, world), Prints(views, world)
        charts, minutes = Charts(rules, views, world), Minutes(rules, views, world)
        products = Products(views, world)
        return {
            "inquire-price": quotes.price,
            "inquire-price-2": quotes.price_2,
            "inquire-ccnl": prints.last,
            "inquire-time-itemconclusion": prints.until,
            "asking-price-exp-ccn": Depths(views).book,
            "inquire-daily-price": charts.short,
            "inquire-daily-itemchartprice": charts.days,
            "inquire-time-itemchartprice": minutes.today,
            "inquire-time-dailychartprice": minutes.past,
            "search-stock-info": products.stock,
            "search-info": products.any,
            "inquire-elw-price": Warrants(views, world).price,
            "intstock-multprice": Watchlist(views).quotes,
            "inquire-vi-status": sources.interruptions.status,
        }

    def _trading(self, sources: Sources) -> dict[str, TradingCall]:
        rules, world, trading = self._rules, sources.world, sources.trading
        funds, reservations = Funds(world), sources.reservations
        return {
            "order-cash": trading.place,
            "order-rvsecncl": trading.change,
            "inquire-psbl-rvsecncl": trading.open_orders,
            "inquire-daily-ccld": trading.day_orders,
            "order-resv": reservations.place,
            "order-resv-rvsecncl": reservations.change,
            "order-resv-ccnl": reservations.listed,
            "order-credit": funds.order_on_credit,
            "inquire-balance": Balances(rules, world).answer,
            "inquire-account-balance": Assets(world).answer,
            "inquire-period-trade-profit": Profits(self._accounts, world, sources.ledger).answer,
            "inquire-psbl-order": funds.buyable,
            "inquire-psbl-sell": funds.sellable,
            "inquire-credit-psamount": funds.buyable_on_credit,
        }

    def answer(
        self, request: Request, now_ns: int, real_ns: int, *, is_counted: bool = True
    ) -> Answer:
        """Answer one call. Never raises: what is wrong becomes a refusal.

        now_ns: the market's time. real_ns: the door's. is_counted: see Door.enter.
        """
        if request.path == batch.PATH and self._batch is not None:
            return self._batch_answer(self._batch, request, now_ns, real_ns)
        call = catalogue.find(request.path)
        if call is None:
            text = f"없는 서비스 코드 입니다: {request.path[:40]}"
            return failure(Refusal("OPSQ0002", text, status=404))
        try:
            if request.method != call.method:
                text = f"{request.method} 는 허용되지 않습니다. ({call.method})"
                raise Refusal("EGW00101", text, status=405)
            if call.id in _KEYLESS:
                return self._keyless(call.id, request, real_ns)
            customer = self._door.enter(request, real_ns, is_counted=is_counted)
            return self._dispatch(call, request, customer, now_ns)
        except Refusal as refusal:
            if call.id in _KEYLESS and call.id != "hashkey":
                return oauth_failure(refusal.venue_code, refusal.status)
            return failure(refusal)

    def _batch_answer(
        self, orders: batch.Batch, request: Request, now_ns: int, real_ns: int
    ) -> Answer:
        try:
            if request.method != "POST":
                text = f"{request.method} 는 허용되지 않습니다. (POST)"
                raise Refusal("EGW00101", text, status=405)
            return orders.answer(request, self._door.enter(request, real_ns), now_ns)
        except Refusal as refusal:
            return failure(refusal)

    def _keyless(self, call_id: str, request: Request, now_ns: int) -> Answer:
        door = self._door
        if call_id == "token":
            return door.token(request, now_ns)
        if call_id == "approval":
            return door.approval(request, now_ns)
        return door.revoke(request) if call_id == "revoke" else door.hashkey(request)

    def _dispatch(self, call: Call, request: Request, customer: Customer, now_ns: int) -> Answer:
        tr_id = request.headers.get("tr_id", "")
        variant = catalogue.variant_of(call, tr_id, self._rules.kis.environment)
        custtype = request.headers.get("custtype") or "P"
        if custtype not in ("P", "B"):
            raise Refusal("EGW00208", "custtype이 유효하지 않습니다.", status=500)
        params = params_of(call, request)
        tr_cont = request.headers.get("tr_cont", "").strip()
        if call.id == "chk-holiday":
            return holidays(params, tr_cont, now_ns)
        if call.id in self._quote_calls:
            return self._quote_calls[call.id](params, now_ns)
        account = self._account(customer, params)
        asked = Asked(account, params, variant, tr_cont, request.ip, now_ns)
        return self._trading_calls[call.id](asked)

    def _account(self, customer: Customer, params: dict[str, str]) -> Account:
        number = params["CANO"] + params["ACNT_PRDT_CD"]
        if number not in customer.accounts:
            raise Refusal("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO")
        return self._accounts[number]

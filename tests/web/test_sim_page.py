"""The simulator's page in a real browser, over a simulator in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.crowd.listing import chosen_issues
from tests.web.served_sim import START_NS, ServedSim

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

MINUTE_NS = 60 * 1_000_000_000
EVIL = "<img src=x onerror=document.title=1>"


@pytest.fixture
def served() -> Iterator[ServedSim]:
    with ServedSim() as served:
        yield served


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    contexts, problems = [], []

    def open_(served: ServedSim, path: str = "/_sim/", **options: Any) -> Page:
        options = {"viewport": {"width": 1440, "height": 900}, "locale": "ko-KR", **options}
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: _check_own(request.url, served.url, problems))
        page.on("console", lambda message: _check_policy(message.text, problems))
        page.goto(served.url + path)
        page.wait_for_selector("#connection[data-state=live]")
        page.wait_for_function("() => document.getElementById('book-title').textContent")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []


def _check_own(url: str, own: str, problems: list[str]) -> None:
    if not url.startswith(own):
        problems.append(f"a request left the simulator: {url}")


def _check_policy(text: str, problems: list[str]) -> None:
    if "Content Security Policy" in text:
        problems.append(text)


@pytest.fixture
def page(served: ServedSim, open_page: Callable[..., Page]) -> Page:
    return open_page(served)


def texts(page: Page, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


def wait_for_text(page: Page, selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)",
        arg=[selector, text],
    )


def wait_for_refreshes(page: Page) -> None:
    """Wait until everything has been drawn anew since now."""
    for _ in range(3):
        with page.expect_response(lambda response: "/_sim/faults" in response.url):
            pass


def test_page_shows_how_to_connect_the_clock_and_a_book(served: ServedSim, page: Page) -> None:
    book = served.server.exchange.books["005930"]

    assert page.inner_text("#time") == "10:00:00"
    assert page.inner_text("#date") == "2026-11-23"
    assert "spec · 30/s" in page.inner_text("#profile")
    assert texts(page, "#addresses code") == [served.url, served.server.ws_url]
    assert texts(page, "#keys code") == [SIM_ACCOUNT, SIM_HTS_ID, SIM_APPKEY, SIM_APPSECRET]
    assert page.inner_text("#book-title") == "삼성전자 005930"
    assert texts(page, "#asks .price")[9] == f"{book.best_ask_krw:,}"
    assert texts(page, "#bids .price")[0] == f"{book.best_bid_krw:,}"
    assert len(texts(page, "#asks .price")) == len(texts(page, "#bids .price")) == 10
    assert texts(page, "#boards small") == ["접속매매", "마감", "마감", "접속매매"]
    page.wait_for_selector("#chart[data-bars]:not([data-bars='0'])")


def test_page_is_at_the_address_without_the_slash_too(
    served: ServedSim, open_page: Callable[..., Page]
) -> None:
    assert open_page(served, "/_sim#000660").inner_text("#book-title").endswith("000660")


def test_issue_that_is_not_listed_gives_way_to_the_first(
    served: ServedSim, open_page: Callable[..., Page]
) -> None:
    page = open_page(served, "/_sim/#999999")

    assert page.inner_text("#book-title").endswith("005930")
    wait_for_refreshes(page)
    assert not page.is_visible("#book-error")


def test_address_is_copied(served: ServedSim, open_page: Callable[..., Page]) -> None:
    page = open_page(served, permissions=["clipboard-read", "clipboard-write"])
    page.click("#addresses button >> nth=0")
    wait_for_text(page, "#addresses button", "복사됨")

    assert page.evaluate("navigator.clipboard.readText()") == served.url


def test_clock_steps_by_minutes_to_a_time_and_to_the_next_session(
    open_page: Callable[..., Page],
) -> None:
    start_ns = START_NS + (5 * 60 + 18) * MINUTE_NS
    with ServedSim(start_ns=start_ns) as served:
        page = open_page(served)
        page.click("#step-1")
        wait_for_text(page, "#time", "15:19:00")
        page.fill("#goto", "15:19:30")
        page.click("#goto-form button")
        wait_for_text(page, "#time", "15:19:30")
        page.click("#step-next")
        wait_for_text(page, "#time", "15:20:00")
        wait_for_text(page, "#book-state", "예상체결")
        page.click("#boards [data-board=NXT]")

        assert served.server.clock.now_ns() == start_ns + 2 * MINUTE_NS
        assert texts(page, "#boards small") == ["단일가", "마감", "마감", "마감"]
        assert page.get_attribute("#boards [data-board=NXT]", "aria-selected") == "true"
        other = served.server.exchange.book("005930", "NXT")
        assert texts(page, "#asks .price")[9] == f"{other.best_ask_krw:,}"
        assert texts(page, ".lane:first-child .phase.continuous") == ["정규장"]


def test_wrong_time_is_told_with_what_would_be_right(page: Page) -> None:
    page.fill("#goto", "09:00:00")
    page.click("#goto-form button")
    page.wait_for_selector("#clock-error")

    assert "시각: 09:00:00 is not within the week ahead" in page.inner_text("#clock-error")
    assert "올바른 값" in page.inner_text("#clock-error")
    assert page.is_enabled("#step-1")


def test_speed_and_stepping_are_switched(served: ServedSim, page: Page) -> None:
    page.click("[data-speed='60']")
    page.wait_for_selector("[data-speed='60'][aria-pressed=true]")
    wait_for_text(page, "#clock-mode", "×60")
    page.click("#stepped")
    page.wait_for_selector("#stepped[aria-pressed=true]")

    assert (served.server.clock.mode, served.server.clock.speed) == ("stepped", 60.0)


def test_stranger_trades_and_the_price_moves(served: ServedSim, page: Page) -> None:
    book = served.server.exchange.books["005930"]
    ask_krw, upper_krw = book.best_ask_krw, book.limits.upper_krw
    page.fill("#trade-qty", "7")
    page.click("#trade-form button")
    wait_for_text(page, "#controls-done", "체결 수량: 7")
    wait_for_text(page, "#trades tr:first-child", f"{ask_krw:,}")
    row = texts(page, "#trades tr:first-child td")
    page.fill("#move-price", f"{upper_krw:,}")
    page.click("#move-form button")
    wait_for_text(page, "#last-price", f"{upper_krw:,}")

    assert row == ["10:00:00", "KRX", f"{ask_krw:,}", "7"]
    assert "up" in (page.get_attribute("#last-price", "class") or "")


def test_wrong_order_of_a_stranger_is_told_in_place(page: Page) -> None:
    for field, value, words in (
        ("#trade-qty", "0", "수량: qty 0"),
        ("#trade-qty", "many", "Expected `int`"),
        ("#trade-price", "1", "가격: price 1"),
    ):
        page.fill("#trade-qty", "7")
        page.fill("#trade-price", "")
        page.fill(field, value)
        page.click("#trade-form button")
        wait_for_text(page, "#controls-error", words)
        assert not page.is_visible("#controls-done")


def test_halt_is_shown_and_ended(served: ServedSim, page: Page) -> None:
    page.click("#halt")
    wait_for_text(page, "#issue-state", "거래정지")
    wait_for_text(page, "#halt", "거래재개")
    halted = served.call(lambda: set(served.server.broker.world.sessions.halted))
    modes = texts(page, "#boards small")
    page.click("#halt")
    wait_for_text(page, "#issue-state", "단일가")

    assert halted == {"005930"}
    # A board between its sessions is closed, halted or not.
    assert modes == ["거래정지", "마감", "마감", "거래정지"]
    assert texts(page, "#boards small") == ["단일가", "마감", "마감", "단일가"]


def test_regime_is_set_for_the_issue_and_for_the_market(served: ServedSim, page: Page) -> None:
    page.select_option("#regime", "limit_up")
    page.click("#regime-form button")
    page.wait_for_selector("#controls-done")
    page.select_option("#regime", "trend_down")
    page.select_option("#regime-scope", "*")
    page.click("#regime-form button")
    page.wait_for_selector("#controls-done")
    page.click("#pause")
    wait_for_text(page, "#pause", "다른 투자자 재개")

    world = served.server.broker.world
    assert world.regimes["005930"].name == "limit_up"
    assert world.factors.regime.name == "trend_down"
    assert world.crowd.is_paused


def test_fault_added_by_the_form_strikes_is_counted_and_goes(served: ServedSim, page: Page) -> None:
    page.select_option("#fault-kind", "http_500_after")
    assert "접수 후 5xx" in page.inner_text("#fault-says")
    page.fill("#fault-status", "504")
    page.fill("#fault-msg-cd", "EGW00301")
    page.click("summary:has-text('대상')")
    page.fill("#fault-tr", "inquire-price")
    page.click("summary:has-text('시점')")
    page.fill("#fault-every", "2")
    page.click("#fault-form button[type=submit]")
    page.wait_for_selector("#fault-done")
    page.wait_for_selector("#fault-list button")
    first, second = served.price(), served.price()
    wait_for_text(page, "#fault-list tr td:nth-child(4)", "1/2")
    row = texts(page, "#fault-list tr:first-child td")
    page.click("#fault-list button")
    wait_for_text(page, "#fault-list", "없음")
    wait_for_text(page, "#fault-ended", "http_500_after")

    assert (first[0], second[0], second[1]["msg_cd"]) == (200, 504, "EGW00301")
    assert row[1:5] == [
        "http_500_after",
        "inquire-price every=2 status=504 msg_cd=EGW00301",
        "1/2",
        "계속",
    ]
    assert len(served.server.broker.faults) == 0


def test_fault_form_shows_only_what_its_kind_takes_and_tells_what_is_wrong(page: Page) -> None:
    page.select_option("#fault-kind", "wrong_page")
    modes = page.eval_on_selector_all("#fault-mode option", "all => all.map(o => o.value)")
    page.select_option("#fault-kind", "refuse")
    is_aimed = page.is_visible("#fault-filters") or page.is_visible("summary:has-text('대상')")
    page.select_option("#fault-kind", "delay")
    page.fill("#fault-delay-ms", "soon")
    page.click("#fault-form button[type=submit]")
    page.wait_for_selector("#fault-error")
    said = page.inner_text("#fault-error")
    page.fill("#fault-delay-ms", "0")
    page.click("#fault-form button[type=submit]")
    wait_for_text(page, "#fault-error", "1..600000")

    assert modes == ["repeat", "drop", "bad_key", "endless", "changed"]
    assert not is_aimed
    assert not page.is_visible("#fault-status")
    assert "Expected `int`" in said


def test_text_from_outside_stays_text(served: ServedSim, page: Page) -> None:
    page.select_option("#fault-kind", "bad_frame")
    page.fill("#fault-text", EVIL)
    page.click("summary:has-text('대상')")
    page.fill("#fault-symbol", EVIL)
    page.click("summary:has-text('시점')")
    page.fill("#fault-nth", "9")
    page.click("#fault-form button[type=submit]")
    wait_for_text(page, "#fault-list", EVIL)
    page.fill("#search", EVIL[:30])
    wait_for_text(page, "#page-shown", "없음")

    assert page.locator("main img").count() == 0
    assert page.title() == "AEGIS SIM"


def test_order_fill_balance_and_calls_of_an_account_are_shown(
    served: ServedSim, page: Page
) -> None:
    answer = served.buy(3)
    wait_for_text(page, "#order-list", "체결")
    wait_for_text(page, "#fill-count", "1")
    wait_for_text(page, "#call-list", "order-cash")
    account = served.server.broker.accounts[SIM_ACCOUNT]
    wait_for_text(page, "#available", f"{account.available_krw:,}")

    assert answer["rt_cd"] == "0"
    assert texts(page, "#order-list tr:first-child td")[2:4] == ["005930", "매수"]
    assert texts(page, "#order-list tr:first-child td")[6:] == ["3/3", "체결"]
    assert texts(page, "#positions tr:first-child td")[:2] == ["삼성전자", "3"]
    assert texts(page, "#customers tr:first-child td")[1].endswith("/ 30")


def test_socket_and_its_registrations_are_shown(served: ServedSim, page: Page) -> None:
    hub = served.server.broker.hub

    def connect() -> Any:
        session = hub.open(lambda wire: None, "10.0.0.9", START_NS)
        session.registrations.add(("H0STCNT0", "005930"))
        return session

    session = served.call(connect)
    wait_for_text(page, "#socket-list", "1 / 41")
    page.click("#socket-list summary")
    page.wait_for_selector("#socket-list .registrations:has-text('H0STCNT0:005930')")
    wait_for_refreshes(page)
    assert page.is_visible("#socket-list .registrations")

    served.call(hub.close, session, START_NS, 0)
    wait_for_text(page, "#socket-list", "없음")


def test_simulator_that_restarts_is_found_again(served: ServedSim, page: Page) -> None:
    page.click("#step-1")
    wait_for_text(page, "#time", "10:01:00")
    served.restart()

    wait_for_text(page, "#time", "10:00:00")
    page.wait_for_selector("#connection[data-state=live]")


def test_language_is_switched_and_remembered(page: Page) -> None:
    page.click("#language")
    assert page.inner_text("#step-next") == "Next session"
    assert page.get_attribute("html", "lang") == "en"
    wait_for_text(page, "#fault-says", "the connection closes before the call lands")
    page.reload()
    page.wait_for_selector("#connection[data-state=live]")
    wait_for_text(page, "#book-title", "SamsungElec")
    assert page.inner_text("#language") == "한국어"
    assert page.evaluate(
        "[...document.querySelectorAll('main *')].every("
        "e => !/^(field|phase|mode|fault|group|state)_/.test(e.textContent))"
    )


def test_issue_is_found_among_2700_and_the_list_stays_short(
    open_page: Callable[..., Page],
) -> None:
    with ServedSim(issue_count=2_700, activity=0.0) as served:
        page = open_page(served)
        assert page.inner_text("#issue-count") == "2,700"
        assert page.locator("#issue-list li").count() == 12
        page.click("#page-on")
        wait_for_text(page, "#page-shown", "13-24")
        wanted = chosen_issues(2_700, {}, 1)
        assert wanted is not None
        last = wanted[2_000]
        page.fill("#search", last.symbol)
        wait_for_text(page, "#issue-count", "1")
        page.click(f"#issue-list [data-symbol='{last.symbol}']")
        wait_for_text(page, "#book-title", last.symbol)

        assert page.inner_text("#book-title") == f"{last.name} {last.symbol}"
        assert page.locator("#issue-list li").count() == 1
        assert page.evaluate("document.getElementsByTagName('*').length") < 2_000


def test_page_of_a_market_that_is_always_open_has_no_next_session(
    open_page: Callable[..., Page],
) -> None:
    with ServedSim(hours="open") as served:
        page = open_page(served)

        wait_for_text(page, "#day-note", "24시간")
        assert page.is_disabled("#step-next")


def test_page_does_not_grow_while_the_market_runs(served: ServedSim, page: Page) -> None:
    page.click("#step-1")
    wait_for_text(page, "#time", "10:01:00")
    wait_for_refreshes(page)
    before = page.evaluate("document.getElementsByTagName('*').length")
    page.click("#step-1")
    wait_for_text(page, "#time", "10:02:00")
    wait_for_refreshes(page)

    assert page.evaluate("document.getElementsByTagName('*').length") == before


def test_no_width_needs_sideways_scrolling(
    served: ServedSim, open_page: Callable[..., Page]
) -> None:
    served.buy(3)
    page = open_page(served, color_scheme="dark")
    wait_for_text(page, "#fill-count", "1")
    page.click("summary:has-text('대상')")
    page.click("summary:has-text('시점')")
    wider = []
    for width in (360, 390, 820, 821, 1240, 1241, 1920):
        page.set_viewport_size({"width": width, "height": 844})
        shown = page.evaluate("document.documentElement.scrollWidth")
        wider += [(width, shown)] if shown > width else []

    assert wider == []
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == "rgb(14, 17, 22)"

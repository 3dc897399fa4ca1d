import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from rich.console import Console

from aegis_fast.api.seen import Event
from aegis_fast.cli import main
from aegis_fast.commands.watch import Picture, _raise_if_final
from aegis_fast.core.model import OrderState
from aegis_fast.errors import Disconnected, NotFound, OrderOutcomeUnknown
from tests.unit.api.fake_service import ServedFake


@pytest.fixture(scope="module")
def served() -> Iterator[ServedFake]:
    with ServedFake() as served:
        yield served


@pytest.fixture(autouse=True)
def _fresh(
    served: ServedFake, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    service = served.service
    service.kept.clear()
    service.requests.clear()
    service.next_error = service.next_state = None
    service.kill, service.reason, service.cash_krw = False, "", 10_000_000
    monkeypatch.setenv("AEGIS_URL", served.url)
    monkeypatch.setenv("COLUMNS", "160")
    for name in ("AEGIS_KEY", "AEGIS_SECRET", "AEGIS_PORT"):
        monkeypatch.delenv(name, raising=False)


class Ran:
    """What a command wrote and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def aegis(capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> Ran:
        code = main(arguments)
        captured = capsys.readouterr()
        assert captured.err.count("\n") <= 1, "errors are one line"
        return Ran(code, captured.out, captured.err)

    return run


def test_help_lists_every_command(aegis) -> None:
    shown = aegis("--help")

    for command in (
        "demo", "run", "sim", "order", "amend", "cancel", "orders", "quote", "watch", "balance",
        "positions", "status", "kill-switch", "version",
    ):  # fmt: skip
        assert f"\n  {command} " in shown.out
    assert shown.code == 0


def test_version_names_the_build(aegis) -> None:
    assert aegis("version").out.startswith("aegis-fast 3.1.0 (")
    assert aegis("--version").out == aegis("version").out
    assert aegis("version", "--json").json["version"] == "3.1.0"


def test_order_is_placed_listed_amended_and_canceled(aegis) -> None:
    placed = aegis("order", "buy", "005930", "10", "--price", "69000", "--id", "mine", "--json")
    order_id = placed.json["order_id"]
    listed = aegis("orders", "--open", "--symbol", "005930", "--json")
    moved = aegis("amend", order_id, "--price", "68900")
    reduced = aegis("order", "amend", order_id, "--qty", "4", "--json")
    canceled = aegis("cancel", order_id)
    again = aegis("order", "cancel", order_id)

    assert (placed.code, placed.json["state"], placed.json["side"]) == (0, "live", "buy")
    assert placed.json["client_order_id"] == "mine"
    assert [order["order_id"] for order in listed.json] == [order_id]
    assert moved.code == 0
    assert "68,900" in moved.out
    assert reduced.json["leaves_qty"] == 4
    assert "canceled" in canceled.out
    assert (again.code, again.out) == (1, "")
    assert "APBK0344" in again.err


@pytest.mark.parametrize(
    ("options", "kind", "price_krw"),
    [
        (["--market"], "market", 0),
        (["--price", "69000"], "limit", 69_000),
        (["--base", "70000"], "limit", 68_600),
        (["--conditional", "--price", "69000"], "conditional", 69_000),
    ],
)
def test_options_choose_the_kind_of_order(aegis, options, kind, price_krw) -> None:
    placed = aegis("order", "buy", "005930", "1", *options, "--venue", "SOR", "--json").json

    assert (placed["type"], placed["price_krw"], placed["venue"]) == (kind, price_krw, "SOR")


@pytest.mark.parametrize(
    "arguments",
    [
        ["order", "buy", "005930", "10"],
        ["order", "buy", "005930", "10", "--market", "--price", "69000"],
        ["order", "buy", "005930", "10", "--market", "--conditional"],
        ["order", "buy", "005930", "10", "--conditional"],
        ["order", "buy", "005930", "10", "--price", "1", "--base", "1"],
        ["order", "buy", "005930", "0", "--market"],
        ["order", "buy", "005930", "-5", "--market"],
        ["order", "buy", "005930", "ten", "--market"],
        ["order", "buy", "005930", "1.5", "--market"],
        ["order", "buy", "005930", "10", "--price", "0"],
        ["order", "buy", "005930", "10", "--market", "--venue", "NYSE"],
        ["order", "buy", "005930"],
        ["order", "hold", "005930", "10"],
        ["amend", "o-1"],
        ["amend", "o-1", "--price", "1", "--qty", "1"],
        ["kill-switch", "maybe", "--reason", "x"],
        ["kill-switch", "on"],
        ["quote"],
        ["nonsense"],
        ["--nonsense"],
        ["sim", "--profile", "moon"],
        ["sim", "--replay", "/nowhere/at/all"],
        ["run", "--env", "live"],
        ["run", "--env", "moon"],
        ["run", "--config", "/nowhere/at/all.toml"],
    ],
)
def test_wrong_usage_ends_with_2_and_one_line_and_does_nothing(served, aegis, arguments) -> None:
    ran = aegis(*arguments)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("aegis: ")
    assert served.service.kept == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["order", "buy", "999999", "1", "--market"], "[symbol]"),
        (["order", "buy", "005930", "1", "--price", "69050"], "[price_krw] - expected: a multiple"),
        (["order", "buy", "005930", "1", "--price", "91100"], "49000 to 91000"),
        (["order", "buy", "005930", "999999", "--market"], "at most 10000000 won"),
        (["order", "buy", "5930", "1", "--market"], "[symbol]"),
        (["quote", "삼성전자"], "[symbol]"),
        (["cancel", "20261122-000099"], "no such order"),
        (["cancel", "../admin"], "[order_id]"),
        (["kill-switch", "on", "--reason", "drill"], "a key with the role admin"),
    ],
)
def test_refusal_ends_with_1_and_says_what_would_be_right(served, aegis, arguments, words) -> None:
    ran = aegis(*arguments)

    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err
    assert served.service.kept == {}


def test_order_the_broker_refused_ends_with_1_and_its_words(served, aegis) -> None:
    served.service.next_state = (OrderState.REJECTED, 2, "APBK0952", "주문가능금액 부족")
    ran = aegis("order", "buy", "005930", "1", "--market")

    assert ran.code == 1
    assert "refused: 주문가능금액 부족 (APBK0952)" in ran.err


def test_order_under_way_is_shown_with_a_warning_not_to_resend(served, aegis) -> None:
    served.service.next_state = (OrderState.UNKNOWN, 9, "", "the reply was lost")
    ran = aegis("order", "buy", "005930", "1", "--market", "--json")

    assert (ran.code, ran.json["state"]) == (0, "unknown")
    assert "do not resend" in ran.err


@pytest.mark.parametrize(
    "error", [OrderOutcomeUnknown("lost"), Disconnected("the broker is away", code=801)]
)
def test_trouble_behind_the_engine_is_not_called_a_stopped_engine(served, aegis, error) -> None:
    served.service.next_error = error
    ran = aegis("order", "buy", "005930", "1", "--market")

    assert ran.code == 1
    assert error.message in ran.err
    assert "not running" not in ran.err


def test_engine_that_is_not_there_is_said_so_with_what_to_do(aegis, monkeypatch) -> None:
    monkeypatch.delenv("AEGIS_URL")
    monkeypatch.setenv("AEGIS_PORT", "1")
    ran = aegis("balance")

    assert ran.code == 1
    assert "http://127.0.0.1:1" in ran.err
    assert "the engine is not running: start it with `make run`" in ran.err


def test_url_option_wins_and_a_bad_one_is_told(aegis) -> None:
    assert "http://127.0.0.1:1:" in aegis("balance", "--url", "http://127.0.0.1:1").err
    assert aegis("balance", "--url", "localhost").code in (1, 2)


def test_keys_come_from_the_environment_and_the_demo_key_only_on_loopback(
    aegis, monkeypatch
) -> None:
    elsewhere = aegis("balance", "--url", "http://engine.example:8790")
    monkeypatch.setenv("AEGIS_KEY", "boss")
    half = aegis("balance")
    monkeypatch.setenv("AEGIS_SECRET", "wrong")
    wrong = aegis("balance")
    monkeypatch.setenv("AEGIS_SECRET", "boss-secret")
    on = aegis("kill-switch", "on", "--reason", "drill", "--json")
    off = aegis("kill-switch", "off", "--reason", "over")

    assert (elsewhere.code, half.code, wrong.code) == (2, 2, 1)
    assert "AEGIS_KEY" in elsewhere.err
    assert "AEGIS_SECRET" in half.err
    assert "no access" in wrong.err
    assert on.json["kill_switch"] is True
    assert "꺼짐 off" in off.out


def test_tables_show_what_matters(aegis) -> None:
    aegis("order", "buy", "005930", "10", "--market")
    shown = {name: aegis(*name.split()).out for name in (
        "orders", "balance", "positions", "status", "quote 005930",
    )}  # fmt: skip

    assert "701,000" in shown["balance"]
    assert "9,299,000원" in shown["balance"]
    assert "삼성전자" in shown["positions"]
    assert "filled" in shown["orders"]
    assert "70,100" in shown["orders"]
    assert "12******01" in shown["status"]
    assert "Fails stopped, 오류 errors 9 KeyError: 1" in shown["status"]
    assert "p50 71 p99 111 p999 1,234 max 2,000 ns" in shown["status"]
    assert "414,374,600,000,000원" in shown["quote 005930"]


def test_empty_lists_say_so(aegis) -> None:
    assert "No orders" in aegis("orders").out
    assert "No positions" in aegis("positions").out
    assert aegis("orders", "--json").json == []


def test_json_is_what_the_api_says(aegis) -> None:
    assert aegis("quote", "005930", "--json").json["marketCap"] == 414_374_600_000_000
    assert aegis("balance", "--json").json["cash_krw"] == 10_000_000
    assert aegis("positions", "--json").json == []
    assert aegis("status", "--json").json["is_ready"] is True
    assert aegis("watch", "005930", "--once", "--json").json["best_bid_krw"] == 70_000


def test_watch_once_draws_ten_levels_a_side_asks_above_bids(aegis) -> None:
    shown = aegis("watch", "005930", "--once").out
    rows = [line for line in shown.splitlines() if "█" in line or "▏" in line or "▐" in line]

    assert "005930 삼성전자" in shown
    assert len(rows) == 20
    assert "71,000" in rows[0]
    assert "70,100" in rows[9]
    assert "70,000" in rows[10]
    assert "69,100" in rows[19]
    assert rows[0].count("█") > rows[9].count("█")


def test_watch_streams_until_ctrl_c_and_ends_cleanly(served: ServedFake) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "aegis_fast.cli", "watch", "005930", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        killer = threading.Timer(60, process.kill)
        killer.start()
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        served.call(served.service.trade, "005930", 70_100, 3)
        second = json.loads(process.stdout.readline())
        process.send_signal(2)
        _rest, errors = process.communicate()
        killer.cancel()

    assert (first["type"], first["book"]["best_bid_krw"]) == ("depth", 70_000)
    assert (second["type"], second["trade"]["qty"]) == ("trade", 3)
    assert (process.returncode, errors) == (0, "")


def test_watch_says_when_the_engine_is_away_and_goes_on_when_it_is_back() -> None:
    lost = Event(type="disconnected", error=Disconnected("gone"))
    picture = Picture("005930")
    console = Console(width=120, file=io.StringIO(), record=True)
    for event in (lost, Event(type="reconnected")):
        picture.apply(event)
        console.print(picture.render())
    away, back = console.export_text().split("005930")[1:]

    assert "reconnecting" in away
    assert "reconnecting" not in back


def test_watch_goes_on_without_a_first_book(served: ServedFake, aegis) -> None:
    served.service.next_error = Disconnected("no book yet", code=802)
    ran = aegis("watch", "005930", "--once")
    assert (ran.code, "no book yet" in ran.err) == (1, True)

    _raise_if_final(Event(type="error", error=Disconnected("no book yet", code=802)))
    with pytest.raises(NotFound):
        _raise_if_final(Event(type="error", error=NotFound("no such symbol")))


def test_watch_of_an_unknown_symbol_is_refused(aegis) -> None:
    for options in (["--once"], ["--json"], []):
        ran = aegis("watch", "999999", *options)
        assert ran.code == 1
        assert "[symbol]" in ran.err


def test_port_that_is_taken_is_named_with_the_way_out(served, aegis, monkeypatch, tmp_path) -> None:
    port = str(served.server.port)
    monkeypatch.chdir(tmp_path)
    for arguments in (
        ["sim", "--port", port],
        ["demo", "--port", port, "--sim-port", "0"],
        ["demo", "--port", "0", "--sim-port", port],
    ):
        ran = aegis(*arguments)
        assert ran.code == 2, arguments
        assert f"port {port} " in ran.err
        assert "with --" in ran.err


def test_importing_the_command_is_quick_and_pulls_in_no_server() -> None:
    script = (
        "import typer, sys, time; t = time.perf_counter(); import aegis_fast.cli; "
        "print(time.perf_counter() - t, [m for m in ('aiohttp', 'numpy', 'rich.table', 'pydantic')"
        " if m in sys.modules])"
    )
    spent = []
    for _ in range(3):
        ran = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        seconds, _, pulled_in = ran.stdout.partition(" ")
        assert pulled_in.strip() == "[]"
        spent.append(float(seconds))
    assert min(spent) < 0.15

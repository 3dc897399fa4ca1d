"""docs/kis.md tells the truth: every call, TR, fault and option of the code stands in its tables.

The rows are made from the code here; `python -m tests.unit.test_docs_kis` prints them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import typer

from aegis_fast.cli import app
from aegis_fast.kis import tr
from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.broker import Broker
from aegis_fast.sim.calls.answers import Request
from aegis_fast.sim.control import Control
from aegis_fast.sim.faults.kinds import KINDS
from aegis_fast.sim.feed.frames import todays_widths
from aegis_fast.sim.feed.registry import TOPICS
from aegis_fast.sim.rules import rules
from aegis_fast.sim.sim_clock import SimClock

TEXT = (Path(__file__).parents[2] / "docs" / "kis.md").read_text("utf-8")
LINES = frozenset(TEXT.splitlines())
START_NS = 1_795_395_600 * 10**9  # 2026-11-23 10:00 KST.
KEYLESS = {"token", "revoke", "approval", "hashkey"}


def _ids(call: tr.Call, environment: str) -> str:
    known = dict.fromkeys(tr_id for (env, _), tr_id in call.tr_ids.items() if env == environment)
    if not call.tr_ids:
        return "-"
    return ", ".join(f"`{tr_id}`" for tr_id in known) or "EGW00213"


def call_rows() -> Iterator[str]:
    """Return a row for every call: id, path, real ids, paper ids or the refusal."""
    for call in tr.calls().values():
        yield f"| {call.id} | `{call.path}` | {_ids(call, 'real')} | {_ids(call, 'paper')} |"


def stream_rows() -> Iterator[str]:
    """Return a row for every realtime TR: values a record, real and paper."""
    widths = todays_widths() | {"H0STCNI9": rules("paper").notice_width}
    for known in tr.realtime().values():
        kind = TOPICS[known.tr_id].kind
        is_mute = kind == "legacy" or known.tr_id.startswith("H0GS")
        is_real = known.tr_id not in ("H0STCNI9", "H0GSCNI9")
        is_paper = known.on_paper and known.tr_id not in ("H0STCNI0", "H0GSCNI0")
        yes = "ack only" if is_mute else "yes"
        real, paper = (yes if on else "OPSP8991" for on in (is_real, is_paper))
        width = widths[known.tr_id]
        yield f"| {known.tr_id} | {known.venue} | {width} | {real} | {paper} |"


def fault_rows() -> Iterator[str]:
    """Return a row for every kind of fault."""
    for name, text in KINDS.items():
        yield f"| `{name}` | {text.replace('|', chr(92) + '|')} |"


def option_rows() -> Iterator[str]:
    """Return a row for every option of `aegis sim`, with the words of its help."""
    command = typer.main.get_command(app).commands["sim"]  # type: ignore[attr-defined]
    for option in command.params:
        if option.name != "help":
            yield f"| `{option.opts[0]}` | {option.help} |"


@pytest.mark.parametrize("rows", [call_rows, stream_rows])
def test_every_row_stands_in_the_document(rows) -> None:  # type: ignore[no-untyped-def]
    missing = [row for row in rows() if row not in LINES]

    assert not missing, "write into docs/kis.md:\n" + "\n".join(missing)


@pytest.mark.parametrize("rows", [call_rows, stream_rows, fault_rows, option_rows])
def test_tables_name_all_there_is_and_nothing_else(rows) -> None:  # type: ignore[no-untyped-def]
    names = {row.split("|")[1].strip() for row in rows()}
    heading = f"<!-- {rows.__name__} -->"

    table = TEXT.split(heading)[1].split("\n\n")[1]

    listed = {line.split("|")[1].strip() for line in table.splitlines()[2:]}
    assert listed == names


def test_every_call_of_the_catalogue_is_answered() -> None:
    broker = Broker(start_ns=START_NS, entropy=Random(1))
    rest = broker._rest
    served = {*rest._quote_calls, *rest._trading_calls, *KEYLESS, "chk-holiday"}

    assert set(tr.calls()) <= served


def _examples() -> list[tuple[str, str, str]]:
    """Return method, page and body of every curl line to a control page."""
    found = re.findall(r"^curl (-X DELETE )?(?:-d '(.*?)' *)?\S*/_sim/(\w+)", TEXT, re.M)
    return [("DELETE" if drop else "POST" if body else "GET", p, body) for drop, body, p in found]


@pytest.mark.parametrize(("method", "page", "body"), _examples())
def test_curl_example_is_taken(method: str, page: str, body: str) -> None:
    broker = Broker(start_ns=START_NS, entropy=Random(1), activity=0.0, hours="day")
    clock = SimClock(lambda: 0, START_NS, is_stepped=False)
    request = Request(method, f"/_sim/{page}", {}, {}, body.encode(), "")

    answer = Control(broker, clock).answer(request, START_NS)

    assert answer.status == 200, answer.body


def test_frames_in_the_document_have_the_widths_of_today() -> None:
    frames = re.findall(r"^[01]\|(\w+)\|(\d{3})\|(.*)$", TEXT, re.M)

    assert [tr_id for tr_id, _, _ in frames] == ["H0STCNT0", "H0STASP0", "H0STCNI0"]
    for tr_id, count, payload in frames:
        assert len(payload.split("^")) == int(count) * todays_widths()[tr_id]


def test_keys_in_the_document_are_those_of_the_simulator() -> None:
    for text in (SIM_APPKEY, SIM_APPSECRET, SIM_ACCOUNT, SIM_HTS_ID):
        assert text in TEXT


def test_client_tests_named_in_the_document_exist() -> None:
    folder = Path(__file__).parents[1] / "clients"
    code = "\n".join(path.read_text("utf-8") for path in folder.glob("test_*.py"))

    named = re.findall(r"`(test_\w+)`", TEXT)

    assert len(named) >= 8
    assert [name for name in named if f"def {name}(" not in code] == []


if __name__ == "__main__":
    for rows in (call_rows, stream_rows, fault_rows, option_rows):
        print(f"{rows.__name__}\n" + "\n".join(rows()))  # noqa: T201

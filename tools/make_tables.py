"""Write src/_ext/tables.h from kis/realtime.json: which values a record of each realtime TR has.

Run `python tools/make_tables.py` after a change of realtime.json; a test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "aegis_fast" / "kis" / "realtime.json"
HEADER = ROOT / "src" / "_ext" / "tables.h"

# The TRs with a reader of their own come first, in the order of kernel.h.
NATIVE = (
    *("H0STCNT0", "H0NXCNT0", "H0UNCNT0", "H0EWCNT0", "H0STASP0", "H0NXASP0", "H0UNASP0"),
    *("H0EWASP0", "H0STCNI0", "H0STCNI9"),
)
# TRs without a row of their own. Source: the note of H0STPGM0.
SAME_FIELDS = {"H0NXPGM0": "H0STPGM0", "H0UNPGM0": "H0STPGM0"}
# The letter of a type in the header, see AEGIS_VALUE_* in table_reader.h.
KINDS = {"int": "i", "decimal": "d", "time": "t", "enum": "e", "str": "s"}

Field = tuple[str, str]


def layout(tr_id: str, width: int, fields: list[Field]) -> list[Field]:
    """Return name and type of each value of a record of that width.

    Almost always the table's first fields; the other forms are those its notes describe.
    """
    if tr_id in ("H0STCNI0", "H0STCNI9") and width == 23:
        # 18 is a short name of the instrument or, on paper, venue and pop-up flag ("1Y").
        return [*fields[:18], ("VENUE_POPUP", "str"), *fields[22:]]
    if tr_id == "H0UPANC0" and width == 15:
        # The published sample goes on with the counts of issues.
        return [*fields[:10], *fields[22:27]]
    if tr_id == "HDFSASP0" and width == 16:
        # The official sample has no RSYM.
        return fields[1:]
    if tr_id == "H0NXASP0" and width == 65:
        middle = [("KMID_PRC", "int"), ("KMID_TOTAL_RSQN", "int"), ("KMID_CLS_CODE", "enum")]
        return [*fields[:59], *middle, *fields[59:]]
    if tr_id == "H0STOAA0" and width == 54:
        # Nine levels.
        return [field for field in fields if not field[0].endswith("10")]
    if width == len(fields) + 1:
        # The unused value that the portal adds to expected executions.
        return [*fields, ("DUMMY", "int")]
    return fields[:width]


def layouts(row: dict[str, Any]) -> list[list[Field]]:
    """Return the record's forms, narrowest first. Raises ValueError if one does not fit."""
    fields = [(field["name"], field["type"]) for field in row["fields"]]
    widths = {entry["width"] for entry in row["observed_widths"]} | {row["n_fields"]}
    forms = []
    for width in sorted(widths):
        form = layout(row["tr_id"], width, fields)
        if len(form) != width or len({name for name, _ in form}) != width:
            raise ValueError(f"{row['tr_id']}: no layout of {width} values")
        forms.append(form)
    return forms


def surely_named(form: list[Field], wider: list[Field] | None) -> int:
    """Return how many leading values mean the same in this form and in the next wider one."""
    if wider is None:
        return len(form)
    same = 0
    while same < len(form) and form[same] == wider[same]:
        same += 1
    return same


def wrapped(items: list[str]) -> Iterator[str]:
    line = "   "
    for item in items:
        if len(line) + len(item) + 2 > 100:
            yield line
            line = "   "
        line += f" {item},"
    yield line


def arrays(name: str, form: list[Field]) -> Iterator[str]:
    yield f"static const char {name}_kinds[] ="
    yield f'    "{"".join(KINDS[kind] for _, kind in form)}";'
    yield f"static const char *const {name}_names[] = {{"
    yield from wrapped([f'"{field}"' for field, _ in form])
    yield "};"


def written_under(form: list[Field], written: dict[str, list[Field]]) -> str | None:
    """Return the name of arrays that begin with this form's values; many forms share them."""
    for name, longer in written.items():
        if longer[: len(form)] == form:
            return name
    return None


def header() -> str:
    """Return the text of tables.h."""
    rows = {row["tr_id"]: row for row in json.loads(SOURCE.read_text("utf-8"))["trs"]}
    rows |= {tr_id: {**rows[like], "tr_id": tr_id} for tr_id, like in SAME_FIELDS.items()}
    order = [*NATIVE, *(tr_id for tr_id in rows if tr_id not in NATIVE)]
    lines = [
        "/* Made by tools/make_tables.py from kis/realtime.json, for table_reader.c. */",
        "#ifndef AEGIS_TABLES_H",
        "#define AEGIS_TABLES_H",
        "",
        '#include "table_reader.h"',
        "",
    ]
    forms = {tr_id: layouts(rows[tr_id]) for tr_id in order}
    written: dict[str, list[Field]] = {}
    # The widest first: it serves the narrower forms that begin like it.
    for form in sorted((form for each in forms.values() for form in each), key=len, reverse=True):
        if written_under(form, written) is None:
            name = f"form{len(written)}"
            written[name] = form
            lines += arrays(name, form)
    tables = []
    for tr_id in order:
        is_private = int(rows[tr_id]["encrypted"])
        tables.append(f'    {{"{tr_id}", {is_private}, {len(forms[tr_id])}, {{')
        for form, wider in zip(forms[tr_id], [*forms[tr_id][1:], None], strict=True):
            under, sure = written_under(form, written), surely_named(form, wider)
            tables.append(f"        {{{len(form)}, {sure}, {under}_kinds, {under}_names}},")
        tables.append("    }},")
    most = max(map(len, written.values()))
    lines += ["", "static const aegis_table aegis_tables[AEGIS_TABLE_COUNT] = {", *tables, "};", ""]
    lines += [
        f'_Static_assert(AEGIS_TABLE_COUNT == {len(order)}, "table_reader.h counts other TRs");',
        f'_Static_assert(AEGIS_MOST_VALUES == {most}, "table_reader.h holds other records");',
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    HEADER.write_text(header(), "utf-8")

"""The devices of a bench on one page: found at, identity, firmware, settings, calibration, verdict, what to do.

As wide as the terminal allows: a table where that is wide enough, else a block for each device; plain when piped.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rig.doctor.findings import Finding, Level

COLUMNS: Final = ("device", "found at", "identity", "firmware", "settings", "calibration", "verdict", "what to do")
LEAST: Final = 100  # columns of a terminal below which a table cannot be read
SHARES: Final = (13, 18, 16, 10, 20, 12, 7, 24)  # of what is left for the cells
GAP: Final = "  "
ORDER: Final = (Level.OK, Level.WARN, Level.FAIL)
COLOURS: Final = {Level.OK: "\x1b[32m", Level.WARN: "\x1b[33m", Level.FAIL: "\x1b[31m"}
PLAIN: Final = "\x1b[0m"
NOTHING: Final = "-"


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device as the table shows it."""

    device: str
    found_at: str = ""
    identity: str = ""
    firmware: str = ""
    settings: str = ""
    calibration: str = ""
    verdict: str = Level.OK.value
    what_to_do: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the texts of its cells, a dash where nothing is known."""
        return tuple(value or NOTHING for value in asdict(self).values())


def device_rows(findings: Sequence[Finding]) -> list[DeviceRow]:
    """Return a row for each device that findings are about, in the order in which they were looked at."""
    rows = []
    for name in dict.fromkeys(each.device for each in findings if each.device):
        about = [each for each in findings if each.device == name]
        facts: dict[str, list[str]] = {}
        for each in about:
            for key, value in each.facts:
                if value and value not in facts.setdefault(key, []):
                    facts[key].append(value)
        told = {key: ", ".join(values) for key, values in facts.items()}
        worst = max((each.level for each in about), key=ORDER.index)
        todo = "; ".join(dict.fromkeys(_todo(each) for each in about if each.level is not Level.OK))
        rows.append(DeviceRow(name, **told, verdict=worst.value, what_to_do=todo))
    return rows


def _todo(finding: Finding) -> str:
    return finding.hint or (f"expected {finding.expected}" if finding.expected else finding.found)


def table_text(findings: Sequence[Finding], width: int | None, *, colour: bool = False) -> str:
    """Return the table; ``width`` in columns of a terminal, None: piped, so that no cell is broken."""
    rows = device_rows(findings)
    if not rows:
        return ""
    if width is not None and width < LEAST:
        return _blocks(rows, width, colour=colour)
    sizes = _sizes(rows, width)
    lines = [_line(COLUMNS, sizes), _line(tuple("-" * size for size in sizes), sizes)]
    for row in rows:
        wrapped = [
            textwrap.wrap(cell, size, break_on_hyphens=False) or [""]
            for cell, size in zip(row.cells, sizes, strict=True)
        ]
        for number in range(max(len(each) for each in wrapped)):
            line = _line(tuple(each[number] if number < len(each) else "" for each in wrapped), sizes)
            lines.append(_coloured(line, row, first=number == 0, colour=colour))
    return "\n".join(lines) + "\n"


def to_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return the rows as ``rig check --json`` has them; null where nothing is known."""
    return [{key: value or None for key, value in asdict(row).items()} for row in device_rows(findings)]


def _sizes(rows: Sequence[DeviceRow], width: int | None) -> tuple[int, ...]:
    needed = [max(len(name), *(len(row.cells[k]) for row in rows)) for k, name in enumerate(COLUMNS)]
    if width is None:
        return tuple(needed)
    room = width - len(GAP) * (len(COLUMNS) - 1)
    sizes = [max(len(name), room * share // sum(SHARES)) for name, share in zip(COLUMNS, SHARES, strict=True)]
    sizes = [min(size, need) for size, need in zip(sizes, needed, strict=True)]
    spare = room - sum(sizes)
    for k in sorted(range(len(sizes)), key=lambda k: needed[k] - sizes[k], reverse=True):
        more = max(0, min(spare, needed[k] - sizes[k]))
        sizes[k] += more
        spare -= more
    return tuple(sizes)


def _line(cells: Sequence[str], sizes: Sequence[int]) -> str:
    return GAP.join(cell.ljust(size) for cell, size in zip(cells, sizes, strict=True)).rstrip()


def _coloured(line: str, row: DeviceRow, *, first: bool, colour: bool) -> str:
    if not colour or not first:
        return line
    before, verdict, after = line.rpartition(f"{GAP}{row.verdict}{GAP}")
    if not verdict:
        before, verdict, after = line.rpartition(f"{GAP}{row.verdict}")
    return f"{before}{COLOURS[Level(row.verdict)]}{verdict}{PLAIN}{after}"


def _blocks(rows: Sequence[DeviceRow], width: int, *, colour: bool) -> str:
    label = max(len(name) for name in COLUMNS[1:])
    lines = []
    for row in rows:
        verdict = f"{COLOURS[Level(row.verdict)]}{row.verdict}{PLAIN}" if colour else row.verdict
        lines.append(f"{row.device}: {verdict}")
        for name, cell in zip(COLUMNS[1:], row.cells[1:], strict=True):
            if name == "verdict" or cell == NOTHING:
                continue
            first = f"  {name.ljust(label)}  "
            lines += textwrap.wrap(
                cell, max(width, 40), initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
            )
    return "\n".join(lines) + "\n"

"""A judgement in a few lines for a terminal: short on success; on failure value, limits, U and why."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import Any

from reports.formatting import MINUS, NBSP, UNKNOWN, clean, interval
from reports.reading import mapping, rows, text
from reports.sections.certificate import bench_line, is_certificate
from reports.sections.fitness import fitness_line
from reports.sections.front import ORDER, device_line, shown_value
from reports.sections.results import limit_source

CODES = {"PASS": "32", "FAIL": "31", "INCONCLUSIVE": "33", "INVALID": "35", "REPORT_ONLY": "36"}
TROUBLE = ("FAIL", "INVALID", "INCONCLUSIVE")
LABEL = 15


def console_summary(document: dict[str, Any], width: int = 80, colour: bool = False) -> str:
    """Return the summary of ``document``, wrapped to ``width`` columns, with ANSI colours when ``colour`` is true."""
    held = mapping(clean(document))
    width = max(width, 40)
    outcome = text(held.get("outcome")) or "INVALID"
    simulated = " (SIMULATED)" if held.get("evidence") == "simulated" else ""
    asked = bench_line(held) if is_certificate(held) else device_line(held)
    head = f"{text(held.get('scenario')) or 'run'} on {asked}{simulated}"
    lines = _wrapped(f"{_painted(outcome, colour)}  ", head, width, len(outcome) + 2)
    checks = rows(held.get("checks"))
    for check in sorted(checks, key=_rank):
        if check.get("outcome") in TROUBLE:
            lines += _trouble(check, width, colour)
        else:
            lines += _calm(check, width, colour)
    if told := fitness_line(held):
        lines += _wrapped("  ", told, width, 2)
    for name in ("deviations", "gaps", "findings"):
        if count := len(rows(held.get(name))):
            lines.append(f"  {count} {name if count > 1 else name.removesuffix('s')}: see the report")
    counts = Counter(text(check.get("outcome")) for check in checks)
    told = ", ".join(f"{counts[name]} {_spoken(name)}" for name in ORDER if counts[name]) or "no checks"
    reason = text(held.get("end_reason"))
    lines += _wrapped("  ", f"{told}" + (f"; ended: {reason}" if reason else ""), width, 2)
    return "\n".join(lines) + "\n"


def _rank(check: dict[str, Any]) -> int:
    """Return the place of a check: the worst outcome first."""
    outcome = text(check.get("outcome"))
    return ORDER.index(outcome) if outcome in ORDER else 0


def _calm(check: dict[str, Any], width: int, colour: bool) -> list[str]:
    """Return one line for a check that gives no trouble."""
    outcome = text(check.get("outcome"))
    limits = interval(check.get("lower_limit"), check.get("upper_limit"), text(check.get("unit")))
    told = f"{text(check.get('id'))}: {_plain(shown_value(check))}" + (
        f", limits {_plain(limits)}" if limits != UNKNOWN else ""
    )
    return _wrapped(f"  {_painted(outcome, colour)}{' ' * (13 - len(outcome))}", told, width, LABEL)


def _trouble(check: dict[str, Any], width: int, colour: bool) -> list[str]:
    """Return all that a reader needs to understand a check that did not pass."""
    outcome = text(check.get("outcome"))
    unit = text(check.get("unit"))
    lines = _wrapped(
        f"  {_painted(outcome, colour)}{' ' * (13 - len(outcome))}",
        f"{text(check.get('id'))}: {text(check.get('title'))}",
        width,
        LABEL,
    )
    bad = [item for item in rows(check.get("items")) if item.get("outcome") in TROUBLE]
    details = (
        ("value", _plain(shown_value(check))),
        ("limits", _plain(interval(check.get("lower_limit"), check.get("upper_limit"), unit))),
        ("source", limit_source(check)),
        ("why", text(check.get("why"))),
        ("items", f"{len(bad)} of {len(rows(check.get('items')))} not PASS" if bad else ""),
        *(("finding", text(finding.get("text"))) for finding in rows(check.get("findings"))),
    )
    for label, told in details:
        if told and told != UNKNOWN:
            lines += _wrapped(f"{'':{LABEL}}{label:<8}", told, width, LABEL + 8)
    return lines


def _wrapped(lead: str, told: str, width: int, indent: int) -> list[str]:
    """Return ``told`` wrapped to ``width``, after a lead whose visible length is ``indent``."""
    parts = textwrap.wrap(told, max(12, width - indent), break_on_hyphens=False) or [""]
    return [f"{lead}{parts[0]}".rstrip(), *(f"{' ' * indent}{part}" for part in parts[1:])]


def _painted(outcome: str, colour: bool) -> str:
    """Return an outcome, coloured for a terminal when asked."""
    code = CODES.get(outcome)
    return f"\x1b[1;{code}m{_spoken(outcome)}\x1b[0m" if colour and code else _spoken(outcome)


def _spoken(outcome: str) -> str:
    """Return an outcome as words of the same length."""
    return outcome.replace("_", " ")


def _plain(told: str) -> str:
    """Return text with the plain signs that every terminal can show and every search finds."""
    return told.replace(NBSP, " ").replace(MINUS, "-")

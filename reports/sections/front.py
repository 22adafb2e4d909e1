"""Part 1, the verdict page, and part 2, scope and requirement trace."""

from __future__ import annotations

from collections import Counter
from typing import Any

from reports.blocks import Block, Cell, Facts, Paragraph, Section, Table, Verdict, cells, columns, outcome_cell
from reports.formatting import UNKNOWN, as_number, fixed, instant, interval, measured, probability, with_unit
from reports.interruptions import interruptions, notices
from reports.reading import mapping, rows, text, texts

ORDER = ("FAIL", "INVALID", "INCONCLUSIVE", "PASS", "REPORT_ONLY")
MOST_ON_FIRST_PAGE = 10
SENTENCES = {
    "PASS": "Every judged check conforms: the limits contain value ± U.",
    "FAIL": "At least one valid check lies outside its limits by more than its expanded uncertainty.",
    "INCONCLUSIVE": "The expanded uncertainty does not allow a decision against at least one limit.",
    "INVALID": "The bench, not the pump, broke during an interval that a check needs; no verdict on the pump follows.",
    "REPORT_ONLY": "Values are reported; no sourced limit exists to judge them by.",
}


def shown_value(check: dict[str, Any]) -> str:
    """Return a check's value with U, or with its 95 % interval where it is a proportion."""
    bounds = check.get("interval")
    unit = text(check.get("unit"))
    if isinstance(bounds, list) and len(bounds) == 2:
        return f"{with_unit(fixed(check.get('value'), 1), unit)} {interval(bounds[0], bounds[1], unit, 4)}"
    return measured(check.get("value"), check.get("expanded_uncertainty"), unit)


def verdict(document: dict[str, Any]) -> Verdict:
    """Return the first page."""
    outcome = text(document.get("outcome")) or "INVALID"
    return Verdict(
        outcome=outcome,
        sentence=SENTENCES.get(outcome, ""),
        facts=_first_facts(document),
        checks=_first_checks(document),
        counts=_counts(document),
        notices=notices(document),
    )


def device_line(document: dict[str, Any]) -> str:
    """Return the device under test in one line."""
    pump = mapping(document.get("pump"))
    parts = [text(pump.get("model")) or "pump"]
    if pump.get("serial"):
        parts.append(f"serial {text(pump['serial'])}")
    if pump.get("firmware"):
        parts.append(f"firmware {text(pump['firmware'])}")
    return ", ".join(parts)


def tool_line(document: dict[str, Any]) -> str:
    """Return tool, version and commit in one line."""
    tool = mapping(document.get("tool"))
    name = text(tool.get("name")) or "rig"
    commit = text(tool.get("commit"))
    return f"{name} {text(tool.get('version')) or 'unknown version'}" + (f", commit {commit[:12]}" if commit else "")


def _first_facts(document: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return what identifies the run: device, bench, times, conditions, tool."""
    ambient = mapping(mapping(document.get("analysis")).get("ambient"))
    conditions = ", ".join(
        with_unit(fixed(ambient.get(key), decimals), unit)
        for key, decimals, unit in (("temperature_c", 1, "°C"), ("humidity_pct", 0, "% RH"), ("pressure_hpa", 1, "hPa"))
        if as_number(ambient.get(key)) is not None
    )
    bench = mapping(document.get("bench"))
    held = (
        ("Device under test", device_line(document)),
        ("Scenario", text(document.get("scenario"))),
        ("Bench", text(bench.get("name"))),
        ("Evidence", text(document.get("evidence"))),
        ("Started", instant(document.get("started_utc"))),
        ("Ended", f"{instant(document.get('ended_utc'))} ({text(document.get('end_reason')) or 'reason unknown'})"),
        ("Conditions", conditions or "not recorded"),
        ("Tool", tool_line(document)),
    )
    return tuple((label, value) for label, value in held if value)


def _first_checks(document: dict[str, Any]) -> Table:
    """Return the checks in short, the worst outcome first."""
    held = rows(document.get("checks"))
    ranked = sorted(
        held, key=lambda check: ORDER.index(text(check.get("outcome"))) if check.get("outcome") in ORDER else 0
    )
    body = tuple(
        (
            outcome_cell(text(check.get("outcome"))),
            Cell(text(check.get("title")) or text(check.get("id"))),
            Cell(shown_value(check)),
            Cell(interval(check.get("lower_limit"), check.get("upper_limit"), text(check.get("unit")))),
        )
        for check in ranked[:MOST_ON_FIRST_PAGE]
    )
    left = len(ranked) - len(body)
    note = f"{left} more in section 9." if left else ""
    return Table(columns("Outcome", "*Check", ">Value and U (k = 2)", ">Limits"), body, "", note)


def _counts(document: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return what a reviewer counts first."""
    outcomes = Counter(text(check.get("outcome")) for check in rows(document.get("checks")))
    told = ", ".join(f"{outcomes[name]} {name.replace('_', ' ')}" for name in ORDER if outcomes[name])
    findings = len(rows(document.get("findings"))) + sum(
        len(rows(check.get("findings"))) for check in rows(document.get("checks"))
    )
    stops = len(interruptions(document))
    return (
        *((("Interruptions", str(stops)),) if stops else ()),
        ("Checks", told or "none"),
        ("Deviations", str(len(rows(document.get("deviations"))))),
        ("Findings", str(findings)),
        ("Gaps", str(len(rows(document.get("gaps"))))),
        ("Deliveries", str(len(rows(document.get("deliveries"))))),
    )


def scope(document: dict[str, Any]) -> Section:
    """Return part 2: what was asked, and which requirement each check speaks to."""
    checks = rows(document.get("checks"))
    asked = text(document.get("title")) or text(document.get("scenario")) or "not stated"
    blocks: list[Block] = [
        Facts(
            (
                ("Question", asked),
                ("Scenario", text(document.get("scenario")) or UNKNOWN),
                ("Run", text(document.get("run_id")) or UNKNOWN),
                ("Compared", "SET (programmed), REP (reported by the pump), MEAS (weighed at the outlet)"),
            )
        )
    ]
    blocks.append(_trace(checks) if checks else Paragraph("This run has no checks.", "muted"))
    untraced = [text(check.get("id")) for check in checks if not texts(check.get("requirements"))]
    if untraced:
        blocks.append(Paragraph(f"Without a requirement: {', '.join(untraced)}.", "muted"))
    return Section(2, "scope", "Scope and requirement trace", tuple(blocks))


def _trace(checks: list[dict[str, Any]]) -> Table:
    """Return requirement by requirement the checks and their outcomes."""
    pairs = [(requirement, check) for check in checks for requirement in texts(check.get("requirements"))]
    body = [
        (
            *cells(requirement, text(check.get("id")), text(check.get("measure")) or UNKNOWN),
            outcome_cell(text(check.get("outcome"))),
        )
        for requirement, check in sorted(pairs, key=lambda pair: pair[0])
    ] or [cells("none stated", "", "", "")]
    return Table(
        columns("Requirement", "*Check", "*Measure", "Outcome"),
        tuple(body),
        "Requirements and the checks that speak to them",
    )


def probability_cell(check: dict[str, Any]) -> str:
    """Return the probability of conformance as text."""
    return probability(check.get("conformance_probability"))

"""Part 9: every check with its reasons, and the measurements behind them."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Facts, Heading, Paragraph, Picture, Section, See
from reports.formatting import UNKNOWN, general, interval, probability, span
from reports.reading import mapping, rows, text, texts
from reports.sections.basal import basal_blocks
from reports.sections.bolus import bolus_blocks
from reports.sections.budgets import compact_table
from reports.sections.doses import dose_blocks
from reports.sections.front import shown_value
from reports.sections.items import are_many, item_blocks
from reports.sections.occlusions import occlusion_blocks
from reports.sections.truths import truth_blocks
from reports.sections.walk_back import monte_carlo_text


def results(document: dict[str, Any]) -> Section:
    """Return part 9."""
    checks = rows(document.get("checks"))
    blocks: list[Block] = [
        Picture(
            "checks",
            "Checks with two limits on a common scale: the point is the value, the bar its expanded uncertainty U "
            "(k = 2), the shaded band lies between the limits. An arrow marks a value beyond the scale.",
        )
    ]
    if not checks:
        blocks.append(Paragraph("This run has no checks.", "muted"))
    for place, check in enumerate(checks):
        blocks += check_blocks(check, place)
    blocks += truth_blocks(document)
    blocks += basal_blocks(document)
    blocks += dose_blocks(document)
    blocks += bolus_blocks(document)
    blocks += occlusion_blocks(document)
    return Section(9, "results", "Results", tuple(blocks))


def check_blocks(check: dict[str, Any], place: int = 0) -> list[Block]:
    """Return one check: outcome, why, value, limits, source, rule, items, budget in short, and where more stands."""
    name = text(check.get("id"))
    title = text(check.get("title"))
    outcome = text(check.get("outcome"))
    blocks: list[Block] = [Heading(title or name, outcome, f"check-{place}")]
    if check.get("why"):
        blocks.append(Paragraph(text(check["why"]), outcome))
    blocks.append(Facts(tuple((label, value) for label, value in _check_facts(check, name) if value != UNKNOWN)))
    blocks += item_blocks(check)
    blocks.append(
        See(
            (
                ("Full budget", f"budget-{place}"),
                ("From raw readings to the result", f"way-{place}"),
                *((("Every item", f"items-{place}"),) if are_many(check) else ()),
            )
        )
    )
    if (table := compact_table(check)) is not None:
        blocks.append(table)
    return blocks


def _check_facts(check: dict[str, Any], name: str) -> tuple[tuple[str, str], ...]:
    """Return the facts of one check; unknown ones as an em dash."""
    findings = rows(check.get("findings"))
    shown = shown_value(check)
    if check.get("coverage_factor") and not check.get("interval") and shown != UNKNOWN:
        shown += f" (k = {general(check.get('coverage_factor'))})"
    asked = ", ".join(texts(check.get("requirements"))) or "none stated"
    return (
        ("Check, measure", ", ".join(each for each in (name, text(check.get("measure"))) if each) or UNKNOWN),
        ("Requirements", asked),
        ("Interval (run time)", span(check.get("from_s"), check.get("to_s"))),
        ("Value", shown),
        ("Limits", interval(check.get("lower_limit"), check.get("upper_limit"), text(check.get("unit")))),
        ("Limit source", limit_source(check)),
        ("Decision rule", text(check.get("decision_rule")) or UNKNOWN),
        ("How the interval was widened", text(check.get("interval_basis")) or UNKNOWN),
        ("Monte Carlo (JCGM 101)", monte_carlo_text(check)),
        ("Probability of conformance", _conformance(check)),
        *((f"Finding {text(finding.get('id'))}", text(finding.get("text"))) for finding in findings),
    )


def _conformance(check: dict[str, Any]) -> str:
    """Return the probability of conformance and the measurement capability, as far as they are known."""
    capability = general(check.get("measurement_capability"), 3)
    held = (
        probability(check.get("conformance_probability")),
        UNKNOWN if capability == UNKNOWN else f"measurement capability C_m = {capability}",
    )
    return "; ".join(each for each in held if each != UNKNOWN) or UNKNOWN


def limit_source(check: dict[str, Any]) -> str:
    """Return id, words and evidence mark of a limit's source."""
    source = mapping(check.get("limit_source"))
    if not source:
        return "none: reported, not judged"
    told = ": ".join(part for part in (text(source.get("id")), text(source.get("text"))) if part)
    return f"{told} [{text(source['mark'])}]" if source.get("mark") else told

"""What a qualification's report says otherwise than that of a pump: it is the certificate of a bench."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reports.blocks import Block, Facts, Heading, Paragraph, Section, Table, Verdict, cells, columns
from reports.formatting import UNKNOWN, as_number, elapsed, fixed, general, measured, with_unit
from reports.reading import mapping, rows, text
from reports.sections import bench, front

SENTENCES = {
    "PASS": "The bench is fit: every part that was asked of it lies within its limits, value ± U.",
    "FAIL": "The bench is not fit: at least one part lies outside its limits by more than its expanded uncertainty.",
    "INCONCLUSIVE": "The bench is not shown to be fit: its uncertainty does not allow a decision on at least one part.",
    "INVALID": "The bench is not shown to be fit: something broke during the qualification.",
    "REPORT_ONLY": "Nothing of this bench was judged.",
}
METHOD = (
    "Blanks give evaporation, noise (Allan deviation) and drift. A flow source of known flow delivers into the vessel; "
    "each flow is weighed from rest to rest: the change of level, corrected for evaporation, buoyancy and the immersed "
    "tube and divided by the density of the liquid, is compared with rate × time, or with the target volume. Both are "
    "commanded by the flow source and known as well as stated for its pump and syringe; the budget holds that, a step "
    "of its motor, the times of start and stop, and the whole budget of the weighing. A slow flow near a display of "
    "zero shows whether a tracked zero swallows it. A reference weight is compared with the levels before and after it."
)
LIMITATION = (
    "Weighing and flow source are compared with each other: a deviation is of their sum. A reference weight tells the "
    "balance's part apart from the flow source's. The certificate holds for the bench as described, until the earliest "
    "of the dates below, and not after the balance was moved, adjusted or repaired."
)


def is_certificate(document: dict[str, Any]) -> bool:
    """Return whether the document is of a qualification."""
    return bool(_table(document))


def _table(document: dict[str, Any]) -> dict[str, Any]:
    return mapping(mapping(document.get("analysis")).get("qualification"))


def bench_line(document: dict[str, Any]) -> str:
    """Return the bench in one line."""
    held = mapping(document.get("bench"))
    balance = mapping(held.get("balance"))
    serial = f", balance {text(balance.get('model'))} {text(balance.get('serial'))}" if balance.get("serial") else ""
    return f"bench {text(held.get('name'))}{serial}"


def verdict(document: dict[str, Any]) -> Verdict:
    """Return the first page."""
    page = front.verdict(document)
    facts = [(label, value) for label, value in page.facts if label != "Device under test"]
    sources = ", ".join(_source_line(each) for each in rows(_table(document).get("flow_sources")))
    facts.insert(1, ("Flow source", sources or "none"))
    facts.insert(2, ("Valid until", text(_table(document).get("valid_until")) or UNKNOWN))
    left_out = len(rows(_table(document).get("left_out")))
    notices = (*page.notices, *_left_out_lines(document)) if left_out else page.notices
    return replace(page, sentence=SENTENCES.get(page.outcome, ""), facts=tuple(facts), notices=notices)


def _left_out_lines(document: dict[str, Any]) -> list[str]:
    return [f"Not asked: {text(each.get('what'))} ({text(each.get('why'))})" for each in _left_out(document)]


def _left_out(document: dict[str, Any]) -> list[dict[str, Any]]:
    return rows(_table(document).get("left_out"))


def _source_line(source: dict[str, Any]) -> str:
    words = [text(source.get("model")) or text(source.get("name"))]
    words += [f"serial {text(source['serial'])}"] if source.get("serial") else []
    return ", ".join(words)


def scope(document: dict[str, Any]) -> Section:
    """Return part 2: what was asked of the bench, and what was not."""
    blocks: list[Block] = [
        Facts(
            (
                ("Question", text(document.get("title")) or UNKNOWN),
                ("Qualification", text(document.get("scenario")) or UNKNOWN),
                ("Run", text(document.get("run_id")) or UNKNOWN),
                ("Compared", "what is known to have come with what was weighed"),
                ("Valid until", text(_table(document).get("valid_until")) or UNKNOWN),
            )
        ),
        Paragraph(LIMITATION),
    ]
    if held := _left_out(document):
        body = tuple(cells(text(each.get("step")), text(each.get("what")), text(each.get("why"))) for each in held)
        blocks.append(Table(columns(">Step", "*Part", "*Why it was left out"), body, "Parts that were not asked"))
    return Section(2, "scope", "Scope and validity", tuple(blocks))


def device(document: dict[str, Any]) -> Section:
    """Return part 3: the bench, which is what is under test."""
    held = mapping(document.get("bench"))
    pairs = (("Bench", text(held.get("name"))), ("Title", text(held.get("title"))), ("Kind", text(held.get("kind"))))
    note = Paragraph("No insulin pump takes part in a qualification.", "muted")
    return Section(3, "device", "Bench under qualification", (Facts(tuple(p for p in pairs if p[1])), note))


def equipment(document: dict[str, Any]) -> Section:
    """Return part 4: balance, flow sources and weights with serial numbers and what vouches for them."""
    held = bench.equipment(document)
    blocks: list[Block] = list(held.blocks)
    sources = tuple(
        cells(
            text(each.get("name")),
            text(each.get("model")) or UNKNOWN,
            text(each.get("serial")) or UNKNOWN,
            with_unit(general(each.get("diameter_mm"), 6), "mm"),
            f"± {general(each.get('half_width_pct'))} %",
            text(each.get("source")) or "none stated",
            text(each.get("due")) or "none stated",
        )
        for each in rows(_table(document).get("flow_sources"))
    )
    if sources:
        head = columns("Flow source", "Model", "Serial number", ">Syringe", ">Flow known within", "*Source", "Due")
        blocks.insert(1, Table(head, sources, "Sources of the known flow"))
    weights = tuple(
        cells(
            with_unit(general(each.get("nominal_g")), "g"),
            text(each.get("name")) or UNKNOWN,
            with_unit(general(each.get("mass_g"), 9), "g"),
            with_unit(general(each.get("u_mg"), 3), "mg"),
            text(each.get("certificate")) or UNKNOWN,
            text(each.get("due")) or UNKNOWN,
        )
        for each in rows(_table(document).get("reference_weights"))
    )
    if weights:
        head = columns(">Nominal", "*Weight", ">Conventional mass", ">u", "*Certificate", "Due")
        blocks.insert(2, Table(head, weights, "Reference weights"))
    return replace(held, blocks=tuple(blocks))


def method(document: dict[str, Any]) -> Section:
    """Return part 6."""
    held = bench.method(document)
    blocks = [block for block in held.blocks if block not in (Paragraph(bench.MODEL), Paragraph(bench.ENVELOPE))]
    blocks.insert(1, Paragraph(METHOD))
    return replace(held, blocks=tuple(blocks))


def flows(document: dict[str, Any]) -> list[Block]:
    """Return every flow as set, counted and weighed, and the blanks' stability."""
    body = tuple(
        cells(
            text(each.get("label")) + (" (run-in)" if each.get("run_in") else ""),
            elapsed(each.get("start_s")),
            with_unit(fixed(each.get("known_ul"), 3), "uL"),
            with_unit(fixed(each.get("counted_ul"), 3), "uL"),
            with_unit(fixed(each.get("weighed_ul"), 3), "uL"),
            measured(each.get("error_pct"), each.get("expanded_uncertainty_pct"), "%"),
        )
        for each in rows(_table(document).get("flows"))
    )
    blocks: list[Block] = []
    if body:
        head = columns("*Flow", ">Begun (h:mm:ss)", ">Set", ">Counted by it", ">Weighed", ">Error and U (k = 2)")
        blocks += [Heading("Known flows and amounts"), Table(head, body, "Set, counted and weighed volumes")]
    for blank in rows(_table(document).get("blanks")):
        points = [each for each in rows(blank.get("allan")) if as_number(each.get("slope_mg_per_h")) is not None]
        table = Table(
            columns(">Averaging time", ">Allan deviation of the slope"),
            tuple(
                cells(
                    with_unit(general(each.get("tau_s")), "s"),
                    with_unit(general(each.get("slope_mg_per_h"), 3), "mg/h"),
                )
                for each in points
            ),
            f"Stability of blank {text(blank.get('which'))}",
            f"Modified Allan deviation; noise of a reading {general(blank.get('noise_mg'), 2)} mg, random walk "
            f"{general(blank.get('random_walk_mg_per_sqrt_h'), 2)} mg after 1 h.",
            dense=True,
        )
        blocks += [Heading(f"Blank {text(blank.get('which'))}"), table] if points else []
    return blocks


def results(held: Section, document: dict[str, Any]) -> Section:
    """Return part 9 with the flows beside the checks."""
    return replace(held, blocks=(*held.blocks, *flows(document)))

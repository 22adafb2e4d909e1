"""Build the whole report, as blocks and figures, from a stored judgement."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reports.blocks import Block, Figure, Heading, Picture, Report, Section, See
from reports.figures.gallery import draw_all
from reports.formatting import clean
from reports.reading import mapping, text
from reports.sections import annexes, bench, budgets, certificate, front, record, results
from reports.sections.electrical import with_supply

SIMULATED = "SIMULATED"
EPOCH = (1970, 1, 1, 0, 0, 0)


def build_report(document: dict[str, Any], curves: dict[str, Any]) -> Report:
    """Return the report on ``document`` (a ``Result.to_json()``) with figures from ``curves``; parts may be absent."""
    held, drawn = mapping(clean(document)), mapping(clean(curves))
    figures = draw_all(held, drawn)
    numbers = itertools.count(1)
    certified = certificate.is_certificate(held)
    parts = (
        front.scope(held) if not certified else certificate.scope(held),
        bench.device(held) if not certified else certificate.device(held),
        bench.equipment(held) if not certified else certificate.equipment(held),
        bench.configuration(held),
        bench.method(held) if not certified else certificate.method(held),
        with_supply(bench.environment(held), held),
        bench.fitness(held),
        results.results(held) if not certified else certificate.results(results.results(held), held),
        record.exclusions(held),
        record.deviations(held),
        record.timeline(held),
        budgets.budget(held),
        record.inventory(held),
        record.signatures(held),
        *annexes.annexes(held),
    )
    sections = [_section(part, figures, numbers) for part in parts]
    places = dict(_places(sections))
    sections = [replace(part, blocks=tuple(_with_places(part.blocks, places))) for part in sections]
    return Report(
        title=text(held.get("title")) or text(held.get("scenario")) or "Verification report",
        subtitle=subtitle(held),
        run_id=text(held.get("run_id")),
        stamps=stamps(held),
        date_utc=_date(first_text(held, "ended_utc", "started_utc")),
        verdict=certificate.verdict(held) if certified else front.verdict(held),
        sections=tuple(sections),
        figures=figures,
    )


def subtitle(document: dict[str, Any]) -> str:
    """Return what kind of report it is, and of what."""
    if certificate.is_certificate(document):
        return f"Certificate of qualification: {certificate.bench_line(document)}"
    return f"Insulin pump verification report: {front.device_line(document)}"


def stamps(document: dict[str, Any]) -> tuple[str, ...]:
    """Return what has to stand on every page: simulated evidence, and deviations that ask for it."""
    found = [SIMULATED] if document.get("evidence") == "simulated" else []
    deviations = document.get("deviations")
    for deviation in deviations if isinstance(deviations, list) else []:
        stamp = mapping(deviation).get("stamp")
        if isinstance(stamp, str) and stamp:
            found.append(stamp)
    return tuple(dict.fromkeys(found))


def first_text(document: dict[str, Any], *names: str) -> str:
    """Return the first text among the named entries; empty when there is none."""
    return next((value for name in names if isinstance(value := document.get(name), str) and value), "")


def _section(part: Section, figures: dict[str, Figure], numbers: Iterator[int]) -> Section:
    """Return a part with its figures and headings numbered."""
    blocks = list(_without_bare_headings(list(_numbered(part.blocks, figures, numbers))))
    count = itertools.count(1)
    numbered = (
        replace(block, number=f"{part.number}.{next(count)}") if isinstance(block, Heading) else block
        for block in blocks
    )
    return replace(part, blocks=tuple(numbered))


def _places(sections: Iterable[Section]) -> Iterator[tuple[str, str]]:
    """Yield every anchor with the words that name its place."""
    for part in sections:
        word = "annex" if part.is_annex else "section"
        yield part.anchor, f"{word} {part.number}"
        for block in part.blocks:
            if isinstance(block, Heading) and block.anchor:
                yield block.anchor, f"{word} {block.number}"


def _with_places(blocks: Iterable[Block], places: dict[str, str]) -> Iterator[Block]:
    """Yield the blocks; a reference names its place, and one that leads nowhere is left out."""
    for block in blocks:
        if not isinstance(block, See):
            yield block
        elif rows := tuple(row for row in block.rows if row[1] in places):
            yield replace(block, rows=rows, places=tuple(places[anchor] for _, anchor in rows))


def _numbered(blocks: Iterable[Block], figures: dict[str, Figure], numbers: Iterator[int]) -> Iterator[Block]:
    """Yield the blocks, figures with their number; a figure that could not be drawn is left out."""
    for block in blocks:
        if not isinstance(block, Picture):
            yield block
        elif block.name in figures:
            yield replace(block, number=next(numbers))


def _without_bare_headings(blocks: list[Block]) -> Iterator[Block]:
    """Yield the blocks without headings that nothing follows before the next heading."""
    for block, following in itertools.pairwise([*blocks, None]):
        if block is not None and not (
            isinstance(block, Heading) and (following is None or isinstance(following, Heading))
        ):
            yield block


def _date(iso: str) -> tuple[int, int, int, int, int, int]:
    """Return the document's date: the end of the run, never the time of rendering."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return EPOCH
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)

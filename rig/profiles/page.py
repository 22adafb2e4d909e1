"""The page about all pumps, ``docs/reference/pump-profiles.md``: made from the data files, never written by hand.

``python -m rig.profiles.page > docs/reference/pump-profiles.md``
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from rig.profiles.claims import Claim, Conditions
from rig.profiles.data_file import marked, read_facts, unknown_keys
from rig.profiles.figures import Figure
from rig.profiles.lists import Alarm, BenchResult, Fact, OcclusionCase
from rig.profiles.marks import MEANINGS, UNKNOWN_MARK
from rig.profiles.pump import data_files
from rig.profiles.strict import Nested, Origin, declared_keys, read_toml
from rig.profiles.tables import PumpFacts
from rig.profiles.words import claim_words, figure_words, row_words

_TOP = """# Pump profiles

What the rig knows of each pump. This page is made from `rig/profiles/data/*.toml` (`python -m rig.profiles.page`);
change those. To describe another pump: [add a pump](../how-to/add-a-pump.md).

Every figure carries a mark that says what kind of source it has:

| mark | meaning |
|---|---|
{marks}
| declared for the twin | the twin's own, of no pump that somebody made |

A check is judged by a pump's claim only where the claim is marked M and bound to no condition, was confirmed by a
named person in the [bench file](bench-file.md), or is declared for the twin. Every other claim decides nothing: the
check is REPORT_ONLY. Bench results are information, never limits. Where sources contradict each other, the rig uses
the first value, and the page shows what the others say.

`data only`: the rig has no driver for the pump; a bench file that names it is refused.

## All pumps

| id | pump | driver | reservoir | dose | basal | bolus | basal claim | bolus claim |
|---|---|---|---|---|---|---|---|---|
{pumps}

The twins {twins} are their pumps but for the claim
declared for them: basal +-5 %; boluses +-5 % from 1 U, +-0.05 U below.
"""


def reference_page() -> str:
    """Return the whole page as Markdown."""
    files = []
    for path in data_files():
        data, text = read_toml(path)
        files.append((path.name, list(read_facts(data, Origin(path.name, text)).values())))
    pumps = [pump for _, members in files for pump in members]
    twins = ", ".join(sorted(f"`{pump.id}`" for pump in pumps if pump.simulated))
    real = [pump for pump in pumps if not pump.simulated]
    parts = [
        _TOP.format(
            marks="\n".join(f"| {mark} | {text} |" for mark, text in MEANINGS.items()),
            pumps="\n".join(_line(pump) for pump in sorted(real, key=lambda pump: (pump.maker, pump.id))),
            twins=twins,
        )
    ]
    known = {pump.id: pump for pump in pumps}
    for name, members in files:
        parts += [_section(pump, known, name) for pump in members if not pump.simulated]
    parts += [_sources_section(pumps), _keys_section()]
    return "\n".join(parts)


def _line(pump: PumpFacts) -> str:
    cells = [f"`{pump.id}`", pump.title, f"`{pump.driver}`" if pump.driver else "data only"]
    cells.append(_cell("reservoir.capacity_u", pump.reservoir.capacity_u))
    cells.append(_cell("delivery.dose_u", pump.delivery.dose_u))
    cells.append(_span("_u_per_h", pump.basal.min_u_per_h, pump.basal.max_u_per_h))
    cells.append(_span("_u", pump.bolus.min_u, pump.bolus.max_u))
    cells += [_claim_cell(pump.claims.basal), _claim_cell(pump.claims.bolus)]
    return f"| {' | '.join(cells)} |"


def _cell(key: str, figure: Figure[Any]) -> str:
    return f"{figure_words(key, figure)} **{figure.mark}**" if figure.known else "?"


def _span(key: str, low: Figure[float], high: Figure[float]) -> str:
    return "?" if not low.known and not high.known else f"{_cell(key, low)} to {_cell(key, high)}"


def _claim_cell(claim: Claim) -> str:
    said = claim.limit_pct if claim.limit_pct is not None else claim.said_pct
    if said is None:
        return "?"
    return f"+-{said:g} % **{claim.mark}**, {'decides' if claim.decides else 'decides nothing'}"


def _section(pump: PumpFacts, known: dict[str, PumpFacts], file: str) -> str:
    base = known.get(pump.like)
    rows = list(_rows(pump))
    lines = [f"\n## {pump.title}: `{pump.id}`\n"]
    driver = f"driver `{pump.driver}`, family {pump.family}" if pump.driver else "**data only**"
    lines.append(f"{pump.maker}; {driver}; `{file}`.")
    if base is not None:
        former = set(_rows(base))
        rows = [row for row in rows if row not in former]
        lines[-1] += f" As `{base.id}`, but for:"
    else:
        rows = [row for row in rows if row[2:] != (UNKNOWN_MARK, "")]  # they are listed below
    lines += ["", "| what | value | mark | source and notes |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(_safe(cell) for cell in row)} |" for row in rows]
    if base is None:
        lines += ["", f"Not known: {', '.join(f'`{key}`' for key in unknown_keys(pump))}."]
    return "\n".join(lines)


def _rows(pump: PumpFacts) -> Iterator[tuple[str, str, str, str]]:
    """Yield what is known of a pump, a row each; contradictions stand in the row of their figure."""
    for path, item in marked(pump):
        key = ".".join(path)
        if key.endswith(".also"):
            continue
        if isinstance(item, Figure):
            yield f"`{key}`", figure_words(key, item), item.mark, _notes(key, item)
        elif isinstance(item, Claim):
            yield f"`{key}`", claim_words(item), item.mark, _where(item.source)
        else:
            notes = [part for part in (getattr(item, "note", ""), _where(item.source)) if part]
            yield f"`{key}`", row_words(item), item.mark, "; ".join(notes)


def _notes(key: str, figure: Figure[Any]) -> str:
    parts = [figure.note, _where(figure.source)]
    for other in figure.also:
        note = f" ({other.note})" if other.note else ""
        parts.append(f"also: {figure_words(key, other)} **{other.mark}**{note} {_where(other.source)}".rstrip())
    return "; ".join(part for part in parts if part)


def _where(keys: tuple[str, ...]) -> str:
    return f"[{', '.join(keys)}]" if keys else ""


def _safe(text: str) -> str:
    return text.replace("|", "\\|")


def _sources_section(pumps: list[PumpFacts]) -> str:
    sources = {key: source for pump in pumps for key, source in pump.sources}
    rows = [f"| `{key}` | {source.mark} | {_safe(source.text)} |" for key, source in sorted(sources.items())]
    return "\n".join(["\n## Sources", "", "| key | mark | document |", "|---|---|---|", *rows])


_FIGURE = (
    'A figure is `{ value = ..., mark = "C", source = ["key"], note = "...", also = [...] }`; `source` names keys of',
    "`[sources]` and is needed for M, C, P and W. Times are in seconds, whatever this page shows.",
)


def _keys_section() -> str:
    """Return the keys of a data file: one table for each table of the file."""
    lines = ["\n## Keys of a data file", "", *_FIGURE]
    lines += ["", "### `[pumps.ID]` and `[shared]`", "", *_key_rows(PumpFacts)]
    for item in declared_keys(PumpFacts):
        if isinstance(item.kind, Nested):
            lines += ["", f"### `[pumps.ID.{item.name}]`", "", *_key_rows(item.kind.table)]
    for title, table in (
        ("rows of `occlusion.cases`", OcclusionCase),
        ("rows of `alarms`", Alarm),
        ("rows of `results`", BenchResult),
        ("rows of `facts`", Fact),
        ("`claims.basal`, `claims.bolus`", Claim),
        ("`conditions` of a claim", Conditions),
    ):
        lines += ["", f"### {title}", "", *_key_rows(table)]
    return "\n".join(lines) + "\n"


def _key_rows(table: Any) -> list[str]:
    rows = [f"| `{item.name}` | {'yes' if item.required else ''} | {item.doc} |" for item in declared_keys(table)]
    return ["| key | needed | meaning |", "|---|---|---|", *rows]


def main() -> None:
    """Write the page to the standard output."""
    sys.stdout.write(reference_page())


if __name__ == "__main__":
    main()

"""What ``rig analyse LOG.csv`` prints and draws: tables for a terminal, figures as SVG and PNG. Computes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from reports.blocks import Figure
from reports.figures import basal, bolus, time
from reports.formatting import MINUS, NBSP, amount, clean, elapsed, fixed, general
from reports.late import late
from reports.reading import mapping, rows, text, texts

PIXELS_PER_INCH = 150.0
SIGNS = f"+-<> {MINUS}"
LIMITS = (5, 10, 15, 20, 25, 30)


def log_text(document: dict[str, Any]) -> str:
    """Return one document, or several logs with their figures over pumps, as text for a terminal."""
    held = mapping(clean(document))
    if "logs" not in held:
        return _plain(_one(held))
    lines: list[str] = []
    for item in rows(held["logs"]):
        lines += [*_one(item), ""]
    return _plain([*lines, *_over_pumps(mapping(held.get("over_pumps")))])


def write_figures(document: dict[str, Any], curves: dict[str, Any], folder: Path, stem: str) -> list[Path]:
    """Write what can be drawn into ``folder``, each as SVG and PNG; return the files. ``stem`` begins their names."""
    written = []
    for figure in _figures(document, curves):
        name = f"{stem}-{figure.name}" if stem else figure.name
        for suffix, data in ((".svg", figure.svg.encode()), (".png", _png(figure))):
            path = folder / f"{name}{suffix}"
            path.write_bytes(data)
            written.append(path)
    return written


def _figures(document: dict[str, Any], curves: dict[str, Any]) -> list[Figure]:
    """Return the figures of a log, drawn as those of a run are."""
    held: dict[str, Any]
    if "boluses" in document:
        held = {"analysis": {"boluses": {"items": document["boluses"]}}}
        drawn = [bolus.errors(held)]
    else:
        first_s = mapping(document.get("log")).get("first_time_s") or 0.0
        from_s = first_s + (mapping(document.get("method")).get("start_s") or 0.0)
        held = {"gaps": document.get("gaps") or []}
        drawn = [
            time.cumulative(held, curves),
            time.startup(held, curves),
            basal.trumpet(held, document, "trumpet"),
            basal.windows_1h(held, document | {"from_s": from_s}, "windows-1h"),
        ]
    return [figure for figure in drawn if figure is not None]


def _png(figure: Figure) -> bytes:
    """Return a figure as PNG on white, set with the fonts that the plotting library brings."""
    fonts = Path(late("matplotlib").get_data_path()) / "fonts" / "ttf"
    page = '#set page(width: auto, height: auto, margin: 6pt, fill: white)\n#image("figure.svg")\n'
    made: object = late("typst").compile(
        {"main.typ": page.encode(), "figure.svg": figure.svg.encode()},
        format="png",
        ppi=PIXELS_PER_INCH,
        font_paths=[str(fonts)],
        ignore_system_fonts=True,
    )
    if not isinstance(made, bytes):
        raise TypeError(f"the typesetter returned {type(made).__name__}, expected the bytes of one PNG")
    return made


def _one(document: dict[str, Any]) -> list[str]:
    """Return one log as lines."""
    log = mapping(document.get("log"))
    span_s = (log.get("last_time_s") or 0.0) - (log.get("first_time_s") or 0.0)
    lines = [f"{text(log.get('file'))}: {text(log.get('readings'))} readings over {elapsed(span_s)} (h:mm:ss)"]
    lines += _boluses(document) if "boluses" in document else _basal(document)
    lines += _method(mapping(document.get("method")))
    lines += _budget(document)
    lines += [f"  note: {note}" for note in texts(document.get("notes"))]
    return [*lines, f"  {_outcome(document)}: {text(document.get('why'))}"]


def _basal(document: dict[str, Any]) -> list[str]:
    """Return the tables of a basal log."""
    method = mapping(document.get("method"))
    lines = [
        "",
        f"  overall error  {fixed(document.get('overall_error_pct'), 3, signed=True)} %{_uncertainty(document)}",
        (
            f"  delivered      {fixed(document.get('delivered_u'), 4)} U of {fixed(document.get('expected_u'), 4)} U, "
            f"analysis from {elapsed(method.get('analysis_from_s'))} to {elapsed(method.get('analysis_to_s'))}"
        ),
        "",
    ]
    points = rows(document.get("trumpet"))
    lines += _table(
        ("window min", "windows", "smallest %", "largest %"),
        [
            (
                general(point["window_min"], 6),
                text(point["count"]),
                fixed(point["min_pct"], 3, signed=True),
                fixed(point["max_pct"], 3, signed=True),
            )
            for point in points
        ],
        "trumpet curve" if points else "trumpet curve: none",
    )
    hours = mapping(document.get("windows_1h"))
    lines += [
        (
            f"  one-hour windows  n = {text(hours.get('count'))}, "
            f"mean {fixed(hours.get('mean_pct'), 3, signed=True)} %, "
            f"SD {fixed(hours.get('sd_pct'), 3)} %, MARD {fixed(hours.get('mard_pct'), 3)} %, "
            f"median |error| {fixed(hours.get('median_abs_pct'), 3)} %"
        ),
        f"  {_within(hours)}",
        "",
    ]
    return lines + _table(
        ("at h", "delivered U"),
        [(general(item["at_h"], 6), fixed(item["delivered_u"], 4)) for item in rows(document.get("cumulative"))],
        "cumulative from the start",
    )


def _boluses(document: dict[str, Any]) -> list[str]:
    """Return the tables of a bolus log."""
    lines = [
        "",
        (
            f"  mean error  {fixed(document.get('mean_error_pct'), 3, signed=True)} %{_uncertainty(document)}, "
            f"n = {text(document.get('count'))}, SD {fixed(document.get('sd_pct'), 3)} %, "
            f"{fixed(document.get('min_pct'), 3, signed=True)} to {fixed(document.get('max_pct'), 3, signed=True)} %"
        ),
        f"  {_within(document)}",
        "",
    ]
    items = rows(document.get("boluses"))
    lines += _table(
        ("start s", "set U", "measured U", "error %", "U %"),
        [
            (
                general(item["start_s"], 12),
                amount(item["set_u"]),
                fixed(item["measured_u"], 5),
                fixed(item["error_pct"], 3, signed=True),
                fixed(item.get("expanded_uncertainty_pct"), 2),
            )
            for item in items
        ],
        "boluses",
    )
    return lines + _bins(rows(document.get("bins")), len(items))


def _bins(bins: Sequence[dict[str, Any]], count: int) -> list[str]:
    """Return FDA layout C."""
    found = [(_range(item), text(item["count"]), fixed(100.0 * item["count"] / max(count, 1), 1)) for item in bins]
    return _table(("% of command", "boluses", "share %"), found, "bins (layout C)")


def _range(item: dict[str, Any]) -> str:
    """Return the bounds of a bin."""
    lower, upper = item.get("lower_pct"), item.get("upper_pct")
    if lower is None:
        return f"< {upper}"
    return f"> {lower}" if upper is None else f"{lower} to {upper}"


def _over_pumps(over: dict[str, Any]) -> list[str]:
    """Return the figures over several pumps."""
    lines = [f"over {text(over.get('count'))} pumps (one log, one pump)", ""]
    lines += _table(
        ("at h", "pumps", "requested U", "median U", "lowest U", "highest U"),
        [
            (
                general(item["at_h"], 4),
                text(item["count"]),
                fixed(item["requested_u"], 3),
                fixed(item["median_u"], 4),
                fixed(item["min_u"], 4),
                fixed(item["max_u"], 4),
            )
            for item in rows(over.get("cumulative"))
        ],
        "cumulative (layout A)",
    )
    lines += _table(
        ("pump", "boluses", "mean error %"),
        [
            (text(item["file"]), text(item["count"]), fixed(item["mean_error_pct"], 3, signed=True))
            for item in rows(over.get("per_pump"))
        ],
        "means of the pumps",
    )
    pooled = mapping(over.get("pooled"))
    if pooled:
        lines += [
            (
                f"  pooled boluses  n = {text(pooled.get('count'))}, mean "
                f"{fixed(pooled.get('mean_error_pct'), 3, signed=True)} %, SD {fixed(pooled.get('sd_pct'), 3)} %"
            ),
            f"  {_within(pooled)}",
            "",
            *_bins(rows(pooled.get("bins")), pooled.get("count") or 0),
        ]
    interval = mapping(over.get("tolerance_interval"))
    if interval:
        lines.append(
            f"  tolerance interval {100 * interval['coverage']:g}/{100 * interval['confidence']:g} of the "
            f"{interval['of']}, n = {interval['n']} pumps: {fixed(interval['lower_pct'], 2, signed=True)} to "
            f"{fixed(interval['upper_pct'], 2, signed=True)} %"
        )
    return [*lines, *(f"  note: {note}" for note in texts(over.get("notes")))]


def _uncertainty(document: dict[str, Any]) -> str:
    """Return U, or that none is stated."""
    value = document.get("expanded_uncertainty_pct")
    return ", uncertainty not stated (no --budget)" if value is None else f" ± {fixed(value, 3)} % (k = 2)"


def _within(source: dict[str, Any]) -> str:
    """Return the shares within the usual limits."""
    held = [f"±{limit} %: {fixed(source.get(f'within_{limit}_pct'), 1)}" for limit in LIMITS]
    return f"% within {', '.join(held)}"


def _method(method: dict[str, Any]) -> list[str]:
    """Return how mass became insulin, assumptions named."""
    air = mapping(method.get("air"))
    values = ", ".join(
        f"{fixed(mapping(air.get(name)).get('value'), 2)} {unit} ({text(mapping(air.get(name)).get('source'))})"
        for name, unit in (("temperature_c", "C"), ("humidity_pct", "%RH"), ("pressure_hpa", "hPa"))
    )
    lines = [
        (
            f"  liquid         {text(method.get('liquid'))}, {fixed(method.get('density_kg_per_m3'), 4)} kg/m3: "
            f"{text(method.get('density_source'))}"
        ),
        f"  air            {values}",
    ]
    rho = method.get("air_density_kg_per_m3")
    corrected = f"standard, air {fixed(rho, 5)} kg/m3" if rho is not None else "none: volume = mass/density"
    lines.append(f"  buoyancy       {corrected}; {fixed(method.get('ul_per_mg'), 6)} uL/mg")
    if method.get("rate_u_per_h") is not None and "baseline_s" in method:
        lines.append(f"  basal          {general(method['rate_u_per_h'])} U/h subtracted under the boluses")
    return [
        *lines,
        f"  evaporation    {general(method.get('evaporation_mg_per_h'))} mg/h added back",
        f"  concentration  {general(method.get('concentration_u_per_ml'))} U/mL",
    ]


def _budget(document: dict[str, Any]) -> list[str]:
    """Return the lines of the budget."""
    found = rows(document.get("budget"))
    return (
        [
            "",
            *_table(
                ("contribution %", "u", "unit", "component", "source"),
                [
                    (
                        fixed(line["contribution"], 4),
                        general(line["standard_uncertainty"], 3),
                        text(line["unit"]),
                        text(line["name"]),
                        text(line["source"]),
                    )
                    for line in found
                ],
                "uncertainty budget",
            ),
        ]
        if found
        else []
    )


def _outcome(document: dict[str, Any]) -> str:
    """Return the outcome as words."""
    return text(document.get("outcome")).replace("_", " ")


def _table(head: Sequence[str], lines: Iterable[Sequence[str]], title: str) -> list[str]:
    """Return a table with right-aligned columns, nothing but a title without a colon where there are no rows."""
    body = list(lines)
    if not body:
        return [f"  {title}", ""] if ":" in title else []
    widths = [max(len(row[column]) for row in [head, *body]) for column in range(len(head))]
    words = [not any(row[column].lstrip(SIGNS)[:1].isdigit() for row in body) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if word else cell.rjust(width)
            for cell, width, word in zip(row, widths, words, strict=True)
        ]
        return f"    {'  '.join(cells)}".rstrip()

    return [f"  {title}", line(head), *(line(row) for row in body), ""]


def _plain(lines: Sequence[str]) -> str:
    """Return the lines with the plain signs that every terminal shows and every search finds."""
    return "\n".join(lines).replace(NBSP, " ").replace(MINUS, "-").replace("±", "+-").replace("—", "-") + "\n"

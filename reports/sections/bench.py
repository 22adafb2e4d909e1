"""Parts 3 to 8: device, equipment, configuration, method, environment, fitness of the bench."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Facts, Heading, Paragraph, Picture, Section, Table, cells, columns
from reports.formatting import UNKNOWN, as_number, decimals_for, elapsed, fixed, general, with_unit
from reports.reading import first, mapping, rows, text
from reports.sections.facts import facts

NOT_RECORDED = "Not recorded in this run."
INSTRUMENTS = ("balance", "supply", "meter", "dmm", "environment", "thermometer", "pressure", "valve")
SERIALS = ("serial", "serial_number", "serials")

DECISION = (
    "With result y, expanded uncertainty U = 2u and limits [L, H]: PASS when L ≤ y − U and y + U ≤ H; FAIL when "
    "y + U < L or y − U > H; INCONCLUSIVE otherwise. Without a sourced limit a check is REPORT ONLY; where the bench "
    "broke during the interval it is INVALID. A proportion is judged by its 95 % Clopper-Pearson interval in place of "
    "y ± U. The pump's own scatter is never part of u."
)
MODEL = (
    "Delivered volume is weighed: the change of the balance reading over an interval, corrected for evaporation "
    "(blank runs with the pump stopped), air buoyancy and the immersed tube where the bench states one, divided by the "
    "density of the liquid. Uncertainty follows the GUM (JCGM 100:2008); components and sources are in section 13. "
    "10 µL is 1 U at U-100."
)
ENVELOPE = (
    "The programmed volume (SET) is the integral of the programmed rate. A pump delivers it in doses of fixed size, so "
    "short windows scatter even for a perfect pump: the shaded band in a trumpet curve is what equal, ideal pulses of "
    "unknown phase would show."
)


def device(document: dict[str, Any]) -> Section:
    """Return part 3."""
    held = facts(mapping(document.get("pump")))
    blocks: tuple[Block, ...] = (Facts(held),) if held else (Paragraph(NOT_RECORDED, "muted"),)
    return Section(3, "device", "Device under test", blocks)


def equipment(document: dict[str, Any]) -> Section:
    """Return part 4: what measured, and whether it was calibrated."""
    bench = mapping(document.get("bench"))
    body = []
    for role in INSTRUMENTS:
        held = {**mapping(bench.get(role)), **_identity(document, role)}
        if first(held, ("model", "protocol", *SERIALS)) is None:
            continue
        calibration = mapping(held.get("calibration"))
        body.append(
            cells(
                role.capitalize(),
                text(first(held, ("model", "protocol"))) or UNKNOWN,
                text(first(held, SERIALS)) or UNKNOWN,
                with_unit(general(held.get("resolution_mg")), "mg"),
                text(calibration.get("certificate") or held.get("certificate")) or "none stated",
                text(calibration.get("due") or held.get("calibration_due")) or UNKNOWN,
            )
        )
    body += [
        cells(
            f"Air: {', '.join(str(each) for each in held.get('measures') or ())}",
            text(held.get("model")) or UNKNOWN,
            text(held.get("serial")) or UNKNOWN,
            UNKNOWN,
            text(held.get("certificate")) or "none stated",
            text(held.get("calibration_due")) or UNKNOWN,
        )
        for held in rows(bench.get("air_sensors"))
    ]
    blocks: list[Block] = []
    if body:
        head = columns("Role", "*Model", "*Serial number", ">Resolution", "*Certificate", "Due")
        blocks.append(Table(head, tuple(body), "Measuring equipment and calibration"))
    detail = facts(bench)
    if detail:
        blocks += [Heading("The bench as used"), Facts(detail)]
    return Section(4, "equipment", "Equipment and calibration", tuple(blocks) or (Paragraph(NOT_RECORDED, "muted"),))


def _identity(document: dict[str, Any], role: str) -> dict[str, Any]:
    """Return what an instrument said of itself when the run was armed; that outranks what the bench file expects."""
    armed = next((event for event in rows(document.get("events")) if event.get("name") == "armed"), {})
    told = mapping(mapping(armed.get("data")).get(role))
    return {key: value for key, value in told.items() if value not in (None, "")}


def configuration(document: dict[str, Any]) -> Section:
    """Return part 5: tool, scenario, profile and what else decides a result."""
    tool = facts(mapping(document.get("tool")), prefix="tool ")
    pump = mapping(document.get("pump"))
    held = (
        *tool,
        ("Result schema", text(document.get("schema")) or UNKNOWN),
        ("Scenario", text(document.get("scenario")) or UNKNOWN),
        ("Pump profile", text(first(pump, ("profile", "profile_id"))) or UNKNOWN),
        ("Evidence", text(document.get("evidence")) or UNKNOWN),
        *facts(mapping(document.get("configuration"))),
    )
    return Section(5, "configuration", "Configuration record", (Facts(held),))


def method(document: dict[str, Any]) -> Section:
    """Return part 6: how volume was measured and how a check is decided."""
    rules = sorted({text(check.get("decision_rule")) for check in rows(document.get("checks"))} - {""})
    blocks: list[Block] = [
        Heading("Measurement"),
        Paragraph(MODEL),
        Paragraph(ENVELOPE),
        Heading("Decision rule"),
        Paragraph(DECISION),
    ]
    if rules:
        blocks.append(Table(columns("*Rule as recorded with the checks"), tuple(cells(rule) for rule in rules)))
    return Section(6, "method", "Method", tuple(blocks))


def environment(document: dict[str, Any]) -> Section:
    """Return part 7: the air around the balance."""
    ambient = mapping(mapping(document.get("analysis")).get("ambient"))
    body = tuple(
        cells(name, with_unit(fixed(ambient.get(key), 2), unit), with_unit(general(ambient.get(f"u_{key}")), unit))
        for name, key, unit in (
            ("Air temperature", "temperature_c", "°C"),
            ("Relative humidity", "humidity_pct", "%"),
            ("Air pressure", "pressure_hpa", "hPa"),
        )
        if as_number(ambient.get(key)) is not None
    )
    if not body:
        return Section(7, "environment", "Environment", (Paragraph(NOT_RECORDED, "muted"),))
    source = text(ambient.get("source"))
    table = Table(
        columns("*Quantity", ">Value", ">Standard uncertainty"),
        body,
        "Ambient conditions",
        f"Source: {source}." + _unknown_air(ambient) if source else "",
    )
    return Section(7, "environment", "Environment", (table,))


def _unknown_air(ambient: dict[str, Any]) -> str:
    """Return for how long no sensor told the air, or nothing."""
    gaps_s = as_number(ambient.get("gaps_s")) or 0.0
    return f" Not known for {fixed(gaps_s / 60.0, 1)} min: see the gaps." if gaps_s else ""


def fitness(document: dict[str, Any]) -> Section:
    """Return part 8: what the bench showed with the pump stopped."""
    blank = mapping(mapping(document.get("analysis")).get("blank"))
    body = tuple(
        cells(
            f"Blank {which}",
            elapsed(part.get("duration_s")),
            with_unit(_rounded(part.get("slope_mg_per_h"), part.get("u_slope_mg_per_h")), "mg/h"),
            with_unit(general(part.get("u_slope_mg_per_h"), 2), "mg/h"),
            with_unit(general(part.get("noise_mg"), 2), "mg"),
            with_unit(general(part.get("drift_mg"), 2), "mg"),
        )
        for which in ("before", "after")
        if (part := mapping(blank.get(which)))
    )
    blocks: list[Block] = []
    if body:
        head = columns("*Run with the pump stopped", ">Duration", ">Slope", ">u(slope)", ">Noise", ">Drift")
        blocks.append(Table(head, body, "Blank runs"))
    rate, spread = blank.get("evaporation_mg_per_h"), blank.get("u_evaporation_mg_per_h")
    if as_number(rate) is not None:
        shown = with_unit(_rounded(rate, spread), "mg/h")
        limit = (
            f", standard uncertainty {with_unit(general(spread, 2), 'mg/h')}" if as_number(spread) is not None else ""
        )
        blocks.append(Paragraph(f"Evaporation used for the correction: {shown}{limit}."))
    extra = facts(blank, skip=frozenset({"before", "after", "evaporation_mg_per_h", "u_evaporation_mg_per_h"}))
    if extra:
        blocks.append(Facts(extra))
    blocks.append(Picture("blank", "Balance reading with the pump stopped."))
    if len(blocks) == 1:
        blocks.insert(0, Paragraph("No blank runs in this run.", "muted"))
    return Section(8, "fitness", "Fitness of the bench", tuple(blocks))


def _rounded(value: Any, standard_uncertainty: Any) -> str:
    """Return a value to the digits that its standard uncertainty supports."""
    return fixed(value, decimals_for(standard_uncertainty))

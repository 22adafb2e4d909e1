"""What ``rig analyse LOG.csv --occlusion`` prints: one table for each occlusion, what follows for other rates."""

from __future__ import annotations

import math
from typing import Any

from reports.formatting import UNKNOWN, amount, as_number, decimals_for, elapsed, fixed, general
from reports.reading import mapping, rows, text
from reports.text_table import text_table

QUANTITIES = (
    ("time_to_alarm", "time to alarm"),
    ("programmed", "programmed from the level before the closing"),
    ("came_out", "came out, weighed"),
    ("missed", "missed"),
    ("missed_by_rate", "missed by rate x time (as labels quote it)"),
    ("leaked_after_alarm", "came out between alarm and opening"),
    ("released", "released"),
    ("released_in_60_s", "released in the first 60 s"),
    ("released_share", "released / missed"),
    ("time_constant", "time constant of the release"),
    ("compliance", "effective compliance"),
    ("set_resistance", "resistance of the open line"),
)
SHARE_SHOWN = 0.01  # of the variance: smaller lines of a budget are in the JSON


def occlusion_lines(document: dict[str, Any]) -> list[str]:
    """Return the tables of an occlusion log."""
    lines = ["", f"  test: {_stated(mapping(document.get('method')))}", ""]
    for number, item in enumerate(rows(document.get("occlusions")), 1):
        lines += [f"  occlusion {number}: {_instants(item)}", *_table(item)]
    mean = mapping(document.get("mean_missed"))
    if mean and sum(item.get("time_to_alarm") is not None for item in rows(document.get("occlusions"))) > 1:
        lines += [f"  mean missed volume of the occlusions with an alarm: {_told(mean)}", ""]
    return [*lines, *_pinch(mapping(document.get("pinch"))), *_predictions(document)]


def _stated(method: dict[str, Any]) -> str:
    """Return what was stated of the test, unknown parts as what they count as."""
    dose, poll, stamps, after = (method.get(name) for name in ("dose_u", "alarm_poll_s", "stamps_s", "after_u_per_h"))
    told = [
        f"{amount(method.get('rate_u_per_h'))} U/h",
        "continuous flow (no --dose)" if dose is None else f"doses of {amount(dose)} U",
        "alarm seen at once (no --alarm-poll)" if poll is None else f"alarm looked for every {general(poll)} s",
        "event times exact (no --stamps)" if stamps is None else f"event times within {general(stamps)} s",
        "stopped from the alarm on (no --after)" if after is None else f"{amount(after)} U/h from the opening on",
    ]
    pressure, half = method.get("alarm_pressure_kpa"), method.get("alarm_pressure_half_width_kpa")
    if pressure is not None:
        told.append(f"alarm at {general(pressure)} kPa" + ("" if half is None else f" ± {general(half)} kPa"))
    return ", ".join(told)


def _instants(item: dict[str, Any]) -> str:
    """Return when what happened, on the clock of the log."""
    told = [f"clamp closed at {general(item['closed_s'], 12)} s"]
    alarm_s, opened_s = item.get("alarm_s"), item.get("opened_s")
    told.append("no alarm" if alarm_s is None else f"alarm at {general(alarm_s, 12)} s")
    told.append("never opened" if opened_s is None else f"opened at {general(opened_s, 12)} s")
    if opened_s is not None:
        until = general(item.get("collected_until_s"), 12)
        told.append(f"collected until {until} s" + ("" if item.get("settled") else ", not settled"))
    return ", ".join(told)


def _table(item: dict[str, Any]) -> list[str]:
    """Return the values of one occlusion, and what the uncertainty of its missed volume is made of."""
    held = [(words, mapping(item.get(key))) for key, words in QUANTITIES if item.get(key) is not None]
    values = [(words, *_value(value), _unit(value)) for words, value in held]
    lines = text_table(("", "value", "U (k = 2)", "unit"), values, "measured")
    budget = rows(mapping(item.get("missed")).get("budget"))
    variance = sum(line["contribution"] ** 2 for line in budget)
    shown = [line for line in budget if line["contribution"] ** 2 >= SHARE_SHOWN * variance > 0.0]
    return lines + text_table(
        ("contribution U", "component", "source"),
        [(fixed(line["contribution"], 5), text(line["name"]), text(line["source"])) for line in shown],
        "uncertainty budget of the missed volume (1 % of the variance and more)",
    )


def _value(value: dict[str, Any]) -> tuple[str, str]:
    """Return value and U to the same decimals; U is a dash where none is stated."""
    spread = value.get("expanded_uncertainty")
    if as_number(spread) is None:
        return _digits(value.get("value")), UNKNOWN
    decimals = decimals_for(spread)
    return fixed(value.get("value"), decimals), fixed(spread, decimals)


def _digits(value: Any) -> str:
    """Return a value that has no uncertainty with four digits, whole ones all of them."""
    number = as_number(value)
    if number is None or number == 0.0:
        return fixed(value, 0)
    return fixed(number, min(6, max(0, 3 - math.floor(math.log10(abs(number))))))


def _unit(value: dict[str, Any]) -> str:
    unit = text(value.get("unit"))
    return "" if unit == "1" else unit


def _told(value: dict[str, Any]) -> str:
    """Return ``value ± U unit`` on one line."""
    shown, spread = _value(value)
    return f"{shown} ± {spread} {_unit(value)} (k = 2)" if spread != UNKNOWN else f"{shown} {_unit(value)}"


def _pinch(pinch: dict[str, Any]) -> list[str]:
    """Return what the clamp itself moves."""
    if not pinch:
        return []
    closing, opening = (_told(mapping(pinch.get(name))) for name in ("closing", "opening"))
    return [f"  the clamp itself, n = {text(pinch.get('count'))}: closing {closing}, opening {opening}", ""]


def _predictions(document: dict[str, Any]) -> list[str]:
    """Return when alarms are expected at other rates."""
    return text_table(
        ("at U/h", "alarm after", "earliest", "latest", "pulses"),
        [
            (
                general(item["rate_u_per_h"], 6),
                elapsed(mapping(item["time_to_alarm"]).get("value")),
                elapsed(item.get("lower_s")),
                elapsed(item.get("upper_s")),
                UNKNOWN if item.get("pulses") is None else text(item["pulses"]),
            )
            for item in rows(document.get("predictions"))
        ],
        "alarms expected at other rates, as h, min and s",
    )

"""What the pump lived from: voltage and current of its supply as they were read, for tables, a figure and two measures.

Readings are taken one at a time after weighings, so that a motor pulse between two of them is never seen: the mean of
many says what the pump draws, its largest is only the largest of those that were read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rig.judging.interval import window
from rig.judging.items import Derivation, Item, Measured, NotMeasurableError
from rig.judging.thinning import thinned
from rig.judging.view import RunView
from rig.metrology.budget import Budget, Component, rectangular
from rig.record.electrical import Electrical
from rig.record.reader import Event
from rig.results import Finding
from rig.scenario.model import Check

METER: Final = "meter"
SUPPLY: Final = "supply"
LEAST_READINGS: Final = 30
LONGEST_GAP: Final = 5.0  # of the usual time between two readings


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the pump's own view of its battery, while ``set_v`` was set."""

    at_s: float
    set_v: float
    low: bool


def electrical_table(view: RunView) -> dict[str, Any]:
    """Return what the supply and the meter read over the run, and what the supply did; empty where there is neither."""
    found: dict[str, Any] = {}
    for name in (SUPPLY, METER):
        readings = [each for each in view.record.electrical if each.name == name]
        if readings:
            found[name] = _summary(readings)
    done = _deeds(view)
    if done:
        found["deeds"] = done
    alarm = low_alarm(_looks(view))
    if alarm is not None:
        before, after = alarm
        found["battery_low"] = {"not_low_at_v": before.set_v, "low_at_v": after.set_v, "seen_s": after.at_s}
    return found


def electrical_curve(view: RunView) -> dict[str, Any]:
    """Return voltage and current over the run, thinned; the meter's current where there is one."""
    record = view.record.electrical
    voltages = [each for each in record if each.voltage_v is not None]
    currents = [each for each in record if each.name == METER and each.current_a is not None]
    currents = currents or [each for each in record if each.current_a is not None]
    found: dict[str, Any] = {}
    if voltages:
        found["voltage"] = _curve(view, voltages, [each.voltage_v or 0.0 for each in voltages], "volts")
    if currents:
        milliamperes = [1000.0 * (each.current_a or 0.0) for each in currents]
        found["current"] = {"by": currents[0].name, **_curve(view, currents, milliamperes, "milliamperes")}
    return found


def electrical_findings(view: RunView) -> list[Finding]:
    """Return when the pump was without supply, mute, or called its battery low, and overloads of the meter."""
    found = []
    for event in view.record.events:
        at_s = view.seconds(event.at_ns)
        if event.name == "supply_interrupted":
            text = f"the pump's supply was interrupted for {float(event.data['off_s']):.3g} s, as the scenario asked"
            found.append(Finding("supply-interrupted", text, at_s, at_s))
        elif event.name == "supply_on":
            off_s = float(event.data["off_s"])
            text = f"the pump was without supply for {off_s:.3g} s, as the scenario asked"
            found.append(Finding("supply-off", text, at_s - off_s, at_s))
    mute = [event for event in view.record.events if event.name == "battery_unread"]
    if mute:
        text = f"at {float(mute[0].data['set_v']):g} V the pump did not answer"
        found.append(Finding("pump-mute", text, view.seconds(mute[0].at_ns)))
    alarm = low_alarm(_looks(view))
    if alarm is not None:
        before, after = alarm
        text = f"the pump called its battery low between {before.set_v:g} V and {after.set_v:g} V"
        found.append(Finding("battery-low", text, before.at_s, after.at_s))
    over = [each for each in view.record.electrical if each.current_a is None]
    if over:
        text = f"{len(over)} readings of the current were overloads: the meter's range is too small"
        found.append(Finding("meter-overload", text, view.seconds(over[0].at_ns), view.seconds(over[-1].at_ns)))
    return found


def low_alarm(looks: Sequence[Look]) -> tuple[Look, Look] | None:
    """Return the look before the first one at which the battery was low, and the one from which on it stayed so.

    A motor pulse at the moment of a look may pull the voltage below the threshold: an alarm that comes and goes while
    the voltage falls lies somewhere between the two. None where the battery was never seen to turn low, or to stay so.
    """
    for index, (before, first) in enumerate(pairwise(looks)):
        if first.low and not before.low:
            falling = _falling(looks[index + 1 :])
            back = max((number for number, look in enumerate(falling) if not look.low), default=-1)
            return (before, falling[back + 1]) if back + 1 < len(falling) else None
    return None


def _falling(looks: Sequence[Look]) -> Sequence[Look]:
    """Return the looks up to where the voltage was raised."""
    for number, (before, after) in enumerate(pairwise(looks), start=1):
        if after.set_v > before.set_v:
            return looks[:number]
    return looks


def measure_low_alarm(check: Check, view: RunView) -> Measured:
    """Return the voltage at which the pump called its battery low: the middle between the two looks of `low_alarm`.

    u: half the distance of the two as a rectangle, and what the bench file states of the supply's voltage.
    """
    from_s, to_s = window(check, view)
    alarm = low_alarm([each for each in _looks(view) if from_s <= each.at_s <= to_s])
    if alarm is None:
        raise NotMeasurableError("the pump was not seen to call its battery low, or was not asked before that")
    before, after = alarm
    supply = view.evidence.bench.supply
    if supply is None or supply.u_voltage_v is None:
        raise NotMeasurableError("the bench file states no u_voltage_v of the supply")
    value = 0.5 * (before.set_v + after.set_v)
    budget = Budget(
        "V",
        (
            Component(
                "between two looks", rectangular(0.5 * abs(before.set_v - after.set_v)), "V", source="the record"
            ),
            Component("voltage of the supply", supply.u_voltage_v, "V", source="bench file", shared=True),
        ),
    )
    formula = "the middle of the voltages at the last look before the first alarm and at the first of those that stayed"
    numbers = (("not_low_at_v", before.set_v), ("low_at_v", after.set_v))
    item = Item(
        "", before.at_s, after.at_s, value, budget.combined, budget, derivation=Derivation(formula, numbers=numbers)
    )
    return Measured(from_s, to_s, (item,))


def measure_current(check: Check, view: RunView) -> Measured:
    """Return the mean current into the pump in mA, by the meter, else by the supply.

    u: the whole standard deviation of the readings, without credit for their number, because what the pump draws
    between them is not seen and may follow their rhythm; and what the bench file states of the instrument.
    """
    from_s, to_s = window(check, view)
    name, u_a = _ammeter(view)
    inside = [
        each for each in view.record.electrical if each.name == name and from_s <= view.seconds(each.at_ns) <= to_s
    ]
    values = _whole(view, inside, from_s, to_s)
    budget = Budget(
        "mA",
        (
            Component("current between readings", float(np.std(values, ddof=1)), "mA", evaluation="A"),
            Component(f"current of the {name}", 1000.0 * u_a, "mA", source="bench file", shared=True),
        ),
    )
    derivation = Derivation("the mean of the readings", numbers=(("readings", float(len(values))),))
    item = Item("", from_s, to_s, float(np.mean(values)), budget.combined, budget, derivation=derivation)
    return Measured(from_s, to_s, (item,))


def _ammeter(view: RunView) -> tuple[str, float]:
    bench = view.evidence.bench
    if any(each.name == METER for each in view.record.electrical):
        u_a = None if bench.meter is None else bench.meter.u_current_a
        name = METER
    else:
        u_a = None if bench.supply is None else bench.supply.u_current_a
        name = SUPPLY
    if u_a is None:
        raise NotMeasurableError(f"the bench file states no u_current_a of the {name}")
    return name, u_a


def _whole(view: RunView, inside: Sequence[Electrical], from_s: float, to_s: float) -> npt.NDArray[np.float64]:
    """Return the currents in mA; raises `NotMeasurableError` unless they cover the whole window as numbers."""
    if len(inside) < LEAST_READINGS:
        raise NotMeasurableError(f"{len(inside)} readings of the current, of {LEAST_READINGS} at least")
    if any(each.current_a is None for each in inside):
        raise NotMeasurableError("a reading of the current was an overload")
    times = np.array([from_s, *(view.seconds(each.at_ns) for each in inside), to_s])
    steps = np.diff(times)
    if float(steps.max()) > LONGEST_GAP * float(np.median(steps)):
        raise NotMeasurableError(f"no reading of the current for {float(steps.max()):.0f} s")
    return np.array([1000.0 * (each.current_a or 0.0) for each in inside], dtype=np.float64)


def _looks(view: RunView) -> list[Look]:
    return [
        Look(view.seconds(event.at_ns), float(event.data["set_v"]), bool(event.data["low"]))
        for event in view.record.events
        if event.name == "battery_read"
    ]


def _summary(readings: Sequence[Electrical]) -> dict[str, Any]:
    found: dict[str, Any] = {"readings": len(readings), "overloads": sum(each.current_a is None for each in readings)}
    for key, values in (
        ("voltage_v", [each.voltage_v for each in readings if each.voltage_v is not None]),
        ("current_a", [each.current_a for each in readings if each.current_a is not None]),
    ):
        if values:
            found[key] = {"min": min(values), "mean": float(np.mean(values)), "max": max(values)}
    return found


def _deeds(view: RunView) -> list[dict[str, Any]]:
    """Return what the supply did, in order; the single settings of a sweep are left out."""
    found: list[dict[str, Any]] = []
    sweeping = False
    for event in view.record.events:
        sweeping = (sweeping or event.name == "supply_sweep_started") and event.name != "supply_sweep_ended"
        if event.name in _WORDS and not (sweeping and event.name == "supply_set"):
            found.append({"at_s": view.seconds(event.at_ns), "what": _WORDS[event.name](event)})
    return found


def _of(event: Event, key: str) -> str:
    return f"{float(event.data[key]):.6g}"


def _fed(event: Event) -> str:
    if "voltage_v" in event.data:
        return f"feeds {float(event.data['voltage_v']):g} V"
    return f"to be fed before the pump is stopped: {event.data.get('by', '')}"


_WORDS: Final[dict[str, Callable[[Event], str]]] = {
    "supply_fed": _fed,
    "supply_set": lambda event: f"set to {_of(event, 'voltage_v')} V",
    "supply_off": lambda _event: "off",
    "supply_on": lambda event: f"on again, after {_of(event, 'off_s')} s",
    "supply_interrupted": lambda event: f"interrupted for {_of(event, 'off_s')} s",
    "supply_sweep_started": lambda event: (
        f"sweep from {_of(event, 'from_v')} V to {_of(event, 'to_v')} V over {_of(event, 'over_s')} s"
    ),
}


def _curve(view: RunView, readings: Sequence[Electrical], values: Sequence[float], key: str) -> dict[str, Any]:
    chosen = thinned(len(values), np.array(values, dtype=np.float64))
    return {
        "t_h": [round(view.seconds(readings[index].at_ns) / 3600.0, 6) for index in chosen],
        key: [round(values[index], 6) for index in chosen],
    }


def electrical_equipment(events: Sequence[Event]) -> dict[str, Any]:
    """Return supply and meter as they said who they are, for the table of equipment; empty where there was neither."""
    found = {}
    for name, told in ((SUPPLY, "supply_found"), (METER, "meter_found")):
        event = next((event for event in events if event.name == told), None)
        if event is not None:
            found[name] = {key: event.data.get(key) for key in ("maker", "model", "serial", "firmware")}
    return found

"""What somebody asks of the log of an occlusion test: the options beside ``--occlusion``, read with their units."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.analysis.measured import Measured, stated
from rig.analysis.occlusion_document import OcclusionExtras
from rig.analysis.occlusion_events import OcclusionEvents, read_events
from rig.errors import UsageError
from rig.metrology.budget import COVERAGE_FACTOR, rectangular
from rig.profiles.strict import printable
from rig.units import INSULIN, PRESSURE, RATE, TIME, Dimension, parse_quantity
from rig.weighing_log.request import quantity

ONLY_HERE = ("dose", "alarm_pressure", "alarm_poll", "stamps", "after", "predict")


@dataclass(frozen=True, slots=True)
class OcclusionRequest:
    """The options, in the rig's units; None where nothing was stated.

    ``alarm_poll_s``: how far apart the looks for an alarm were; ``stamps_s``: half width within which the times of the
    events are true; ``after_u_per_h``: what the pump delivers once the clamp is open.
    """

    events: OcclusionEvents
    dose_u: float | None = None
    alarm_kpa: float | None = None
    alarm_half_width_kpa: float | None = None
    alarm_poll_s: float | None = None
    stamps_s: float | None = None
    after_u_per_h: float | None = None
    predict_u_per_h: tuple[float, ...] = ()

    @property
    def alarm_pressure(self) -> Measured | None:
        """The alarm's pressure in kPa; u = 0 where no half width was stated, whatever follows then has no U."""
        if self.alarm_kpa is None:
            return None
        u_kpa = rectangular(self.alarm_half_width_kpa or 0.0)
        return stated(self.alarm_kpa, u_kpa, "kPa", "alarm pressure", "stated (--alarm-pressure)")


def occlusion_from(options: Mapping[str, Any], logs: Sequence[str]) -> OcclusionRequest | None:
    """Return the request for an occlusion test, None where none is asked for; ``UsageError`` names option or file."""
    file = options.get("occlusion")
    if file is None:
        alone = [name for name in ONLY_HERE if options.get(name) is not None]
        if alone:
            raise UsageError(
                f"{_written(alone[0])} without --occlusion",
                expected="--occlusion EVENTS.csv with the columns time_s,event",
            )
        return None
    _refuse_beside(options, logs)
    kpa, half_width_kpa = _pressure(options.get("alarm_pressure"))
    return OcclusionRequest(
        events=read_events(Path(file)),
        dose_u=_above_zero(options, "dose", INSULIN),
        alarm_kpa=kpa,
        alarm_half_width_kpa=half_width_kpa,
        alarm_poll_s=_not_negative(options, "alarm_poll", TIME),
        stamps_s=_not_negative(options, "stamps", TIME),
        after_u_per_h=_not_negative(options, "after", RATE),
        predict_u_per_h=_rates(options.get("predict") or ()),
    )


def _refuse_beside(options: Mapping[str, Any], logs: Sequence[str]) -> None:
    """Refuse what does not go with an occlusion test."""
    if options.get("bolus") is not None or options.get("events"):
        other = "--bolus" if options.get("bolus") is not None else "--events"
        raise UsageError(f"--occlusion together with {other}", expected="one of them", hint="one call for each")
    if options.get("basal") is None:
        raise UsageError(
            "--occlusion without --basal",
            expected="--basal RATE, what the pump was programmed to deliver into the blockage",
            hint="--basal '1.0 U/h'",
        )
    if len(logs) > 1:
        raise UsageError(
            f"{len(logs)} logs with --occlusion", expected="one log, whose events the file holds", hint="one call each"
        )


def _written(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _above_zero(options: Mapping[str, Any], name: str, dimension: Dimension) -> float | None:
    value = quantity(options, name, dimension)
    if value is not None and not value > 0.0:
        raise UsageError(f"'{options[name]}' is not above zero", where=_written(name), expected="above zero")
    return value


def _not_negative(options: Mapping[str, Any], name: str, dimension: Dimension) -> float | None:
    value = quantity(options, name, dimension)
    if value is not None and value < 0.0:
        raise UsageError(f"'{options[name]}' is below zero", where=_written(name), expected="zero or more")
    return value


def _rates(texts: Sequence[str]) -> tuple[float, ...]:
    """Return the rates that alarms are to be predicted for, each once, in the order given."""
    found = [_above_zero({"predict": text}, "predict", RATE) for text in texts]
    return tuple(dict.fromkeys(rate for rate in found if rate is not None))


def _pressure(text: str | None) -> tuple[float | None, float | None]:
    """Return the alarm's pressure and its half width in kPa, from ``100 kPa`` or ``100 kPa +- 20 kPa``."""
    if text is None:
        return None, None
    where = _written("alarm_pressure")
    parts = re.split(r"\+-|\+/-|±", text)
    if len(parts) > 2:
        raise UsageError(
            f"'{printable(text)}' cannot be used", where=where, expected="such as '100 kPa' or '100 kPa +- 20 kPa'"
        )
    try:
        kpa, *half = [parse_quantity(part, PRESSURE) for part in parts]
    except UsageError as error:
        raise UsageError(error.what, where=where, expected=error.expected, hint=error.hint) from None
    half_width = half[0] if half else None
    if half_width is not None and half_width < 0.0:
        raise UsageError(f"'{printable(text)}' has a negative half width", where=where, expected="zero or more")
    before = OcclusionExtras().start_kpa
    least = before.value + COVERAGE_FACTOR * math.hypot(before.u, rectangular(half_width or 0.0))
    if not kpa > least:
        raise UsageError(
            f"{kpa:g} kPa cannot be told from the pressure before, {before.value:g} kPa with u = {before.u:g} kPa",
            where=where,
            expected=f"a pressure above ambient of more than {least:.3g} kPa",
        )
    return kpa, half_width

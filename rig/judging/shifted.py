"""What falls of the level, doubtful spikes and bursts of noise do to a volume: a line in its budget, or no volume."""

from __future__ import annotations

import math
from dataclasses import replace

from rig.judging.items import NotMeasurableError
from rig.judging.marks import DROP, NOISE, ZERO
from rig.judging.view import RunView
from rig.metrology.budget import Component
from rig.metrology.buoyancy import UL_PER_CM3
from rig.metrology.volume import VolumeResult


def with_shifts(view: RunView, from_s: float, to_s: float, volume: VolumeResult) -> VolumeResult:
    """Return a volume with what falls and doubtful spikes within its interval add to its budget.

    ``NotMeasurableError`` where the size of a fall cannot be told, or an edge lies where no level is known.
    """
    ul_per_mg = UL_PER_CM3 / view.chain.liquid.density_kg_per_m3
    for fall in view.quality.falls:
        if not fall.within(from_s, to_s):
            continue
        told = f"fall of the level by {-fall.shift.size_mg:.3g} mg at {fall.shift.before_s:.0f} s"
        if fall.departure is None:
            raise NotMeasurableError(f"the {told} is no delivery, and its size cannot be told: {fall.why_not}")
        if any(fall.shift.before_s < at_s < fall.shift.after_s for at_s in (from_s, to_s)):
            raise NotMeasurableError(f"an edge of the interval lies in the {told}")
        volume = replace(volume, budget=volume.budget.with_component(fall.component(ul_per_mg)))
    for each in view.quality.unsure:
        if each.start_s < to_s and each.end_s > from_s:
            name = f"fall that may hide in the spike at {each.start_s:.0f} s"
            line = Component(name, each.unsure_mg / math.sqrt(3.0), "mg", ul_per_mg, "B", "rectangular", "Q-SPIKE")
            volume = replace(volume, budget=volume.budget.with_component(line))
    for at_s in (from_s, to_s):
        burst = next(iter(view.quality.of((NOISE,), at_s, at_s)), None)
        if burst is not None:
            raise NotMeasurableError(f"an edge of the interval, at {at_s:.0f} s, lies in {burst.text}")
    return volume


def bolus_marked(view: RunView, from_s: float, to_s: float) -> str:
    """Return what forbids measuring a bolus although it was weighed, or nothing: within one, nothing bounds a shift."""
    fall = next((each for each in view.quality.falls if each.within(from_s, to_s)), None)
    if fall is not None:
        return f"the level fell by {-fall.shift.size_mg:.3g} mg within this bolus, which is no delivery"
    if any(each.start_s < to_s and each.end_s > from_s for each in view.quality.unsure):
        return "a spike within this bolus cannot be told from a delivery and a fall"
    mark = next(iter(view.quality.of((NOISE, ZERO, DROP), from_s, to_s)), None)
    return f"{mark.text} ({mark.rule})" if mark is not None else ""

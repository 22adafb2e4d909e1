"""What a check can measure: one table for the parser, the JSON Schema, the judge and the reference page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One measurand of a check.

    ``unit`` of its value and limits; ``each``: judged item by item, FAIL if any item FAILs; ``proportion``: a share
    with a Clopper-Pearson interval; ``symmetric``: ``limit: x`` may stand for -x to +x; ``kinds``: step kinds that it
    looks at, at least one of which the scenario must hold; ``claim``: the part of the pump's accuracy claim that may
    judge it.
    """

    id: str
    unit: str
    doc: str
    kinds: tuple[str, ...]
    claim: str | None = None
    each: bool = False
    proportion: bool = False
    symmetric: bool = True


_BASAL = ("basal", "profile", "pattern", "temp_basal", "resume")

MEASURES: dict[str, Measure] = {
    measure.id: measure
    for measure in (
        Measure(
            "basal.overall_error",
            "%",
            "measured less programmed volume over the window, in % of the programmed volume",
            _BASAL,
            "basal",
        ),
        Measure("basal.delivered", "U", "volume that left the outlet in the window", _BASAL, None),
        Measure(
            "basal.segment_error",
            "%",
            "for each stretch of constant rate above zero in the window: measured less programmed volume, in %",
            _BASAL,
            "basal",
            each=True,
        ),
        Measure(
            "basal.zero_delivered",
            "U",
            "for each stretch of the window whose programmed rate is zero: volume that left the outlet",
            _BASAL,
            None,
            each=True,
        ),
        Measure(
            "basal.windows_1h_within_15",
            "%",
            "share of complete, non-overlapping hours whose error lies within 15 %",
            _BASAL,
            None,
            proportion=True,
            symmetric=False,
        ),
        Measure(
            "temp_basal.error",
            "%",
            "for each temporary basal above zero: measured less programmed volume, in %",
            ("temp_basal",),
            "basal",
            each=True,
        ),
        Measure(
            "suspend.delivered", "U", "volume that left the outlet while the pump was suspended", ("suspend",), None
        ),
        Measure(
            "suspend.slope",
            "U/h",
            "for each suspension: slope of what left the outlet, after the settle time of 4 min",
            ("suspend",),
            None,
            each=True,
        ),
        Measure(
            "bolus.each_error",
            "%",
            "for each bolus: measured less programmed amount, in % of the programmed amount",
            ("bolus",),
            "bolus",
            each=True,
        ),
        Measure(
            "bolus.each_error_u",
            "U",
            "for each bolus: measured less programmed amount",
            ("bolus",),
            "bolus",
            each=True,
        ),
        Measure(
            "bolus.mean_error",
            "%",
            "mean over the boluses of measured less programmed amount, in % of the programmed amount",
            ("bolus",),
            "bolus",
        ),
        Measure(
            "bolus.duration",
            "%",
            "for each bolus: measured less nominal delivery time, in % of the nominal one",
            ("bolus",),
            None,
            each=True,
        ),
        Measure(
            "occlusion.time_to_alarm",
            "h",
            "for each occlusion of a delivering pump: time from the closing of the clamp to the alarm",
            ("occlude",),
            None,
            each=True,
            symmetric=False,
        ),
        Measure(
            "occlusion.missed_volume",
            "U",
            "for each: programmed until the alarm (or the opening) less what still left the outlet",
            ("occlude",),
            None,
            each=True,
            symmetric=False,
        ),
        Measure(
            "occlusion.released_volume",
            "U",
            "for each: what left the outlet when the clamp opened, less what was scheduled since",
            ("occlude",),
            None,
            each=True,
            symmetric=False,
        ),
        Measure(
            "occlusion.released_share",
            "%",
            "for each: released volume in % of what was programmed during the occlusion",
            ("occlude",),
            None,
            each=True,
            symmetric=False,
        ),
        Measure(
            "supply.current_mean",
            "mA",
            "mean current into the pump over the window, by the meter, else by the supply",
            (*_BASAL, "bolus", "suspend", "wait", "supply"),
            None,
            symmetric=False,
        ),
        Measure(
            "battery.low_alarm_at",
            "V",
            "voltage of the supply at which the pump first calls its battery low",
            ("supply",),
            None,
            symmetric=False,
        ),
        Measure(
            "reported.difference",
            "U",
            "for each delivery that the pump logs: reported less measured volume",
            ("basal", "profile", "pattern", "temp_basal", "bolus"),
            None,
            each=True,
        ),
        Measure(
            "blank.slope",
            "mg/h",
            "for each blank: slope of the readings; what evaporates makes it negative",
            ("blank",),
            each=True,
        ),
        Measure("blank.change", "mg/h", "slope of the last blank less that of the first", ("blank",)),
        Measure(
            "blank.noise",
            "%",
            "for each blank: standard deviation of a reading, in % of the repeatability in the bench file",
            ("blank",),
            each=True,
            symmetric=False,
        ),
        Measure(
            "creep.share",
            "%",
            "for each stretch of a slow flow that brings 1 mg or more: how much of it the balance showed",
            ("flow",),
            each=True,
            symmetric=False,
        ),
        Measure("flow.error", "%", "for each flow: weighed less known volume, in % of the known", ("flow",), each=True),
        Measure(
            "flow.linearity",
            "%",
            "for each flow of 20 uL or more: its error less the weighted mean of all; what they share is no part of it",
            ("flow",),
            each=True,
        ),
        Measure(
            "flow.lag",
            "s",
            "for each flow that is fast enough: by how much the readings trail it; source, line and balance together",
            ("flow",),
            each=True,
            symmetric=False,
        ),
        Measure(
            "dispense.error",
            "%",
            "for each known amount: weighed less known volume, in % of the known",
            ("dispense",),
            each=True,
        ),
        Measure(
            "mass.error",
            "%",
            "for each reference weight: shown less its own mass, in % of it",
            ("known_mass",),
            each=True,
        ),
    )
}

"""Pumps whose scatter others published, as parameters the twin can play.

Each was fitted to part of a pump's published figures and checked against the rest by `tests.studies.published`; what
came of it, and what the figures leave open, is docs/explanation/what-the-twin-predicts.md. Only the strokes are those
of the published pump: radio, menus, reservoir and set stay those of the model named here, whose motor pulse has the
published pump's size. None of them conforms to +-5 % in short windows, so none is a default.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rig.errors import UsageError
from rig.sim.parameters import PUMP_MODELS, PlantParameters, PumpModel

# A plunger that goes exactly where the nut is: a published pump adds what it was fitted with, and nothing else.
IDEAL_DRIVE = replace(
    PlantParameters(),
    unit_gain_sd=0.0,
    run_gain_sd=0.0,
    screw_error=0.0,
    position_jitter_ul=0.0,
    stroke_error_sd=0.0,
    stick_probability=0.0,
    startup_gain=0.0,
)
# What every published pump of a kind shares, fixed before fitting.
SCREW = replace(IDEAL_DRIVE, jitter_tail_ratio=8.0)  # durable pumps: where the plunger comes to rest, and a slow gain
RATCHET = replace(IDEAL_DRIVE, stroke_error_length=2.0)  # patch pumps: strokes that remember the last ones
POD = replace(RATCHET, jitter_tail_ratio=20.0)


@dataclass(frozen=True, slots=True)
class PublishedPump:
    """One published pump: the model that plays it, its parameters, whose figures they are and which were fitted."""

    pump: str
    model: str
    parameters: PlantParameters
    source: str
    fitted_to: str
    held_back: str


_JAHN = ("Jahn, Capurro, Levy 2013 (L28)", "single doses and 30-min windows", "1-h and 2-h windows")
_BOWEN = ("Bowen and Allender 2016 (L30)", "single pulses and means of 10", "means of 20 and of 40")

PUBLISHED_PUMPS = {
    "jahn-ping": PublishedPump(
        "Animas OneTouch Ping",
        "723",
        replace(SCREW, position_jitter_ul=0.00783, jitter_tail_share=0.0504, slow_gain_sd=0.0583),
        *_JAHN,
    ),
    "jahn-combo": PublishedPump(
        "Accu-Chek Combo",
        "723",
        replace(SCREW, position_jitter_ul=0.0113, jitter_tail_share=0.0737, slow_gain_sd=0.0728),
        *_JAHN,
    ),
    "jahn-revel": PublishedPump(
        "Paradigm Revel/Veo",
        "723",
        replace(SCREW, position_jitter_ul=0.0135, jitter_tail_share=0.0879, slow_gain_sd=0.0737),
        *_JAHN,
    ),
    "jahn-omnipod": PublishedPump(
        "OmniPod",
        "722",
        replace(RATCHET, stroke_error_sd=0.177, slow_gain_sd=0.0348, screw_error=0.136, screw_pitch_ul=7.35),
        *_JAHN,
    ),
    "bowen-cellnovo": PublishedPump(
        "Cellnovo",
        "722",
        replace(RATCHET, stroke_error_sd=0.0845, slow_gain_sd=0.0561, screw_error=0.164, screw_pitch_ul=7.08),
        *_BOWEN,
    ),
    "bowen-omnipod": PublishedPump(
        "OmniPod", "722", replace(RATCHET, stroke_error_sd=0.25, slow_gain_sd=0.0937), *_BOWEN
    ),
    "label-omnipod-5": PublishedPump(
        "Insulet Omnipod 5",
        "722",
        replace(
            POD,
            stroke_error_sd=0.185,
            position_jitter_ul=0.0718,
            jitter_tail_share=0.0368,
            startup_gain_sd=0.366,
        ),
        "the maker's label (L01, L02; bins G-med)",
        "bins of 0.05 U boluses and the first hour of 1 U/h",
        "1, 6 and 12 h at 0.05 U/h, 6 and 12 h at 1 U/h, 1 and 6 h at 30 U/h",
    ),
}


def play(name: str) -> tuple[PumpModel, PlantParameters]:
    """Return what plays a pump model or a published pump; raise `UsageError` that lists the known ones."""
    published = PUBLISHED_PUMPS.get(name)
    if published is not None:
        return PUMP_MODELS[published.model], published.parameters
    if name not in PUMP_MODELS:
        raise UsageError(
            f"the twin knows no pump model '{name}'",
            where="simulated pump",
            expected=" or ".join([*PUMP_MODELS, *PUBLISHED_PUMPS]),
        )
    return PUMP_MODELS[name], PlantParameters()

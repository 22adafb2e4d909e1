"""Every key of the steps of a qualification, declared once: parser, JSON Schema and reference page."""

from __future__ import annotations

from typing import Final

from rig.scenario.kinds import NAME, STEP_NAME, Field, Flag, Quantity, Table, Whole
from rig.scenario.qualification import LEAST_REST_S, REST_S
from rig.units import FLOW, MASS, TIME, VOLUME

_FOR = Field("for", Quantity(TIME, 86_400.0, above_zero=True), "how long, such as '30 min'", required=True)
_RATE = Field("rate", Quantity(FLOW, 1e6, above_zero=True), "the flow, such as '100 uL/h'", required=True)
_REST = Field("rest", Quantity(TIME, 3600.0, LEAST_REST_S), "how long nothing flows after it", default=REST_S)
_SOURCE = Field("source", NAME, "which of the bench's flow sources; the first when left out")
_RUN_IN = Field("run_in", Flag(), "it only takes up the play of the syringe; no check looks at it", default=False)
_AMOUNT = Field("amount", Quantity(VOLUME, 1e5, above_zero=True), "each, such as '10 uL'", required=True)
_REPEAT = Field("repeat", Whole(1, 100), "how many", default=1)
_MASS = Field("mass", Quantity(MASS, 1e6, above_zero=True), "such as '20 g'", required=True)
STEPS: Final[dict[str, tuple[str, Table]]] = {
    "blank": ("qualification: nothing flows; evaporation, noise and drift", Table((_FOR, STEP_NAME))),
    "flow": (
        "qualification: a known flow, from rest to rest",
        Table((_RATE, _FOR, _REST, _SOURCE, _RUN_IN, STEP_NAME)),
    ),
    "dispense": (
        "qualification: known amounts, each from rest to rest",
        Table((_AMOUNT, _RATE, _REPEAT, _REST, _SOURCE, STEP_NAME)),
    ),
    "known_mass": (
        "qualification: a person puts a reference weight on the pan, and takes it off again",
        Table((_MASS, STEP_NAME)),
    ),
}

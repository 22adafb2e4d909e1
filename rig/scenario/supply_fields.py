"""Keys of a supply step, declared once: the parser, the JSON Schema and the reference page come from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rig.errors import ScenarioError
from rig.scenario.document import Node, Place, Scalar
from rig.scenario.kinds import STEP_NAME, Field, Quantity, Table
from rig.scenario.supply_step import INTERRUPT, OFF, SWEEP, VOLTAGE, SupplyStep
from rig.units import TIME
from rig.units import VOLTAGE as VOLTS

LONGEST_S: Final = 60 * 86_400.0
HIGHEST_V: Final = 60.0
LONGEST_OFF_S: Final = 86_400.0
INTERRUPTION_S: Final = (0.01, 60.0)
_VOLTS: Final = Quantity(VOLTS, HIGHEST_V)
_TIME: Final = Quantity(TIME, LONGEST_S, above_zero=True)


@dataclass(frozen=True, slots=True)
class ForTime:
    """A time, ``30 s``; ``for 30 s`` is taken as well."""

    def read(self, node: Node, place: Place) -> float:
        """Return the time in s."""
        if isinstance(node, Scalar) and node.text.startswith("for "):
            node = Scalar(node.line, node.text.removeprefix("for "), node.plain)
        return Quantity(TIME, LONGEST_OFF_S, above_zero=True).read(node, place)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the time."""
        schema = Quantity(TIME, LONGEST_OFF_S, above_zero=True).schema()
        return {**schema, "pattern": "^(for )?" + str(schema["pattern"]).removeprefix("^")}


SUPPLY: Final = Table(
    (
        Field("voltage", _VOLTS, "set this voltage, such as '1.2 V'; it stays until another step changes it"),
        Field("for", _TIME, "keep it for so long before the next step begins; only with voltage"),
        Field("off", ForTime(), "switch the output off for so long, such as '30 s'"),
        Field(
            "sweep",
            Table(
                (
                    Field("from", _VOLTS, "where it begins", required=True),
                    Field("to", _VOLTS, "where it ends; the voltage stays there", required=True),
                    Field("over", _TIME, "how long it takes", required=True),
                )
            ),
            "change the voltage evenly",
        ),
        Field(
            "interrupt",
            Quantity(TIME, INTERRUPTION_S[1], INTERRUPTION_S[0]),
            "switch the output off for a moment, such as '200 ms'",
        ),
        STEP_NAME,
    )
)
SUPPLY_STEPS: Final[dict[str, tuple[str, Table]]] = {
    "supply": ("change the pump's supply: one of voltage, off, sweep and interrupt", SUPPLY)
}


def supply_step(values: dict[str, Any], place: Place) -> SupplyStep:
    """Return the step; raises `ScenarioError` unless exactly one deed is given."""
    given = [deed for deed in (VOLTAGE, OFF, SWEEP, INTERRUPT) if values[deed] is not None]
    if len(given) != 1:
        what = f"{' and '.join(given)} stand in one step" if given else "nothing is said of the supply"
        raise ScenarioError(what, where=str(place), expected="one of voltage, off, sweep and interrupt")
    deed, line = given[0], values["line"]
    if values["for"] is not None and deed != VOLTAGE:
        raise ScenarioError(f"'for' means nothing to {deed}", where=str(place), expected="'for' beside 'voltage' only")
    if deed == VOLTAGE:
        return SupplyStep(deed, values["for"] or 0.0, values["voltage"], line=line)
    if deed == SWEEP:
        sweep = values["sweep"]
        return SupplyStep(deed, sweep["over"], sweep["from"], sweep["to"], line=line)
    return SupplyStep(deed, values[deed], line=line)

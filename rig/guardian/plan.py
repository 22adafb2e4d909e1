"""`SafePlan`: all that is needed to make a bench safe, frozen before the first actuation (design 4.6).

The plan travels to the guardian as JSON and stands in the evidence as ``safe-plan.json``. It names every device by the
way it was really opened: a guardian asks nobody when the runner is gone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from rig.errors import ConfigError
from rig.guardian.supply import SupplyPlan

PLAN_SCHEMA = 1
LINES_LIMIT_S = 5.0  # hard-wired actuators are safe so soon after the loss of the runner
AWAKE_LIMIT_S = 15.0  # a pump whose radio is awake is suspended and confirmed
ASLEEP_LIMIT_S = 60.0  # one that has to be woken first
OUTPUT_ROLES = ("valve", "supply", "button", "output")
INPUT_ROLES = ("emergency_stop", "input")
LEVELS = ("low", "high")


@dataclass(frozen=True, slots=True)
class PumpPlan:
    """The way to the pump; ``serials`` are the only ones that may ever be addressed.

    ``scan`` are the bands in which the frequency is looked for, none once it is known. ``identity`` says which device
    was behind the port: another one in its place is left alone.
    """

    port: str
    baud: int
    serial: str
    serials: tuple[str, ...]
    frequency_mhz: float
    identity: str = ""
    link: str = "cc111x"
    scan: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowPlan:
    """The way to a flow source that this run drives; ``protocol`` is the name of its driver."""

    name: str
    protocol: str
    port: str
    baud: int
    identity: str = ""
    address: int = 0
    safe_timeout_s: int = 0


@dataclass(frozen=True, slots=True)
class LinePlan:
    """One GPIO line: ``pin`` is the BCM number, ``safe`` the level of an output that is safe."""

    name: str
    pin: int
    role: str
    safe: str = "low"

    @property
    def is_output(self) -> bool:
        """Say whether the rig drives this line."""
        return self.role in OUTPUT_ROLES

    @property
    def safe_level(self) -> int:
        """Return the safe level as 0 or 1."""
        return int(self.safe == "high")


@dataclass(frozen=True, slots=True)
class SafePlan:
    """What safe means on one bench during one run, and how to get there."""

    bench: str
    run_id: str
    run_folder: str
    ledger: str
    pump: PumpPlan | None  # None: the run addresses none
    lines: tuple[LinePlan, ...] = ()
    gpio: str = "rpi"
    hold_s: float = 0.0
    heartbeat_s: float = 4.0
    clock_speed: float = 1.0
    clock_epoch_ns: int = 0
    commit_s: float = 1.0
    schema: int = PLAN_SCHEMA
    supply: SupplyPlan | None = None  # of the pump, where the rig sets it
    flow_sources: tuple[FlowPlan, ...] = ()

    def tuned(self, frequency_mhz: float) -> SafePlan:
        """Return the plan with the frequency on which the pump was found."""
        if self.pump is None:
            return self
        return replace(self, pump=replace(self.pump, frequency_mhz=frequency_mhz, scan=()))

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return document


def plan_from_json(document: Any) -> SafePlan:
    """Return the plan that `SafePlan.to_json` wrote; raise `ConfigError` when it is not one."""
    try:
        data = dict(document)
        if data["schema"] != PLAN_SCHEMA:
            raise ConfigError(
                f"a safe plan of schema {data['schema']}", where="guardian", expected=f"schema {PLAN_SCHEMA}"
            )
        pump = data["pump"]
        if pump is not None:
            lists = {"serials": tuple(pump["serials"]), "scan": tuple(pump.get("scan", ()))}
            data["pump"] = PumpPlan(**{**pump, **lists})
        data["flow_sources"] = tuple(FlowPlan(**source) for source in data.get("flow_sources", ()))
        data["lines"] = tuple(LinePlan(**line) for line in data["lines"])
        data["supply"] = None if data.get("supply") is None else SupplyPlan(**data["supply"])
        return SafePlan(**data)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"not a safe plan ({error!r})", where="guardian") from error

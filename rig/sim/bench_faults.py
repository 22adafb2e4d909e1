"""Faults of the vessel, of the tube in it, and of the room [lab-workflow D1; metrology 5.6, 5.7].

Their kinds are known from laboratories; sizes and time constants, where nothing else is said, are assumptions of the
twin, of an order that a bench with a semi-micro balance sees.
"""

from __future__ import annotations

from typing import Final

from rig.sim.fault_spec import FaultSpec
from rig.sim.therapy_faults import TEMPERATURE_STEP
from rig.units import MASS, MASS_RATE, PERCENT, PRESSURE

BENCH_SPECS: Final = (
    FaultSpec(
        "vessel.oil_creep", "mg/h", "the oil film creeps over the rim and is lost", "vessel.oil_creep=0.05mg/h@2h",
        MASS_RATE,
    ),
    FaultSpec(
        "vessel.rim", "mg", "the vessel has room for only this much more: what comes then runs over, off the pan",
        "vessel.rim=100mg", MASS,
    ),
    FaultSpec(
        "vessel.warm", "K", "at START the vessel is warmer than the room by this, and settles", "vessel.warm=5K",
        TEMPERATURE_STEP, (), (-50, 50),
    ),
    FaultSpec(
        "line.touch", "%", "the tube leans on the vessel from START on: of what comes then it carries this share",
        "line.touch=3%@2h", PERCENT, (), (0, 100),
    ),
    FaultSpec(
        "line.wetting", "mg", "the meniscus clings to the tube, and slips when it is pulled by so much",
        "line.wetting=0.5mg", MASS, (), (0, 100),
    ),
    FaultSpec(
        "balance.static", "mg", "at START a charge pushes the pan by this, and leaks away", "balance.static=1mg@2h",
        MASS, (), (-1e4, 1e4),
    ),
    FaultSpec(
        "room.temperature", "K", "from the beginning, amplitude of the daily wave; the reservoir follows it",
        "room.temperature=2K", TEMPERATURE_STEP, (), (0, 20),
    ),
    FaultSpec(
        "room.pressure", "hPa", "from the beginning, amplitude of the half-daily wave", "room.pressure=10hPa", PRESSURE,
        (), (0, 10),
    ),
)  # fmt: skip

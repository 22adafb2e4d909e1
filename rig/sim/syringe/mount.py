"""Puts a syringe pump beside a plant: motor, plunger and line first, then the maker's electronics."""

from __future__ import annotations

from rig.sim.faults import FaultSet
from rig.sim.plant.plant import Plant
from rig.sim.syringe.device import Mounted, SerialPump
from rig.sim.syringe.drive import Drive
from rig.sim.syringe.harvard import HarvardPump
from rig.sim.syringe.new_era import NewEraPump
from rig.sim.syringe.parameters import SyringeParameters, SyringePumpModel


def mount_syringe(
    plant: Plant, model: SyringePumpModel, parameters: SyringeParameters, seed: int, faults: FaultSet, address: int = 0
) -> SerialPump:
    """Return a syringe pump whose tube ends in the plant's vessel."""
    drive = Drive(model, parameters, seed, faults, plant.mount(parameters.line_s))
    pump = NewEraPump if model.maker == "new_era" else HarvardPump
    return pump(Mounted(model, drive, plant.advance, parameters, seed, faults, address))

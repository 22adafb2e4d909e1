"""Every number the syringe pumps of the twin start from, with its source or reason.

References: [syringe] the reference page on syringe-pump protocols. What is marked "typical" is taken from makers' data
sheets of such pumps in general and is not confirmed for one firmware.
"""

from __future__ import annotations

from dataclasses import dataclass

from rig.errors import UsageError


@dataclass(frozen=True, slots=True)
class SyringePumpModel:
    """What differs between the syringe pumps the twin can play; speeds are those of the pusher block."""

    name: str
    maker: str  # "new_era" | "harvard"
    version: str  # what it answers to VER or ver
    least_mm_per_min: float
    most_mm_per_min: float
    step_um: float  # travel of one microstep; typical
    gain_sd: float  # of the lead of the screw between pumps; cut at 2 sd


# New Era: 0.73 uL/h with a 1 mL syringe (4.699 mm) and 51 mm/min, typical of the series; exact limits per model are not
# confirmed [syringe 4]. 11 Elite: the limits printed in the manual, 17.29 nl/min to 17.95 ml/min [syringe 2.3], are
# those of a 12.06 mm syringe. PHD ULTRA: 0.18 um/min to 190.8 mm/min, typical.
SYRINGE_PUMPS = {
    model.name: model
    for model in (
        SyringePumpModel("ne-1000", "new_era", "NE1000V3.928", 7.0157e-4, 51.004, 0.42, 0.0020),
        SyringePumpModel("ne-500", "new_era", "NE500V3.50", 7.0157e-4, 51.004, 0.42, 0.0020),
        SyringePumpModel("harvard-11", "harvard", " 11 Elite 3.0.4", 1.51359e-4, 157.138, 0.069, 0.0012),
        SyringePumpModel("phd-ultra", "harvard", "PHD ULTRA I/W 2.0.4", 1.8e-4, 190.8, 0.041, 0.0006),
    )
}


def syringe_pump_model(name: str) -> SyringePumpModel:
    """Return a model by name; raise `UsageError` that lists the known ones."""
    if name not in SYRINGE_PUMPS:
        raise UsageError(
            f"the twin knows no syringe pump '{name}'", where="simulated syringe", expected=" or ".join(SYRINGE_PUMPS)
        )
    return SYRINGE_PUMPS[name]


@dataclass(frozen=True, slots=True)
class SyringeParameters:
    """A 10 mL plastic syringe on a pump of ordinary quality, its tube in the vessel on the balance."""

    # --- syringe
    diameter_mm: float = 14.43  # nominal inside diameter, what the makers' tables give for 10 mL
    bore_sd: float = 0.0015  # of the diameter between syringes of one batch; the flow is off by twice that
    capacity_ul: float = 10_000.0
    filled_ul: float = 9_000.0
    # --- screw, nut and plunger
    lead_share: float = 1.0  # of the model's spread of lead; 0 makes a perfect screw
    pitch_mm: float = 1.0  # one turn: one period of the pulsation
    screw_error: float = 0.004  # amplitude of the rate error over a turn
    slip_um: float = 0.4  # mean of how far the pusher runs on before the seal slips and follows
    backlash_um: float = 20.0  # lost motion at a reversal
    seating_um: float = 2.0  # play of pusher and plunger after mounting, taken up at the first start
    # --- line
    line_s: float = 4.0  # elastic seal and tube against the resistance of tube and needle
    # --- electronics
    reply_s: float = 0.008  # from the end of a command to the first byte of its answer
    piece_ul: float = 0.05  # microsteps that come faster are played in pieces of this volume,
    piece_s: tuple[float, float] = (0.1, 1.0)  # but never shorter or longer than this

"""A single-output supply that speaks SCPI 1999 and nothing else; the twin's own model."""

from __future__ import annotations

from rig.sim.instruments.scpi import Call, limited, truth
from rig.sim.instruments.session import Manners, quoted
from rig.sim.instruments.supply import OutputRange, Supply, SupplyModel

LEVEL = "[:LEVel][:IMMediate][:AMPLitude]"

SIM_PSU = SupplyModel(
    "SIM-PSU",
    (OutputRange(32.0, 3.2, 33.0, 3.0, ovp_always=True),),
    Manners("Rig,SIM-PSU,900000001,1.0", quoted, "supply"),
)


class PlainSupply(Supply):
    """VOLT, CURR, OUTP, MEAS and the protections; four decimals."""

    def teach(self) -> None:
        """Add the maker's commands."""
        add = self.commands.add
        limits, source = self.range(1), "[:SOURce]"
        add(
            f"{source}:VOLTage{LEVEL}",
            lambda call: self.set_volts(1, limited(call.only(1)[0], 0.0, limits.volts, 0.0), call.rig_ns),
            lambda _call: f"{self.output(1).volts:.4f}",
        )
        add(
            f"{source}:CURRent{LEVEL}",
            lambda call: self.set_limit(1, limited(call.only(1)[0], 0.0, limits.amps, limits.reset_a), call.rig_ns),
            lambda _call: f"{self.output(1).limit_a:.4f}",
        )
        add(
            f"{source}:VOLTage:PROTection[:LEVel]",
            lambda call: self.set_ovp(1, limited(call.only(1)[0], 0.0, limits.ovp_v, limits.ovp_v), None, call.rig_ns),
            lambda _call: f"{self.output(1).ovp_v:.4f}",
        )
        add(
            f"{source}:VOLTage:PROTection:STATe",
            lambda call: self.set_ovp(1, None, truth(call.only(1)[0]), call.rig_ns),
            lambda _call: str(int(self.output(1).ovp_on)),
        )
        add(
            f"{source}:CURRent:PROTection:STATe",
            lambda call: self.set_ocp(1, None, truth(call.only(1)[0]), call.rig_ns),
            lambda _call: str(int(self.output(1).ocp_on)),
        )
        add(f"{source}:VOLTage:PROTection:TRIPped", None, lambda _call: str(int(self.output(1).tripped == "OVP")))
        add(f"{source}:CURRent:PROTection:TRIPped", None, lambda _call: str(int(self.output(1).tripped == "OCP")))
        add(
            (f"{source}:VOLTage:PROTection:CLEar", f"{source}:CURRent:PROTection:CLEar", ":OUTPut:PROTection:CLEar"),
            self._clear_trip,
        )
        add(
            ":OUTPut[:STATe]",
            lambda call: self.set_on(1, truth(call.only(1)[0]), call.rig_ns),
            lambda _call: str(int(self.is_on(1))),
        )
        add(":MEASure[:SCALar][:VOLTage][:DC]", None, lambda call: f"{self.measured(1, call.rig_ns)[0]:.4f}")
        add(":MEASure[:SCALar]:CURRent[:DC]", None, lambda call: f"{self.measured(1, call.rig_ns)[1]:.4f}")

    def _clear_trip(self, call: Call) -> None:
        """Clear a trip; the output stays off."""
        self.output(1).on = False
        self.clear_trip(1, call.rig_ns)

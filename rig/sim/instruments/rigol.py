"""Rigol DP800 and DP700 supplies: channels as CH1, answers ON and OFF, fixed decimals."""

from __future__ import annotations

from rig.sim.instruments.scpi import Call, ScpiError, limited, truth
from rig.sim.instruments.session import Manners, quoted
from rig.sim.instruments.supply import OutputRange, Supply, SupplyModel

SOURCE = "[:SOURce<n>]"
LEVEL = "[:LEVel][:IMMediate][:AMPLitude]"

DP832 = SupplyModel(
    "DP832",
    (
        OutputRange(32.0, 3.2, 33.0, 3.0, label="30V/3A"),
        OutputRange(32.0, 3.2, 33.0, 3.0, label="30V/3A"),
        OutputRange(5.3, 3.2, 5.5, 3.0, label="5V/3A"),
    ),
    Manners("RIGOL TECHNOLOGIES,DP832,DP8C900000001,00.01.16", quoted, "supply", reply_s=0.005),
)
DP711 = SupplyModel(
    "DP711",
    (OutputRange(32.0, 5.3, 33.0, 5.0, label="30V/5A"),),
    Manners("RIGOL TECHNOLOGIES,DP711,DP7A900000001,00.01.05", quoted, "supply", reply_s=0.005),
)


class RigolDp(Supply):
    """Commands of a DP832; of a DP711 too, which has one output and needs no channel named."""

    def teach(self) -> None:
        """Add the maker's commands."""
        add = self.commands.add
        add(f"{SOURCE}:VOLTage{LEVEL}", self._volts, self._ask_volts)
        add(f"{SOURCE}:CURRent{LEVEL}", self._amps, self._ask_amps)
        add(":APPLy", self._apply, self._ask_apply)
        add(":INSTrument[:SELect]", self._select, self._ask_selected)
        add(":INSTrument:NSELect", self._select_number, lambda _call: str(self.selected))
        add(":OUTPut[:STATe]", self._switch, lambda call: _on(self.is_on(self._channel(call))))
        add((":OUTPut:MODE", ":OUTPut:CVCC"), None, lambda call: self.mode(self._channel(call), call.rig_ns))
        for kind in ("OVP", "OCP"):
            self._add_protection(kind)
        add(":MEASure:ALL[:DC]", None, self._measure_all)
        add(":MEASure[:VOLTage][:DC]", None, lambda call: f"{self._measured(call)[0]:.4f}")
        add(":MEASure:CURRent[:DC]", None, lambda call: f"{self._measured(call)[1]:.4f}")
        add(":MEASure:POWEr[:DC]", None, lambda call: f"{_power(*self._measured(call)):.3f}")
        self._beeper = True
        self._otp = True
        add(":SYSTem:BEEPer[:STATe]", self._set_beeper, lambda _call: _on(self._beeper))
        add(":SYSTem:OTP", self._set_otp, lambda _call: _on(self._otp))
        add((":SYSTem:REMote", ":SYSTem:LOCal", ":SYSTem:RWLock", ":SYSTem:BEEPer:IMMediate"), _nothing)

    def _add_protection(self, kind: str) -> None:
        add = self.commands.add
        first = ":VOLTage" if kind == "OVP" else ":CURRent"
        add(
            (f":OUTPut:{kind}:VALue", f"{SOURCE}{first}:PROTection[:LEVel]"),
            lambda call: self._protect(call, kind),
            lambda call: self._ask_protection(call, kind),
        )
        add(
            (f":OUTPut:{kind}[:STATe]", f"{SOURCE}{first}:PROTection:STATe"),
            lambda call: self._arm(call, kind),
            lambda call: _on(self._is_armed(call, kind)),
        )
        add(
            (f":OUTPut:{kind}:QUES", f":OUTPut:{kind}:ALAR", f"{SOURCE}{first}:PROTection:TRIPped"),
            None,
            lambda call: "YES" if self.output(self._channel(call)).tripped == kind else "NO",
        )
        add(f":OUTPut:{kind}:CLEAR", self._clear_trip)
        add(f"{SOURCE}{first}:PROTection:CLEar", lambda call: self.clear_trip(self._channel(call), call.rig_ns))

    # --- channels

    def _named(self, call: Call, most: int, least: int = 0) -> tuple[int, tuple[str, ...]]:
        """Return (channel, parameters without its name); a source's number counts where there is one."""
        given = call.parameters
        channel = (call.numbers[0] if call.numbers else None) or self.selected
        if given and given[0].upper() in ("CH1", "CH2", "CH3"):
            channel, given = int(given[0][2]), given[1:]
        if channel > len(self.outputs):
            raise ScpiError(-224)
        if len(given) > most:
            raise ScpiError(-108)
        if len(given) < least:
            raise ScpiError(-109)
        return channel, given

    def _channel(self, call: Call) -> int:
        return self._named(call, 0)[0]

    # --- settings

    def _volts(self, call: Call) -> None:
        channel, (text,) = self._named(call, 1, 1)
        self.set_volts(channel, limited(text, 0.0, self.range(channel).volts, 0.0), call.rig_ns)

    def _ask_volts(self, call: Call) -> str:
        channel, given = self._named(call, 1)
        output, limits = self.output(channel), self.range(channel)
        return f"{limited(given[0], 0.0, limits.volts, 0.0) if given else output.volts:.3f}"

    def _amps(self, call: Call) -> None:
        channel, (text,) = self._named(call, 1, 1)
        self.set_limit(channel, limited(text, 0.0, self.range(channel).amps, 0.0), call.rig_ns)

    def _ask_amps(self, call: Call) -> str:
        channel, given = self._named(call, 1)
        output, limits = self.output(channel), self.range(channel)
        return f"{limited(given[0], 0.0, limits.amps, 0.0) if given else output.limit_a:.4f}"

    def _apply(self, call: Call) -> None:
        channel, given = self._named(call, 2)
        limits = self.range(channel)
        values = [
            limited(text, 0.0, most, default)
            for text, most, default in zip(given, (limits.volts, limits.amps), (0.0, limits.reset_a), strict=False)
        ]
        self.selected = channel
        if values:
            self.set_volts(channel, values[0], call.rig_ns)
        if len(values) > 1:
            self.set_limit(channel, values[1], call.rig_ns)

    def _ask_apply(self, call: Call) -> str:
        channel, given = self._named(call, 1)
        output = self.output(channel)
        if given:
            return f"{output.volts:.3f}" if given[0].upper().startswith("VOLT") else f"{output.limit_a:.4f}"
        return f"CH{channel}:{self.range(channel).label},{output.volts:.3f},{output.limit_a:.4f}"

    def _select(self, call: Call) -> None:
        self.selected = self._named(call, 0)[0] if call.parameters else self.selected

    def _ask_selected(self, _call: Call) -> str:
        return f"CH{self.selected}"

    def _select_number(self, call: Call) -> None:
        self.selected = round(limited(call.only(1)[0], 1, len(self.outputs), 1))

    def _switch(self, call: Call) -> None:
        channel, (text,) = self._named(call, 1, 1)
        self.set_on(channel, truth(text), call.rig_ns)

    def _protect(self, call: Call, kind: str) -> None:
        channel, (text,) = self._named(call, 1, 1)
        limits = self.range(channel)
        if kind == "OVP":
            self.set_ovp(channel, limited(text, 0.01, limits.ovp_v, limits.ovp_v), None, call.rig_ns)
        else:
            self.set_ocp(channel, limited(text, 0.001, 1.1 * limits.amps, limits.amps), None, call.rig_ns)

    def _ask_protection(self, call: Call, kind: str) -> str:
        output = self.output(self._channel(call))
        return f"{output.ovp_v:.3f}" if kind == "OVP" else f"{output.ocp_a:.4f}"

    def _arm(self, call: Call, kind: str) -> None:
        channel, (text,) = self._named(call, 1, 1)
        if kind == "OVP":
            self.set_ovp(channel, None, truth(text), call.rig_ns)
        else:
            self.set_ocp(channel, None, truth(text), call.rig_ns)

    def _is_armed(self, call: Call, kind: str) -> bool:
        output = self.output(self._channel(call))
        return output.ovp_on if kind == "OVP" else output.ocp_on

    def _clear_trip(self, call: Call) -> None:
        """Clear a trip; the output stays off, which it does not after ``:SOUR:VOLT:PROT:CLE``."""
        channel = self._channel(call)
        self.output(channel).on = False
        self.clear_trip(channel, call.rig_ns)

    # --- readings and the rest

    def _measured(self, call: Call) -> tuple[float, float]:
        return self.measured(self._channel(call), call.rig_ns)

    def _measure_all(self, call: Call) -> str:
        volts, amps = self._measured(call)
        return f"{volts:.4f},{amps:.4f},{_power(volts, amps):.3f}"

    def _set_beeper(self, call: Call) -> None:
        self._beeper = truth(call.only(1)[0])

    def _set_otp(self, call: Call) -> None:
        self._otp = truth(call.only(1)[0])


def _on(state: bool) -> str:
    return "ON" if state else "OFF"


def _power(volts: float, amps: float) -> float:
    return max(0.0, volts * amps)


def _nothing(_call: Call) -> None:
    """Do as told: nothing in here depends on it."""

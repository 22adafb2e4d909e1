"""Keysight E36300 supplies: outputs are named by channel lists, ``(@1)``; numbers come as +1.50000000E+00."""

from __future__ import annotations

from collections.abc import Callable

from rig.sim.instruments.scpi import Call, Handler, ScpiError, channel_list, limited, truth
from rig.sim.instruments.session import Manners, signed
from rig.sim.instruments.supply import OutputRange, Supply, SupplyModel

SOURCE = "[:SOURce]"
LEVEL = "[:LEVel][:IMMediate][:AMPLitude]"
NAMES = {"P6V": 1, "P25V": 2, "N25V": 3, "CH1": 1, "CH2": 2, "CH3": 3}
QUESTIONABLE_OV, QUESTIONABLE_OC = 1, 2

E36312A = SupplyModel(
    "E36312A",
    (
        OutputRange(6.18, 5.15, 6.6, 5.0, ovp_always=True, label="P6V"),
        OutputRange(25.75, 1.03, 27.5, 1.0, ovp_always=True, label="P25V"),
        OutputRange(25.75, 1.03, 27.5, 1.0, ovp_always=True, label="N25V"),
    ),
    Manners("Keysight Technologies,E36312A,MY90000001,2.1.0-1.0.4-1.12", signed, "supply"),
)


class KeysightE36(Supply):
    """Commands of an E36312A; without a channel list they mean the selected output."""

    def teach(self) -> None:
        """Add the maker's commands."""
        add = self.commands.add
        add(f"{SOURCE}:VOLTage{LEVEL}", self._volts, self._ask_volts)
        add(f"{SOURCE}:CURRent{LEVEL}", self._amps, self._ask_amps)
        add(f"{SOURCE}:VOLTage:PROTection[:LEVel]", self._ovp, self._ask_ovp)
        add(f"{SOURCE}:VOLTage:PROTection:STATe", None, lambda call: self._each(call, lambda _channel: "1"))
        add(f"{SOURCE}:VOLTage:PROTection:TRIPped", None, self._ask_tripped("OVP"))
        add(f"{SOURCE}:CURRent:PROTection:TRIPped", None, self._ask_tripped("OCP"))
        add(f"{SOURCE}:CURRent:PROTection:STATe", self._ocp, self._ask_ocp)
        add(
            (
                ":OUTPut:PROTection:CLEar",
                f"{SOURCE}:VOLTage:PROTection:CLEar",
                f"{SOURCE}:CURRent:PROTection:CLEar",
            ),
            self._clear_trip,
        )
        add(":OUTPut[:STATe]", self._switch, self._ask_on)
        add((":MEASure[:SCALar][:VOLTage][:DC]",), None, lambda call: self._measure(call, 0))
        add((":MEASure[:SCALar]:CURRent[:DC]",), None, lambda call: self._measure(call, 1))
        add((":INSTrument[:SELect]",), self._select, lambda _call: self.model.outputs[self.selected - 1].label)
        add(":INSTrument:NSELect", self._select_number, lambda _call: str(self.selected))
        add(":APPLy", self._apply, self._ask_apply)
        add(":STATus:QUEStionable:INSTrument:ISUMmary<n>:CONDition", None, self._condition)
        add((":SYSTem:REMote", ":SYSTem:LOCal", ":SYSTem:RWLock", ":SYSTem:BEEPer[:IMMediate]", ":ABORt"), _nothing)

    # --- channels

    def _channels(self, call: Call, most: int, least: int = 0) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return (parameters without the channel list, channels)."""
        given = call.parameters
        listed = bool(given) and given[-1].startswith("(")
        channels = channel_list(given[-1], len(self.outputs)) if listed else (self.selected,)
        given = given[:-1] if listed else given
        if len(given) > most:
            raise ScpiError(-108)
        if len(given) < least:
            raise ScpiError(-109)
        return given, channels

    def _each(self, call: Call, answer: Callable[[int], str]) -> str:
        _, channels = self._channels(call, 0)
        return ",".join(answer(channel) for channel in channels)

    # --- settings

    def _volts(self, call: Call) -> None:
        (text,), channels = self._channels(call, 1, 1)
        for channel, volts in [(each, limited(text, 0.0, self.range(each).volts, 0.0)) for each in channels]:
            self.set_volts(channel, volts, call.rig_ns)

    def _ask_volts(self, call: Call) -> str:
        given, channels = self._channels(call, 1)
        return ",".join(
            _long(limited(given[0], 0.0, self.range(each).volts, 0.0) if given else self.output(each).volts)
            for each in channels
        )

    def _amps(self, call: Call) -> None:
        (text,), channels = self._channels(call, 1, 1)
        for channel, amps in [(each, limited(text, 0.0, self.range(each).amps, 0.0)) for each in channels]:
            self.set_limit(channel, amps, call.rig_ns)

    def _ask_amps(self, call: Call) -> str:
        given, channels = self._channels(call, 1)
        return ",".join(
            _long(limited(given[0], 0.0, self.range(each).amps, 0.0) if given else self.output(each).limit_a)
            for each in channels
        )

    def _ovp(self, call: Call) -> None:
        (text,), channels = self._channels(call, 1, 1)
        for channel, volts in [(each, limited(text, 0.0, self.range(each).ovp_v, 0.0)) for each in channels]:
            self.set_ovp(channel, volts, None, call.rig_ns)

    def _ask_ovp(self, call: Call) -> str:
        return self._each(call, lambda channel: _long(self.output(channel).ovp_v))

    def _ocp(self, call: Call) -> None:
        (text,), channels = self._channels(call, 1, 1)
        for channel in channels:
            self.set_ocp(channel, None, truth(text), call.rig_ns)

    def _ask_ocp(self, call: Call) -> str:
        return self._each(call, lambda channel: str(int(self.output(channel).ocp_on)))

    def _ask_tripped(self, what: str) -> Handler:
        return lambda call: self._each(call, lambda channel: str(int(self.output(channel).tripped == what)))

    def _clear_trip(self, call: Call) -> None:
        for channel in self._channels(call, 0)[1]:
            self.clear_trip(channel, call.rig_ns)

    def _switch(self, call: Call) -> None:
        (text,), channels = self._channels(call, 1, 1)
        for channel in channels:
            self.set_on(channel, truth(text), call.rig_ns)

    def _ask_on(self, call: Call) -> str:
        return self._each(call, lambda channel: str(int(self.is_on(channel))))

    # --- readings and the rest

    def _measure(self, call: Call, which: int) -> str:
        return self._each(call, lambda channel: _long(self.measured(channel, call.rig_ns)[which]))

    def _select(self, call: Call) -> None:
        (name,) = call.only(1)
        if name.upper() not in NAMES:
            raise ScpiError(-224)
        self.selected = NAMES[name.upper()]

    def _select_number(self, call: Call) -> None:
        self.selected = round(limited(call.only(1)[0], 1, len(self.outputs), 1))

    def _apply(self, call: Call) -> None:
        given = call.only(3, 1)
        if given[0].upper() not in NAMES:
            raise ScpiError(-224)
        channel = NAMES[given[0].upper()]
        limits = self.range(channel)
        volts = limited(given[1], 0.0, limits.volts, 0.0) if len(given) > 1 else None
        amps = limited(given[2], 0.0, limits.amps, limits.reset_a) if len(given) > 2 else None
        self.selected = channel
        if volts is not None:
            self.set_volts(channel, volts, call.rig_ns)
        if amps is not None:
            self.set_limit(channel, amps, call.rig_ns)

    def _ask_apply(self, call: Call) -> str:
        given = call.only(1, 0)
        if given and given[0].upper() not in NAMES:
            raise ScpiError(-224)
        output = self.output(NAMES[given[0].upper()] if given else self.selected)
        return f'"{output.volts:.6f},{output.limit_a:.6f}"'

    def _condition(self, call: Call) -> str:
        """Return 2 for constant voltage, 1 for constant current, 0 for off."""
        channel = call.numbers[0] or self.selected
        return str({"CV": 2, "CC": 1, "UR": 0}[self.mode(channel, call.rig_ns)])


def _long(value: float) -> str:
    return f"{value:+.8E}"


def _nothing(_call: Call) -> None:
    """Do as told: nothing in here depends on it."""

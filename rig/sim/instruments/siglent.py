"""Siglent SPD3303X and SPD1000X supplies: ``CH1:VOLT``, a status word in place of ``OUTP?``, and rest between commands.

Both lose commands that come too soon, and hang when a command follows ``*SAV`` too soon.
"""

from __future__ import annotations

from rig.sim.instruments.scpi import Call, ScpiError, limited, truth
from rig.sim.instruments.session import Manners
from rig.sim.instruments.supply import OutputRange, Supply, SupplyModel

REST_S, SAVE_REST_S = 0.010, 0.050
REPLY_S = 0.012  # so that a question that is answered has also rested
INDEPENDENT = 0x04


def plain(code: int, text: str) -> str:
    """Return an error as Siglent writes it: no comma, no quotes."""
    return "0 No Error" if code == 0 else f"{code} {text}"


SPD3303X = SupplyModel(
    "SPD3303X",
    (OutputRange(32.0, 3.2, 33.0, 3.2), OutputRange(32.0, 3.2, 33.0, 3.2)),
    Manners(
        "Siglent Technologies,SPD3303X,SPD3XABC900001,1.01.01.02.05,V3.0", plain, "supply", REPLY_S, REST_S, SAVE_REST_S
    ),
)
SPD1168X = SupplyModel(
    "SPD1168X",
    (OutputRange(16.0, 8.0, 16.5, 8.0, ovp_always=True),),
    Manners(
        "Siglent Technologies,SPD1168X,SPD1XABC900001,2.01.01.06,V1.0", plain, "supply", REPLY_S, REST_S, SAVE_REST_S
    ),
)


class SiglentSpd(Supply):
    """Commands of an SPD3303X, which has no over-voltage protection over the wire; with one output, of an SPD1168X."""

    def teach(self) -> None:
        """Add the maker's commands."""
        add = self.commands.add
        add("[:CH<n>]:VOLTage", self._volts, lambda call: f"{self.output(self._prefix(call)).volts:.3f}")
        add("[:CH<n>]:CURRent", self._amps, lambda call: f"{self.output(self._prefix(call)).limit_a:.3f}")
        add(":OUTPut", self._switch)
        add(":INSTrument", self._select, lambda _call: f"CH{self.selected}")
        add(":MEASure:VOLTage", None, lambda call: f"{self._measured(call)[0]:.3f}")
        add(":MEASure:CURRent", None, lambda call: f"{self._measured(call)[1]:.3f}")
        add(":MEASure:POWEr", None, lambda call: f"{max(0.0, self._product(call)):.3f}")
        add(":SYSTem:STATus", None, self._status)
        add(":OUTPut:TRACK", lambda call: _mode(call.only(1)[0]))
        add((":OUTPut:WAVE", ":TIMEr", ":TIMEr:SET", ":MODE:SET", "*LOCK", "*UNLOCK"), _nothing)
        if len(self.outputs) == 1:
            self._add_protection()

    def _add_protection(self) -> None:
        """Add what the manual of 2025 has for single-output models: levels, always on, and what clears a trip."""
        add, limits = self.commands.add, self.range(1)
        add(
            ":OVP",
            lambda call: self.set_ovp(1, limited(call.only(1)[0], 0.0, limits.ovp_v, limits.ovp_v), None, call.rig_ns),
            lambda _call: f"{self.output(1).ovp_v:.3f}",
        )
        add(
            ":OCP",
            lambda call: self.set_ocp(1, limited(call.only(1)[0], 0.0, limits.amps, limits.amps), None, call.rig_ns),
            lambda _call: f"{self.output(1).ocp_a:.3f}",
        )
        add(":OUTPut:RESE:PROT", self._clear_trip)

    def _clear_trip(self, call: Call) -> None:
        """Clear a trip; the output stays off."""
        self.output(1).on = False
        self.clear_trip(1, call.rig_ns)

    def _prefix(self, call: Call) -> int:
        channel = call.numbers[0] or self.selected
        if channel > len(self.outputs):
            raise ScpiError(-113)
        return channel

    def _channel(self, text: str) -> int:
        name = text.upper()
        if name not in [f"CH{number + 1}" for number in range(len(self.outputs))]:
            raise ScpiError(-224)
        return int(name[2:])

    def _volts(self, call: Call) -> None:
        channel = self._prefix(call)
        self.set_volts(channel, limited(call.only(1)[0], 0.0, self.range(channel).volts, 0.0), call.rig_ns)

    def _amps(self, call: Call) -> None:
        channel = self._prefix(call)
        self.set_limit(channel, limited(call.only(1)[0], 0.0, self.range(channel).amps, 0.0), call.rig_ns)

    def _switch(self, call: Call) -> None:
        name, state = call.only(2)
        self.set_on(self._channel(name), truth(state), call.rig_ns)

    def _select(self, call: Call) -> None:
        self.selected = self._channel(call.only(1)[0])

    def _measured(self, call: Call) -> tuple[float, float]:
        given = call.only(1, 0)
        return self.measured(self._channel(given[0]) if given else self.selected, call.rig_ns)

    def _product(self, call: Call) -> float:
        volts, amps = self._measured(call)
        return volts * amps

    def _status(self, call: Call) -> str:
        """Return the status word: bits 0, 1 current limited, 2 to 3 mode of two outputs, 4, 5 on."""
        word = INDEPENDENT if len(self.outputs) > 1 else 0
        for number in range(len(self.outputs)):
            word |= (self.mode(number + 1, call.rig_ns) == "CC") << number
            word |= self.is_on(number + 1) << (4 + number)
        return f"0x{word:04x}"


def _mode(text: str) -> None:
    """Take the independent mode; the twin has no other."""
    if text != "0":
        raise ScpiError(-224)


def _nothing(_call: Call) -> None:
    """Do as told: nothing in here depends on it."""

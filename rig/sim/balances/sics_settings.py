"""What an MT-SICS balance says about itself, and its settings: questions and answers without weighing."""

from __future__ import annotations

import re
from collections.abc import Callable

from rig.sim.faults import FaultSet
from rig.sim.parameters import PlantParameters
from rig.sim.plant.plant import Plant

UPD_BASE_HZ = 91.55  # output rates are this divided by a whole number [balance 1.4]
UPD_LOWEST_HZ, UPD_HIGHEST_HZ = 1.0, 23.0
UNITS = {"0": "g", "1": "kg", "3": "mg"}  # of M21; others the twin cannot show
RELEASES = (4.0, 2.0, 1.0, 0.5, 0.25)  # M29: how much faster than usual a load may move and still be called stable
NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
SYNTAX_ERROR = "ES"

Answer = Callable[[str, str, int], list[str]]
"""From command name, parameters ('' when there are none) and rig time to the lines of the answer."""


class SicsSettings:
    """Identity (I0 to I5), display and keys (D, DW, K), modes (M..) and the output rate (UPD).

    The settings are kept over ``@``, as those of the device are.
    """

    def __init__(self, plant: Plant, parameters: PlantParameters, faults: FaultSet, model: str, serial: str) -> None:
        self._plant = plant
        self._p = parameters
        self._faults = faults
        self._modes = {"M01": 0, "M02": 2, "M29": 2, "M35": 0}
        self.host_unit = ""  # as the display shows it, until M21 says otherwise
        self.output_hz = UPD_BASE_HZ / round(UPD_BASE_HZ * parameters.update_s)
        self._inventory: list[str] = []
        self._constants = {
            "DW": "DW A",
            "I1": 'I1 A "01" "2.30" "2.22" "" ""',
            "I2": f'I2 A "{model} {parameters.capacity_g:.5f} g"',
            "I3": 'I3 A "1.10 10.28.0.493.142"',
            "I4": f'I4 A "{serial}"',
            "I5": 'I5 A "11781363L"',
        }
        self.table: dict[str, Answer] = dict.fromkeys(self._constants, self._constant)
        self.table |= {
            "D": self._display,
            "I0": self._commands,
            "K": self._keys,
            "M01": self._mode,
            "M02": self._mode,
            "M03": self._autozero,
            "M21": self._units,
            "M28": self._temperature,
            "M29": self._mode,
            "M35": self._mode,
            "UPD": self._output_rate,
            "USTB": self._stability,
        }

    @property
    def serial_line(self) -> str:
        """Return what is said at power-up and after ``@``."""
        return self._constants["I4"]

    def list_commands(self, names: list[str]) -> None:
        """Learn the names of all commands, for I0."""
        self._inventory = sorted(names, key=lambda name: (_level(name), name))

    def keep_only(self, names: frozenset[str]) -> None:
        """Forget every command but these."""
        self.table = {name: answer for name, answer in self.table.items() if name in names}

    @property
    def keeps_zero(self) -> bool:
        """Say whether the saved zero stands after power loss (M35)."""
        return self._modes["M35"] == 1

    @staticmethod
    def unit_number(unit: str) -> str:
        """Return the number by which M21 and SIS name a unit."""
        return next(number for number, name in UNITS.items() if name == unit)

    def _constant(self, name: str, arguments: str, _rig_ns: int) -> list[str]:
        return [SYNTAX_ERROR if arguments else self._constants[name]]

    def _commands(self, _name: str, arguments: str, _rig_ns: int) -> list[str]:
        if arguments:
            return [SYNTAX_ERROR]
        last = self._inventory[-1]
        return [f'I0 {"A" if name == last else "B"} {_level(name)} "{name}"' for name in self._inventory]

    def _display(self, _name: str, arguments: str, _rig_ns: int) -> list[str]:
        return ["D A" if TEXT.fullmatch(arguments) else SYNTAX_ERROR]

    def _keys(self, _name: str, arguments: str, _rig_ns: int) -> list[str]:
        return ["K A" if arguments in ("1", "2", "3", "4") else _wrong("K", arguments)]

    def _mode(self, name: str, arguments: str, _rig_ns: int) -> list[str]:
        """M01 weighing mode; M02 environment (chooses the filter); M29 value release; M35 zero after power loss."""
        if not arguments:
            return [f"{name} A {self._modes[name]}"]
        if arguments not in (("0", "1") if name == "M35" else ("0", "1", "2", "3", "4")):
            return [_wrong(name, arguments)]
        self._modes[name] = int(arguments)
        if name == "M02":
            self._plant.set_filter(self._p.filter_s[int(arguments)])
        elif name == "M29":
            self._plant.cell.release = RELEASES[int(arguments)]
        return [f"{name} A"]

    def _units(self, name: str, arguments: str, rig_ns: int) -> list[str]:
        """M21: the host unit (channel 0), in which S and SI answer, and the display's (channel 1)."""
        shown = self._faults.text("balance.unit", rig_ns) or "g"
        if not arguments:
            host = self.unit_number(self.host_unit or shown)
            return [f"{name} B 0 {host}", f"{name} A 1 {self.unit_number(shown)}"]
        channel, _, number = arguments.partition(" ")
        if channel != "0" or number not in UNITS:
            return [_wrong(name, channel + number)]
        self.host_unit = UNITS[number]
        return [f"{name} A"]

    def _temperature(self, name: str, arguments: str, rig_ns: int) -> list[str]:
        """M28: the air at the cell, in C."""
        return [SYNTAX_ERROR if arguments else f"{name} A 1 {self._plant.air(rig_ns)[0]:.1f}"]

    def _stability(self, name: str, arguments: str, _rig_ns: int) -> list[str]:
        """USTB: tolerance in digits over a window in s, for weighing, taring and zeroing; not to be set here."""
        if arguments:
            return [f"{name} L"]
        digits = self._p.stable_digits_per_s * self._plant.cell.release
        return [f"{name} {'A' if which == 2 else 'B'} {which} {digits:.3f} 1.000" for which in range(3)]

    def _autozero(self, name: str, arguments: str, rig_ns: int) -> list[str]:
        """M03: the seeded fault makes it stay on, as an approved balance does."""
        cell = self._plant.cell
        forced = self._faults.on("balance.zero_tracking", rig_ns)
        if not arguments:
            return [f"{name} A {int(forced or cell.zero_tracking)}"]
        if arguments not in ("0", "1") or forced:
            return [_wrong(name, arguments)]
        cell.zero_tracking = arguments == "1"
        return [f"{name} A"]

    def _output_rate(self, name: str, arguments: str, _rig_ns: int) -> list[str]:
        if not arguments:
            return [f"{name} A {self.output_hz:.3f}"]
        if NUMBER.fullmatch(arguments) is None:
            return [SYNTAX_ERROR]
        if not UPD_LOWEST_HZ <= float(arguments) <= UPD_HIGHEST_HZ:
            return [f"{name} L"]
        self.output_hz = UPD_BASE_HZ / round(UPD_BASE_HZ / float(arguments))
        return [f"{name} A"]


def _wrong(name: str, arguments: str) -> str:
    """Return the refusal of a number that is not possible, or of something that is no number."""
    return f"{name} L" if arguments.isascii() and arguments.isdigit() else SYNTAX_ERROR


def _level(name: str) -> int:
    """Return the MT-SICS level of a command."""
    if name in ("@", "I0", "I1", "I2", "I3", "I4", "I5", "S", "SI", "SIR", "Z", "ZI"):
        return 0
    return 1 if name in ("D", "DW", "K", "SR", "T", "TA", "TAC", "TI") else 2

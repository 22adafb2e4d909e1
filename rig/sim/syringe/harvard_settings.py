"""What a Harvard pump is set to, and what it says about itself: commands that move nothing [syringe 2.3]."""

from __future__ import annotations

from collections.abc import Callable

from rig.sim.syringe.device import SECOND_NS
from rig.sim.syringe.drive import Drive
from rig.sim.syringe.harvard_text import (
    INVALID,
    NOT_NOW,
    OUT_OF_RANGE,
    Refused,
    read_number,
    read_rate_unit,
    read_volume_ul,
    read_whole,
    ul_per_h,
    write_limit,
    write_rate,
    write_volume,
)
from rig.sim.syringe.parameters import SyringeParameters, SyringePumpModel

LEAST_DIAMETER_MM, MOST_DIAMETER_MM = 0.1, 50.0
MOST_VOLUME_UL = 200_000.0
MOST_TIME_S = 359_999
BAUD_RATES = ("9600", "19200", "38400", "57600", "115200", "230400", "460800", "921600")

Command = Callable[[list[str]], list[str]]
"""From the words after a command's name to the lines of its answer; raises `Refused`."""


class HarvardSettings:
    """Rates, targets, counters and manners of one pump."""

    def __init__(self, model: SyringePumpModel, drive: Drive, parameters: SyringeParameters, address: int) -> None:
        self.phd = model.name.startswith("phd")
        self.address = address
        self.poll = False
        self.echo = False
        self.rates = {True: (500.0, ("u", "h")), False: (500.0, ("u", "h"))}  # by "it infuses"
        self.target_ul: float | None = None
        self.target_s: int | None = None
        self._model = model
        self._drive = drive
        self._syringe_ul = parameters.capacity_ul
        self._words = {"force": "50", "baud": "115200", "nvram": "on", "output": "low"}
        self.table: dict[str, Command] = {
            "address": self._set_address,
            "baud": self._baud,
            "citime": lambda words: self._clear_time(words, (True,)),
            "civolume": lambda words: self._clear_volume(words, (True,)),
            "ctime": lambda words: self._clear_time(words, (True, False)),
            "cttime": self._clear_target_time,
            "ctvolume": self._clear_target_volume,
            "cvolume": lambda words: self._clear_volume(words, (True, False)),
            "cwtime": lambda words: self._clear_time(words, (False,)),
            "cwvolume": lambda words: self._clear_volume(words, (False,)),
            "diameter": self._diameter,
            "echo": self._set_echo,
            "force": self._force,
            "input": lambda words: no_words(words) or ["Low"],
            "irate": lambda words: self._rate(words, forward=True),
            "itime": lambda words: no_words(words) or [_seconds(drive.infused_ns)],
            "ivolume": lambda words: no_words(words) or [write_volume(drive.infused_ul)],
            "metrics": self._metrics,
            "nvram": self._nvram,
            "output": self._output,
            "poll": self._set_poll,
            "svolume": self._syringe_volume,
            "ttime": self._target_time,
            "tvolume": self._target_volume,
            "ver": lambda words: no_words(words) or [model.version],
            "version": self._version,
            "wrate": lambda words: self._rate(words, forward=False),
            "wtime": lambda words: no_words(words) or [_seconds(drive.withdrawn_ns)],
            "wvolume": lambda words: no_words(words) or [write_volume(drive.withdrawn_ul)],
        }

    def restart(self) -> None:
        """Begin as after power-up: what is in the memory stays, counters and targets do not."""
        drive = self._drive
        self.poll = self.echo = False
        self.target_ul = self.target_s = None
        drive.infused_ul = drive.withdrawn_ul = 0.0
        drive.infused_ns = drive.withdrawn_ns = 0

    def _still(self) -> None:
        if self._drive.running:
            raise Refused(NOT_NOW)

    def _rate(self, words: list[str], *, forward: bool) -> list[str]:
        drive = self._drive
        if not words:
            return [write_rate(*self.rates[forward])]
        limits = {"min": drive.least_ul_per_h, "max": drive.most_ul_per_h}
        if words == ["lim"]:
            return [f"{write_limit(drive.least_ul_per_h)} to {write_limit(drive.most_ul_per_h)}"]
        if len(words) == 1 and words[0] in limits:
            rate, unit = limits[words[0]] / 60.0, ("u", "m")
        else:
            number, name = _two(words)
            rate, unit = read_number(number), read_rate_unit(name)
            if not drive.least_ul_per_h <= ul_per_h(rate, unit) <= drive.most_ul_per_h:
                raise Refused(OUT_OF_RANGE, number)
        self.rates[forward] = rate, unit
        if drive.running and drive.forward == forward:
            drive.change_rate(ul_per_h(rate, unit))
        return []

    def _diameter(self, words: list[str]) -> list[str]:
        if not words:
            return [f"{self._drive.diameter_mm:.4f} mm"]
        if len(words) > 2 or words[1:] not in ([], ["mm"]):
            raise Refused(INVALID, words[-1])
        diameter_mm = read_number(words[0])
        self._still()
        if not LEAST_DIAMETER_MM <= diameter_mm <= MOST_DIAMETER_MM:
            raise Refused(OUT_OF_RANGE, words[0])
        self._drive.diameter_mm = round(diameter_mm, 4)
        return []

    def _syringe_volume(self, words: list[str]) -> list[str]:
        if not words:
            return [f"{self._syringe_ul / 1000.0:.4f} ml"]
        volume_ul = read_volume_ul(*_two(words))
        self._still()
        if not 0.0 < volume_ul <= MOST_VOLUME_UL:
            raise Refused(OUT_OF_RANGE, words[0])
        self._syringe_ul = volume_ul
        return []

    def _target_volume(self, words: list[str]) -> list[str]:
        if not words:
            return ["Target volume not set" if self.target_ul is None else write_volume(self.target_ul)]
        volume_ul = read_volume_ul(*_two(words))
        self._still()
        if not 0.0 < volume_ul <= MOST_VOLUME_UL:
            raise Refused(OUT_OF_RANGE, words[0])
        self.target_ul = volume_ul
        return []

    def _target_time(self, words: list[str]) -> list[str]:
        if not words:
            return ["Target time not set" if self.target_s is None else f"{self.target_s} seconds"]
        if len(words) > 1:
            raise Refused(INVALID, words[1])
        seconds = read_whole(words[0], 1, MOST_TIME_S)
        self._still()
        self.target_s = seconds
        return []

    def _clear_target_volume(self, words: list[str]) -> list[str]:
        no_words(words)
        self._still()
        self.target_ul = None
        return []

    def _clear_target_time(self, words: list[str]) -> list[str]:
        no_words(words)
        self._still()
        self.target_s = None
        return []

    def _clear_volume(self, words: list[str], directions: tuple[bool, ...]) -> list[str]:
        no_words(words)
        self._still()
        if True in directions:
            self._drive.infused_ul = 0.0
        if False in directions:
            self._drive.withdrawn_ul = 0.0
        return []

    def _clear_time(self, words: list[str], directions: tuple[bool, ...]) -> list[str]:
        no_words(words)
        self._still()
        if True in directions:
            self._drive.infused_ns = 0
        if False in directions:
            self._drive.withdrawn_ns = 0
        return []

    def _set_address(self, words: list[str]) -> list[str]:
        if not words:
            return [f"Pump address is {self.address}"]
        self.address = read_whole(_one(words), 0, 99)
        return []

    def _baud(self, words: list[str]) -> list[str]:
        if not words:
            return [self._words["baud"]]
        return self._choose("baud", words, BAUD_RATES[: 5 if self.phd else len(BAUD_RATES)])

    def _force(self, words: list[str]) -> list[str]:
        if not words:
            return [f"{self._words['force']}%"]
        self._words["force"] = str(read_whole(_one(words), 1, 100))
        return []

    def _nvram(self, words: list[str]) -> list[str]:
        if not words:
            return [self._words["nvram"].upper()]
        return self._choose("nvram", words, ("on", "none" if self.phd else "off"))

    def _output(self, words: list[str]) -> list[str]:
        if len(words) != 2 or words[0] != "1":
            raise Refused(INVALID, words[0] if words else "")
        return self._choose("output", words[1:], ("high", "low"))

    def _choose(self, name: str, words: list[str], choices: tuple[str, ...]) -> list[str]:
        if _one(words) not in choices:
            raise Refused(INVALID, words[0])
        self._words[name] = words[0]
        return []

    def _set_poll(self, words: list[str]) -> list[str]:
        if not words:
            return ["ON" if self.poll else "OFF"]
        self.poll = _switch(words)
        return []

    def _set_echo(self, words: list[str]) -> list[str]:
        if not words:
            return ["ON" if self.echo else "OFF"]
        self.echo = _switch(words)
        return []

    def _version(self, words: list[str]) -> list[str]:
        no_words(words)
        number = self._model.version.rsplit(" ", 1)[-1]
        return [f"Firmware:      v{number}", "RTOS:          v1.2.0", f"Pump address:  {self.address}"]

    def _metrics(self, words: list[str]) -> list[str]:
        no_words(words)
        return [
            f"Pump type          {self._model.version.strip().rsplit(' ', 1)[0]}",
            "Direction          Infuse/withdraw",
            f"Minimum rate       {write_limit(self._drive.least_ul_per_h)}",
            f"Maximum rate       {write_limit(self._drive.most_ul_per_h)}",
        ]


def no_words(words: list[str]) -> list[str]:
    """Return nothing for no words; refuse them where none belong."""
    if words:
        raise Refused(INVALID, words[0])
    return []


def _one(words: list[str]) -> str:
    if len(words) != 1:
        raise Refused(INVALID, words[-1])
    return words[0]


def _two(words: list[str]) -> tuple[str, str]:
    if len(words) != 2:
        raise Refused(INVALID, words[-1])
    return words[0], words[1]


def _switch(words: list[str]) -> bool:
    if _one(words) not in ("on", "off"):
        raise Refused(INVALID, words[0])
    return words[0] == "on"


def _seconds(time_ns: int) -> str:
    return f"{time_ns // SECOND_NS} seconds"

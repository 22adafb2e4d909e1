"""`DriverSpec`: all that the rig has to know of a driver before it opens a device with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from rig.driver_names import GROUPS, NAME_PATTERN
from rig.plugins.roles import NEEDED, ROLES, BalanceDriver, Capability, PumpDriver, members
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.transport.virtual import SimulatedDevice

__all__ = [
    "API",
    "METHODS",
    "Address",
    "BalanceDriver",
    "Capability",
    "DriverSpec",
    "Open",
    "PumpDriver",
    "Scene",
    "Simulator",
]

API: Final = 1
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


METHODS: Final[dict[str, dict[Capability | None, tuple[str, ...]]]] = {  # what a driver must have, by what it claims
    role: {capability: members(protocol) for capability, protocol in table.items()} for role, table in ROLES.items()
}


@dataclass(frozen=True, slots=True)
class Address:
    """Which device is meant, as the bench file names it.

    ``allowed_serials`` are the devices under test: a pump driver must refuse every other ``serial`` with
    `rig.errors.ConfigError` before a byte leaves. A balance may have an empty ``serial``. With ``scan``, bands of radio
    frequencies (``us``, ``ww``), a pump's frequency is looked for; only a driver that ``scans`` is ever given any.
    ``channel`` is the output of a supply, counted from 1.
    ``stream`` says that a balance's readings come by themselves, which is asked only of drivers that claim
    `Capability.STREAMS`.

    A flow source has no ``serial``; ``line_address`` is its address on its line, and ``safe_timeout_s`` after how long
    without a word from the host it shall stop by itself (0: never, or it cannot).
    """

    serial: str
    allowed_serials: frozenset[str] = frozenset()
    frequency_mhz: float = 916.5
    scan: tuple[str, ...] = ()
    channel: int = 1
    line_address: int = 0
    safe_timeout_s: int = 0
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A simulated device in a situation of the conformance suite, not yet attached to a wire.

    ``arranged_after_s`` of virtual time after the first contact the situation has come about: some begin only when a
    device is in use. ``resolution_mg`` is the last digit of a balance. ``boluses_begun`` and ``keys_pushed`` count what
    a pump has begun and felt: by them the suite sees a driver that sends a command twice. ``alarm`` is the code of an
    alarm that is pending.
    ``diameter_mm`` is that of a flow source's syringe. ``air`` is what a sensor should tell: degrees C, %, hPa.
    """

    device: SimulatedDevice
    serial: str
    model: str
    resolution_mg: float = 0.0
    arranged_after_s: float = 0.0
    diameter_mm: float = 0.0
    boluses_begun: Callable[[], int] | None = None
    keys_pushed: Callable[[], int] | None = None
    alarm: int = 0
    air: tuple[float, float, float] | None = None


Open = Callable[[Links, Link, Address], object]
Simulator = Callable[..., Scene | None]  # of the situation; and of the model, where the driver says which are played


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSpec:
    """One driver. Making one does nothing but look at the fields; raises `ValueError` for one that cannot be right.

    ``api`` is the version of this interface that the driver was written for: always write a number, never `API`.
    ``name`` is what a bench file calls it, the same as its entry point's. ``role`` is a key of
    `rig.driver_names.GROUPS`, ``models`` what the device may report as its model (empty: any). ``link_settings`` open
    its port; the baud rate of a balance, and of a flow source where it is named, is the bench file's. ``scans``: it
    finds a pump's radio frequency by itself. ``lacks`` says what single ones of the models cannot do of the
    ``capabilities``, by model; `can` is what is left. ``open`` returns the driver of one device on an open link and
    sends nothing. ``transcripts`` are files beside the module of the specification, in the form of
    `rig.conformance.transcript`. ``simulator`` is ``"package.module:function"`` of a `Simulator`, which is imported
    only to check the driver. It is given the situation, and one of the models that ``played`` names, each of which is
    checked by what it can do; where that is empty it plays one device, and is not told which.
    """

    api: int
    name: str
    role: str
    models: tuple[str, ...]
    capabilities: frozenset[Capability]
    link_settings: SerialSettings
    open: Open
    transcripts: tuple[str, ...] = ()
    simulator: str | None = None
    played: tuple[str, ...] = ()
    scans: bool = False
    lacks: Mapping[str, frozenset[Capability]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.api != API:
            return  # refused by name by whoever finds it; its other fields may mean something else
        if re.fullmatch(NAME_PATTERN, self.name) is None:
            raise ValueError(f"name {self.name!r}: lower-case letters, digits and dashes, please")
        if self.role not in GROUPS:
            raise ValueError(f"role {self.role!r}: {' or '.join(GROUPS)}, please")
        offered = [each for each in METHODS[self.role] if each is not None]
        if not self.capabilities <= frozenset(offered):
            raise ValueError(f"capabilities of a {self.role}: {', '.join(each.value for each in offered)}, please")
        if NEEDED[self.role] not in self.capabilities:
            raise ValueError(f"a {self.role} that never {NEEDED[self.role].value} is of no use on a bench")
        self._check_models()
        if self.simulator is not None and _REFERENCE.fullmatch(self.simulator) is None:
            raise ValueError(f"simulator {self.simulator!r}: 'package.module:function', please")

    def can(self, model: str) -> frozenset[Capability]:
        """Return what a device of ``model`` can be asked for."""
        return self.capabilities - self.lacks.get(model, frozenset())

    def _check_models(self) -> None:
        strangers = [model for model in self.played if model not in self.models]
        if strangers:
            raise ValueError(
                f"played: {strangers[0]!r} is none of the models, please {', '.join(self.models) or 'some'}"
            )
        for model, lacked in self.lacks.items():
            if model not in self.models:
                raise ValueError(f"lacks: {model!r} is none of the models; {', '.join(self.models) or 'some'}, please")
            if not lacked <= self.capabilities - {NEEDED[self.role]}:
                raise ValueError(f"lacks of {model}: of the capabilities but {NEEDED[self.role].value}, please")

    def methods(self) -> tuple[str, ...]:
        """Return the names of what `open` must return, by the capabilities."""
        wanted = METHODS[self.role]
        return tuple(
            dict.fromkeys(name for key in (None, *wanted) if key in {None, *self.capabilities} for name in wanted[key])
        )

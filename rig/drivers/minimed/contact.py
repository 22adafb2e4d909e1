"""Contact with one pump: awake when it is spoken to, its family known, the stick brought back when it is unplugged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rig.clock import to_ns
from rig.drivers.minimed.way import PumpNotHeard, PumpWay, Settled
from rig.errors import InstrumentError, LinkLost, UsageError
from rig.transport.links import Link, Links
from rig.wire.minimed import answers, commands
from rig.wire.minimed.counts import is_new_family
from rig.wire.minimed.packets import Opcode, Packet

FAMILIES = (12, 15, 22, 23, 30, 40, 51, 54)  # model number mod 100
MAX_WAKE_MINUTES = 10
_REPLUG_S = 10.0  # of link time: how long an unplugged stick is waited for
_REPLUGS = 3
_AWAKE_AFTER_ANSWER_S = 50.0  # the radio stays on for 60 to 90 s
_AWAKE_MARGIN_S = 15.0

Value = TypeVar("Value")


class PumpContact:
    """Everything between a command of the pump role and the way to the pump; constructing does nothing."""

    def __init__(self, links: Links, link: Link, way: PumpWay, serial: str) -> None:
        self._links = links
        self._link = link
        self._serial = serial
        self.way = way
        self._awake_until_ns: int | None = None
        self._family: int | None = None

    @property
    def family(self) -> int:
        """The pump's family, the last two digits of its model number; asks for it once."""
        if self._family is None:
            self._over_link(self._keep_awake)  # which asks for the model, unless it took a burst
        if self._family is None:
            self.model()
        assert self._family is not None  # noqa: S101 - model() sets it or raises
        return self._family

    @property
    def is_new(self) -> bool:
        """Whether the pump has the layouts of families 23 and later."""
        return is_new_family(f"5{self.family:02d}")

    def wake(self, minutes: int) -> None:
        """Bring the pump's radio up for ``minutes`` (1 to 10)."""
        if not 1 <= minutes <= MAX_WAKE_MINUTES:
            raise UsageError(f"a pump cannot stay awake for {minutes} min", expected=f"1 to {MAX_WAKE_MINUTES} min")
        self._over_link(lambda: self._wake(minutes))

    def model(self) -> str:
        """Ask for the model number, and learn the family from it."""
        model = answers.parse_model(self.read(Opcode.MODEL))
        self._learn_family(model)
        return model

    def read(self, opcode: Opcode) -> Packet:
        """Ask for one packet of data."""
        return self._talk(lambda: self.way.read(opcode))

    def fragments(self, opcode: Opcode, parse: Callable[[bytes], Value], parameters: bytes | None = None) -> Value:
        """Ask for an answer in several packets."""
        return self._talk(lambda: self.way.read_fragments(opcode, parse, parameters))

    def command(self, opcode: Opcode, parameters: bytes) -> Settled:
        """Send a command whose parameters leave exactly once."""
        self._talk(lambda: self.way.announce(opcode))
        return self.way.once(opcode, parameters)

    def image(self, opcode: Opcode, image: bytes) -> Settled:
        """Send a command whose parameters fill several packets, each of which leaves exactly once."""
        self._talk(lambda: self.way.announce(opcode))
        return self.way.once_image(opcode, image)

    def _talk(self, action: Callable[[], Value]) -> Value:
        """Do something that may be repeated with a pump that is awake; wake it once more when it is not heard."""
        return self._over_link(lambda: self._talk_awake(action))

    def _talk_awake(self, action: Callable[[], Value]) -> Value:
        self._keep_awake()
        try:
            return action()
        except PumpNotHeard:
            self._awake_until_ns = None  # whatever it was asked before, it may have gone to sleep
            self._wake(MAX_WAKE_MINUTES)
        return action()

    def _over_link(self, action: Callable[[], Value]) -> Value:
        """Do something that may be repeated; when the stick is unplugged meanwhile, wait for it and do it again.

        Never called around a parameter packet: whatever happens to that, it leaves once.
        """
        for _ in range(_REPLUGS):
            try:
                return action()
            except LinkLost:
                self._links.recover(self._link, _REPLUG_S, self.way.ready)
        return action()

    def _keep_awake(self) -> None:
        until_ns = self._awake_until_ns
        if until_ns is None or self._links.clock.link_ns() >= until_ns:
            self._wake(MAX_WAKE_MINUTES)

    def _wake(self, minutes: int) -> None:
        """See that the pump answers, and that its radio stays on for at least half of ``minutes``.

        One that answers, and was asked to stay on for so long, is not asked again: through a CareLink stick that is a
        wake-up burst of 12 s, in which nobody weighs.
        """
        if self._answers():
            until_ns = self._awake_until_ns
            if until_ns is not None and until_ns - self._links.clock.link_ns() >= to_ns(30 * minutes):
                return
        else:
            self._awake_until_ns = None
            self.way.wake(long_sleeper=self._family is None or not self.is_new)
        now_ns = self._links.clock.link_ns()
        if self.way.power_on(commands.power(minutes)):
            self._awake_until_ns = now_ns + to_ns(60 * minutes - _AWAKE_MARGIN_S)
        else:
            self._awake_until_ns = now_ns + to_ns(_AWAKE_AFTER_ANSWER_S)

    def _answers(self) -> bool:
        """Ask for the model once: a pump that answers is awake."""
        try:
            self._learn_family(answers.parse_model(self.way.read(Opcode.MODEL, tries=1)))
        except PumpNotHeard:
            return False
        return True

    def _learn_family(self, model: str) -> None:
        if len(model) != 3 or int(model) % 100 not in FAMILIES:
            raise InstrumentError(
                f"the pump is a model {model}",
                where=f"pump {self._serial}",
                expected=f"a 5xx or 7xx of family {', '.join(f'{family:02d}' for family in FAMILIES)}",
                hint="use one of those; others have layouts that this driver does not know",
            )
        self._family = int(model) % 100

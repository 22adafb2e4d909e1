"""What comes before the first blank and after the last: history, checklist, and the reference weight."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol

from rig.bench import WeighingBench
from rig.clock import VirtualClock
from rig.programme import Plan
from rig.runner.checklist import asked, vouched
from rig.runner.operator import Hands, Operator, Wait
from rig.runner.reference import weigh_reference, weight_of

AFTER_SUSPEND_S = 120.0  # the tail of the last dose, where no closing blank has waited for it
LOOK_S = 0.05  # real time: how often a twin whose clock stands still looks for the answer


class Weighs(Protocol):
    """The player, as far as it is needed here."""

    def wake(self) -> None:
        """Bring the pump's radio up."""

    def enter(self, phase: str) -> None:
        """Say what is being done."""

    def sample_for(self, duration_s: float, interval_s: float | None = None) -> None:
        """Weigh for a time from now on."""


class Records(Protocol):
    """What takes down an event, and stops the pump."""

    @property
    def suspended(self) -> bool:
        """Whether the pump is known to be stopped."""

    def record(self, name: str, data: dict[str, Any], at_ns: int | None = None) -> int:
        """Take down an event."""

    def suspend(self) -> int:
        """Stop the pump."""


@dataclass(frozen=True, slots=True)
class Prelude:
    """Who is at the bench, if anybody, and what its ledger says of former blanks."""

    operator: Operator | None = None
    history: dict[str, Any] | None = None

    def begin(self, player: Weighs, bench: WeighingBench, records: Records, plan: Plan, *, resumed: bool) -> None:
        """Record history and checklist, and weigh the reference weight; the pump is armed and stopped.

        A run that is taken up again asks nothing: who resumed it and why is on record already.
        """
        if self.history is not None:
            records.record("bench_history", self.history)
        if resumed:
            return
        if self.operator is None:
            records.record("checklist", vouched(bench.config))
            return
        player.enter("arming checklist")
        records.record("checklist", asked(self.operator, plan, _waiting(player, bench)))
        self._weigh("start", player, bench, records)

    def end(self, player: Weighs, bench: WeighingBench, records: Records) -> None:
        """Weigh the reference weight once more, with the pump stopped."""
        if self.operator is None or weight_of(bench.config) is None:
            return
        if not records.suspended:
            player.wake()
            records.suspend()
            player.sample_for(AFTER_SUSPEND_S)
        self._weigh("end", player, bench, records)

    def _weigh(self, which: str, player: Weighs, bench: WeighingBench, records: Records) -> None:
        weight, operator = weight_of(bench.config), self.operator
        if weight is None or operator is None:
            return
        hands = operator if bench.hands is None else Hands(bench.hands, operator)
        player.enter(f"reference weight, {which}")
        weigh_reference(which, weight, hands, player, records.record)


def _waiting(player: Weighs, bench: WeighingBench) -> Wait:
    """Return what happens while somebody thinks: the bench weighs on, but a twin's clock stands still."""
    if isinstance(bench.clock, VirtualClock):
        return lambda: time.sleep(LOOK_S)
    return lambda: player.sample_for(1.0)

"""How a run ended: a reason from a closed list, in words, and what is known of the pump."""

from __future__ import annotations

from dataclasses import dataclass

from rig.errors import EmergencyStopped, GuardianLost, RecordError, RigError, RunAborted
from rig.guardian.stop_pump import SafeState
from rig.results import EndReason


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: a reason from a closed list, its words, and whether the pump is known to be stopped."""

    reason: EndReason
    detail: str
    safe: SafeState
    error: BaseException | None = None
    commanded: bool = False  # whether any command that changes the delivery was tried


def end_reason(failure: BaseException) -> EndReason:
    """Return the reason, from the closed list, of a run that ended by this error."""
    kinds: tuple[tuple[type[BaseException], EndReason], ...] = (
        (EmergencyStopped, EndReason.EMERGENCY_STOP),
        (RunAborted, EndReason.ABORTED),
        (RecordError, EndReason.RECORD_FAILED),
        (GuardianLost, EndReason.GUARDIAN_LOST),
        (RigError, EndReason.BENCH_FAULT),
    )
    return next((reason for kind, reason in kinds if isinstance(failure, kind)), EndReason.ERROR)


def words_of(failure: BaseException) -> str:
    """Return an error in one line."""
    return str(failure) if isinstance(failure, RigError) else f"{type(failure).__name__}: {failure}"

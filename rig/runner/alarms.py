"""A pump with an alarm delivers nothing: it is named before a run begins, and beside whatever the pump refuses."""

from __future__ import annotations

from rig.errors import BenchError, InstrumentError
from rig.plugins.roles import Alarms, Capability, ClaimedPump
from rig.scenario.step_fields import ALARMS

NAMES = {code: name for name, code in ALARMS.items()}
NO_ALARM, CLEAR_IT = "a pump without an alarm", "see to its cause, and clear it at the pump"


def alarm_text(code: int) -> str:
    """Return an alarm in words: its code, and its name where that is known."""
    return f"alarm {code} ({NAMES[code]})" if code in NAMES else f"alarm {code}"


def active_alarm(claimed: ClaimedPump) -> int:
    """Return the code of the active alarm; 0 for none, and where the driver cannot ask."""
    return claimed.role(Alarms).alarm() if Capability.ALARMS in claimed.can else 0


def refuse_alarm(claimed: ClaimedPump) -> None:
    """Raise `InstrumentError` where an alarm is active."""
    held = active_alarm(claimed)
    if held:
        raise InstrumentError(
            f"{alarm_text(held)} is active: a pump with an alarm delivers nothing",
            where="pump",
            expected=NO_ALARM,
            hint=CLEAR_IT,
        )


def named(refused: InstrumentError, claimed: ClaimedPump) -> InstrumentError:
    """Return a refusal with the alarm that is active meanwhile; the refusal itself where none is, or nobody can ask."""
    try:
        held = active_alarm(claimed)
    except BenchError:
        return refused
    if not held:
        return refused
    what = f"{refused.what}; {alarm_text(held)} is active, and a pump with an alarm delivers nothing"
    return InstrumentError(what, where=refused.where, expected=NO_ALARM, hint=CLEAR_IT)

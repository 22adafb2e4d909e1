"""The twin in the situations of the conformance suite; what it cannot play is None."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from rig.plugins.spec import Scene
from rig.sim.bench import SimulatedBench
from rig.transport.virtual import SimulatedDevice

SERIAL: Final = "900123"
MODEL: Final = "723"
ALARM: Final = 0x3E  # the reservoir is empty
RESOLUTION_MG: Final = 0.1
START: Final = datetime(2025, 3, 9, 14)  # noqa: DTZ001 - pump clocks are local
NO_MODELS: Final[Mapping[str, str]] = MappingProxyType({})
OPENED_S: Final = 60.0  # a balance has long been opened by then

_PUMP: Final[dict[str, tuple[str, ...]]] = {
    "out_of_range": ("pump.asleep=on",),
    "bolus_ack_lost": ("link.drop_ack=bolus:1",),
    "temp_ack_lost": ("link.drop_ack=temp_basal:1",),
    "percent_ack_lost": ("link.drop_ack=temp_basal:1",),
    "pattern_ack_lost": ("link.drop_ack=pattern:1",),
    "limit_ack_lost": ("link.drop_ack=max_bolus:1",),
    "key_ack_lost": ("link.drop_ack=key:1",),
}
_BALANCE: Final[dict[str, tuple[str, ...]]] = {
    "steady": (),
    "identity": (),
    "steady_stable": (),
    "stream": (),
    "overload": ("balance.overload=on@60s",),
    "underload": ("balance.underload=on@60s",),
    "busy": ("balance.adjusting=on@60s",),
    "unstable": ("balance.unstable=on@60s",),
    "silent": ("balance.silent=on",),
    "wrong_unit": ("balance.unit=kg",),
    "damaged": ("balance.cut=1@60s",),
    "stream_running": ("balance.autoprint=on",),
}


def cc111x(situation: str, model: str = MODEL) -> Scene:
    """Return a pump of the twin behind a CC111x stick."""
    return _pump("cc111x", situation, model)


def carelink(situation: str, model: str = MODEL) -> Scene:
    """Return a pump of the twin behind a CareLink stick."""
    return _pump("carelink", situation, model)


def mt_sics(situation: str) -> Scene | None:
    """Return a balance of the twin that speaks MT-SICS."""
    return _balance("mt-sics", situation)


def kern_kcp(situation: str) -> Scene | None:
    """Return a KERN that speaks KCP."""
    return _balance("kern-kcp", situation)


def sbi(situation: str) -> Scene | None:
    """Return a Sartorius; it streams only when its menu says so."""
    return _balance("sbi", situation, {"stream": "wza", "stream_running": "wza"})


def a_and_d(situation: str) -> Scene | None:
    """Return an A&D; what it is busy with it says only with erCd 1."""
    return _balance("and", situation, {"busy": "fx-i-ak"})


def ohaus(situation: str) -> Scene | None:
    """Return an Ohaus; busy with an adjustment it says what it says to an unknown command, so nobody can tell."""
    return None if situation == "busy" else _balance("ohaus", situation)


def kern(situation: str) -> Scene | None:
    """Return a KERN with the older remote set; busy it says nothing at all, and it cannot say who it is."""
    if situation in ("busy", "identity"):
        return None
    return _balance("kern", situation, {"stream": "pcb-au-pc", "stream_running": "pcb-au-pc"})


def radwag(situation: str) -> Scene | None:
    """Return a Radwag; its base unit is fixed, so that only another model answers in kg."""
    return _balance("radwag", situation, {"wrong_unit": "wlc"})


def _balance(protocol: str, situation: str, models: Mapping[str, str] = NO_MODELS) -> Scene | None:
    """Return a balance on which a load rests, in a situation; ``models`` other than the first, by situation."""
    faults = _BALANCE.get(situation)
    if faults is None:
        return None
    twin = SimulatedBench(
        serial=SERIAL,
        start_local=START,
        faults=faults,
        resolution_mg=RESOLUTION_MG,
        balance=protocol,
        balance_name=models.get(situation, ""),
    )
    arranged_s = OPENED_S if any("@60s" in fault for fault in faults) else 0.0
    return Scene(twin.balance, "", "", resolution_mg=RESOLUTION_MG, arranged_after_s=arranged_s)


def _pump(link: str, situation: str, model: str) -> Scene:
    twin = SimulatedBench(model=model, link=link, serial=SERIAL, start_local=START, faults=_PUMP.get(situation, ()))
    stick: SimulatedDevice = twin.pump_stick
    firmware = twin.firmware
    alarm = ALARM if situation == "alarm" else 0
    if alarm:
        firmware.therapy.stop_for_alarm(alarm)

    def boluses_begun() -> int:
        return sum(each.kind == "bolus" for each in twin.ledger.deliveries)

    return Scene(
        stick, SERIAL, model, boluses_begun=boluses_begun, keys_pushed=lambda: firmware.keys_pushed, alarm=alarm
    )

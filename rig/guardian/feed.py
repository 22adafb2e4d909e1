"""The pump's supply when a bench is made safe: fed first so that it can be suspended, cut off if it cannot be.

A pump without power cannot be suspended, and one that is only left without it goes on delivering as soon as anybody
feeds it again. So the order is: nominal voltage, where a step or a fault left another (a brown-out leaves a pump mute);
suspend, and see it confirmed; only if that fails, off, read back. After an emergency stop nothing is ever fed: somebody
wants the bench dead, and the supply is cut if the pump does not confirm (docs/explanation/the-pumps-supply.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rig.errors import BenchError
from rig.guardian.stop_pump import SafeState
from rig.plugins.electrical_bench import OpenedSupply

SAME_V = 0.02
WITHOUT = "pump without supply"
Say = Callable[[str, dict[str, Any]], object]


def feed(supply: OpenedSupply) -> bool:
    """Bring the output to its nominal voltage, protected and on; return whether anything had to be changed.

    An output that is on goes on without a break. Raises what the driver raises.
    """
    driver, limits = supply.driver, supply.limits
    driver.identify()
    tripped = supply.protects is not None and supply.protects.tripped()
    if tripped and supply.protects is not None:
        supply.protects.clear_trip()
    found = driver.settings()
    same = (
        abs(found.voltage_v - limits.nominal_v) < SAME_V and abs(found.current_limit_a - limits.current_limit_a) < 0.01
    )
    guarded = supply.protects is None or abs((found.protection_v or 0.0) - limits.max_v) < SAME_V
    if found.on and same and guarded and not tripped:
        driver.protect(limits.max_v, limits.current_limit_a)  # as it is: a driver sets no voltage before it did this
        return False
    if found.on and found.voltage_v >= limits.max_v:
        driver.switch(on=False)
        found = driver.settings()
    if not found.on:
        _set_down(supply, found.voltage_v)
    driver.protect(limits.max_v, limits.current_limit_a)
    driver.set_voltage(limits.nominal_v)
    if not found.on:
        driver.switch(on=True)
    return True


def _set_down(supply: OpenedSupply, found_v: float) -> None:
    """Bring the setting of an output that is off below its protection, before that is set."""
    if found_v >= supply.limits.max_v:
        supply.driver.set_voltage(0.0)


def cut(supply: OpenedSupply) -> SafeState:
    """Switch the output off and read it back."""
    try:
        supply.driver.switch(on=False)
    except BenchError as error:
        return SafeState(WITHOUT, False, str(error))
    return SafeState(WITHOUT, True, "its supply's output read back as off")


def stop_fed(stop: Callable[[], SafeState], supply: OpenedSupply | None, say: Say, *, may_feed: bool) -> SafeState:
    """Stop a pump that hangs on ``supply``: feed it, ``stop`` it, and cut it off where that was not confirmed."""
    if supply is None:
        return stop()
    if may_feed:
        tell_fed(supply, say)
    state = stop()
    return state if state.confirmed else cut_off(supply, state, say)


def tell_fed(supply: OpenedSupply, say: Say) -> None:
    """Feed the pump and say what came of it; a supply that is silent must not keep the pump from being stopped."""
    report: dict[str, Any] = {"what": "supply", "wanted": f"{supply.limits.nominal_v:g} V, so that the pump answers"}
    try:
        changed = feed(supply)
    except BenchError as error:
        say("supply_fed", {**report, "reached": False, "by": str(error)})
    except Exception as error:  # noqa: BLE001 - whatever it is, the pump comes next
        say("supply_fed", {**report, "reached": False, "by": f"{type(error).__name__}: {error}"})
    else:
        say("supply_fed", {**report, "reached": True, "changed": changed, "by": "its settings read back"})


def cut_off(supply: OpenedSupply, pump: SafeState, say: Say) -> SafeState:
    """Cut off a pump that did not confirm; return what is known of it then."""
    try:
        state = cut(supply)
    except Exception as error:  # noqa: BLE001 - whatever it is, the valve comes next
        state = SafeState(WITHOUT, False, f"{type(error).__name__}: {error}")
    say(
        "made_safe",
        {
            "what": "supply",
            "wanted": "off",
            "reached": state.confirmed,
            "confirmed": state.confirmed,
            "by": state.by,
        },
    )
    if state.confirmed:
        return SafeState(WITHOUT, True, f"{state.by}; {pump.by}")
    return SafeState(pump.wanted, False, f"{pump.by}; supply: {state.by}")

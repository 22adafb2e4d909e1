"""What an MT-SICS balance was found set to, and which of it can hurt a slow flow."""

from __future__ import annotations

from dataclasses import dataclass

from rig.instruments import BalanceSetting


@dataclass(frozen=True, slots=True)
class BalanceSettings:
    """What the balance was found set to when it was opened; null where it does not say.

    ``auto_zero`` True eats a slow flow near zero (command M03), ``environment`` is 0 (very stable) to 5 (command M02),
    ``tare_mg`` the tare memory. ``stream_was_running`` says that another program left a stream behind. ``release`` is
    0 (very fast) to 4 (very reliable; command M29), ``update_hz`` the rate of its stream (UPD).
    """

    auto_zero: bool | None
    environment: int | None
    tare_mg: float | None
    stream_was_running: bool
    commands: frozenset[str]
    release: int | None = None
    update_hz: float | None = None


def examined(settings: BalanceSettings) -> tuple[BalanceSetting, ...]:
    """Return the settings that matter, as read back, or with where to look."""
    tracking, filter_, release = settings.auto_zero, settings.environment, settings.release
    return (
        BalanceSetting(
            "zero tracking",
            None if tracking is None else "on" if tracking else "off",
            "off",
            None if tracking is None else not tracking,
            "M03 0, or its menu: 'AutoZero', 'zero tracking' off",
        ),
        BalanceSetting(
            "filter",
            None if filter_ is None else f"environment {filter_} of 0 (very stable) to 4 (very unstable)",
            "as qualified",
            None,
            "its menu: environment",
        ),
        BalanceSetting(
            "value release",
            None if release is None else f"{release} of 0 (very fast) to 4 (very reliable)",
            "as qualified",
            None,
            "its menu: value release",
        ),
        BalanceSetting("automatic adjustment", None, "off during a run", None, "its menu: FACT, or its schedule, off"),
        BalanceSetting("automatic switch-off", None, "off", None, "its menu: standby, energy saving off"),
    )

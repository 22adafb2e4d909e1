"""Voltage and current of the pump's supply over run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.blocks import Figure
from reports.figures import style
from reports.formatting import general
from reports.reading import mapping, series, text

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

NAME = "supply"


def draw_supply(curves: dict[str, Any]) -> Figure | None:
    """Draw the voltage, the current below it; None where neither was read."""
    held = mapping(curves.get("electrical"))
    voltage_h, volts = series(held.get("voltage"), "t_h", "volts")
    current_h, milliamperes = series(held.get("current"), "t_h", "milliamperes")
    panels = [
        (hours, values, label, colour)
        for hours, values, label, colour in (
            (voltage_h, volts, "Voltage (V)", style.SET),
            (current_h, milliamperes, "Current (mA)", style.MEASURED),
        )
        if values
    ]
    if not panels:
        return None

    def paint(canvas: Canvas) -> None:
        drawn = canvas.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (hours, values, label, colour) in zip(drawn, panels, strict=True):
            axes.plot(*style.thin(hours, values), color=colour, linewidth=0.9)
            axes.set_ylabel(label)
            axes.ticklabel_format(axis="y", useOffset=False)
        drawn[-1].set_xlabel("Time since the start of the run (h)")

    return style.draw(NAME, _words(volts, milliamperes, text(mapping(held.get("current")).get("by"))), 2.6, paint)


def _words(volts: list[float], milliamperes: list[float], by: str) -> str:
    found = "The pump's supply over the run:"
    if volts:
        found += f" voltage from {general(min(volts), 4)} V to {general(max(volts), 4)} V"
    if milliamperes:
        least, most = general(min(milliamperes), 4), general(max(milliamperes), 4)
        found += f"{',' if volts else ''} current read by the {by or 'supply'} from {least} mA to {most} mA"
    return found + "."

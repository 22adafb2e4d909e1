"""The options of ``rig analyse LOG.csv``; nothing heavy is imported here."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

OPTIONS = (
    "basal",
    "bolus",
    "events",
    "occlusion",
    "dose",
    "alarm_pressure",
    "alarm_poll",
    "stamps",
    "after",
    "predict",
    "start",
    "stabilization",
    "analysis",
    "sample_interval",
    "windows",
    "evaporation",
    "density",
    "liquid",
    "buoyancy",
    "concentration",
    "budget",
    "figures",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a weighing log to the parser of ``rig analyse``."""
    group = parser.add_argument_group("weighing logs (CSV with time_s,mass_mg); quantities carry their unit")
    group.add_argument("--basal", metavar="RATE", help="programmed basal rate, such as '1.0 U/h'")
    group.add_argument("--bolus", metavar="AMOUNT", help="programmed boluses, such as '1.0 U'; needs --events")
    group.add_argument(
        "--events", action="append", metavar="EVENTS.csv", help="boluses: start_s,set_u; one file for all logs or each"
    )
    _occlusion(group)
    group.add_argument("--start", metavar="TIME", help="where delivery starts, from the first row (default: 0h)")
    group.add_argument(
        "--stabilization", "--stabilisation", metavar="TIME", help="left out before the analysis (default: 0h)"
    )
    group.add_argument("--analysis", metavar="TIME", help="length of the analysis (default: all that fits)")
    group.add_argument("--sample-interval", metavar="TIME", help="S of the trumpet curve (default: 15min)")
    group.add_argument("--windows", metavar="MIN,...", help="observation windows (default: 15,60,150,330,570,930)")
    group.add_argument("--evaporation", metavar="RATE", help="loss that is added back, such as '0.015 mg/h'")
    group.add_argument("--density", metavar="DENSITY", help="of the liquid, such as '998.2 kg/m^3'")
    group.add_argument("--liquid", metavar="NAME", help="water, insulin or saline (default: water)")
    group.add_argument("--buoyancy", metavar="RULE", help="standard or none (default: standard)")
    group.add_argument("--concentration", metavar="NAME", help="of the insulin (default: U100)")
    group.add_argument("--budget", metavar="FILE", help="what is known of the bench, for the uncertainty (TOML)")
    group.add_argument("--figures", metavar="DIR", help="write figures as SVG and PNG into this folder")


def _occlusion(group: argparse._ArgumentGroup) -> None:
    """Add the options of an occlusion test."""
    group.add_argument(
        "--occlusion", metavar="EVENTS.csv", help="an occlusion test: time_s,event; needs --basal, the rate of the test"
    )
    group.add_argument("--dose", metavar="AMOUNT", help="occlusion: one dose of the pump, such as '0.05 U'")
    group.add_argument(
        "--alarm-pressure", metavar="PRESSURE", help="occlusion: such as '100 kPa +- 20 kPa', for the compliance"
    )
    group.add_argument("--alarm-poll", metavar="TIME", help="occlusion: how far apart the looks for an alarm were")
    group.add_argument("--stamps", metavar="TIME", help="occlusion: how far the times of the events may be off")
    group.add_argument("--after", metavar="RATE", help="occlusion: programmed from the opening on (default: stopped)")
    group.add_argument(
        "--predict", metavar="RATE", action="append", help="occlusion: when the alarm comes at this rate (repeatable)"
    )


def joined(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with ``--start -1h`` as ``--start=-1h``: a value to be judged, and no option."""
    names = {f"--{name.replace('_', '-')}" for name in (*OPTIONS, "stabilisation")}
    found: list[str] = []
    for argument in arguments:
        if found and found[-1] in names and re.match(r"-\.?[0-9]", argument):
            found[-1] += f"={argument}"
        else:
            found.append(argument)
    return found


def given(options: argparse.Namespace) -> list[str]:
    """Return the options of a weighing log that were given, as written."""
    return [f"--{name.replace('_', '-')}" for name in OPTIONS if getattr(options, name, None) is not None]

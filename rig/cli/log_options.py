"""The options of ``rig analyse LOG.csv``; nothing heavy is imported here."""

from __future__ import annotations

import argparse

OPTIONS = (
    "basal",
    "bolus",
    "events",
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


def given(options: argparse.Namespace) -> list[str]:
    """Return the options of a weighing log that were given, as written."""
    return [f"--{name.replace('_', '-')}" for name in OPTIONS if getattr(options, name, None) is not None]

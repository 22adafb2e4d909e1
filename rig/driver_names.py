"""Names of drivers: those that the rig brings along, and those that installed plug-ins declare (design 5.5).

A plug-in is an entry point of another distribution. Here only its name is read; nothing of it is loaded, and nothing is
looked up while only shipped names are used.
"""

from __future__ import annotations

from typing import Final

PUMPS: Final = "rig.pumps"
BALANCES: Final = "rig.balances"
FLOW_SOURCES: Final = "rig.flow_sources"
ENVIRONMENTS: Final = "rig.environments"
SUPPLIES: Final = "rig.supplies"
METERS: Final = "rig.meters"
PROFILES: Final = "rig.profiles"  # packages that hold profile data files
GROUPS: Final = {
    "pump": PUMPS,
    "balance": BALANCES,
    "flow_source": FLOW_SOURCES,
    "supply": SUPPLIES,
    "meter": METERS,
    "environment": ENVIRONMENTS,
}  # role -> group of entry points
DISTRIBUTION: Final = "insulin-pump-rig"
NAME_PATTERN: Final = r"[a-z0-9][a-z0-9-]{0,39}"

# The same as in pyproject.toml (a test compares them): the rig also runs from a checkout that nobody installed.
SHIPPED: Final = {
    PUMPS: {
        "cc111x": "rig.drivers.minimed.specs:CC111X",
        "carelink": "rig.drivers.minimed.specs:CARELINK",
    },
    BALANCES: {
        "mt-sics": "rig.drivers.mt_sics:SPEC",
        "kern-kcp": "rig.drivers.mt_sics:KCP",
        "sbi": "rig.drivers.sartorius:SPEC",
        "and": "rig.drivers.a_and_d:SPEC",
        "ohaus": "rig.drivers.ohaus:SPEC",
        "kern": "rig.drivers.kern:SPEC",
        "radwag": "rig.drivers.radwag:SPEC",
    },
    FLOW_SOURCES: {
        "new-era": "rig.drivers.new_era.spec:SPEC",
        "harvard": "rig.drivers.harvard.spec:SPEC",
    },
    ENVIRONMENTS: {
        "bme280": "rig.drivers.air.files:BME280",
        "bmp280": "rig.drivers.air.files:BMP280",
        "sht4x": "rig.drivers.air.files:SHT4X",
        "ptu300": "rig.drivers.air.ptu300:SPEC",
        "scpi-air": "rig.drivers.air.scpi:SPEC",
    },
    SUPPLIES: {
        "keysight-e36": "rig.drivers.scpi.specs:KEYSIGHT_E36",
        "rigol-dp": "rig.drivers.scpi.specs:RIGOL_DP",
        "siglent-spd": "rig.drivers.scpi.specs:SIGLENT_SPD",
        "scpi-supply": "rig.drivers.scpi.specs:SCPI_SUPPLY",
    },
    METERS: {
        "dmm-34461a": "rig.drivers.scpi.specs:DMM_34461A",
        "sdm3055": "rig.drivers.scpi.specs:SDM3055",
    },
}


def plug_in_names(group: str) -> tuple[str, ...]:
    """Return the names in ``group`` that other distributions than the rig's own declare, sorted."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - only who asks for a plug-in pays for the search

    return tuple(sorted({point.name for point in entry_points(group=group)} - set(SHIPPED.get(group, ()))))


def driver_names(group: str) -> tuple[str, ...]:
    """Return every name in ``group``, the shipped ones first."""
    return (*SHIPPED[group], *plug_in_names(group))


def is_known(group: str, name: str) -> bool:
    """Say whether a driver of this name is shipped or declared by a plug-in."""
    return name in SHIPPED[group] or name in plug_in_names(group)

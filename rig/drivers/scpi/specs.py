"""The drivers of supplies and meters as the registry finds them."""

from __future__ import annotations

from typing import Final

from rig.drivers.scpi.meter import SdmMeter, TruevoltMeter
from rig.drivers.scpi.models import KEYSIGHT, RIGOL, SDM, SIGLENT, TRUEVOLT
from rig.drivers.scpi.plain import KeysightSupply, PlainSupply
from rig.drivers.scpi.rigol import RigolSupply
from rig.drivers.scpi.siglent import SiglentSupply
from rig.plugins.spec import Capability, DriverSpec
from rig.transport.serial_links import SerialSettings

_SUPPLY: Final = frozenset({Capability.SUPPLIES, Capability.PROTECTS})
_METER: Final = frozenset({Capability.METERS})
_LINE: Final = SerialSettings(9600)

KEYSIGHT_E36: Final = DriverSpec(
    api=1,
    name="keysight-e36",
    role="supply",
    models=tuple(KEYSIGHT),
    capabilities=_SUPPLY,
    link_settings=_LINE,
    open=KeysightSupply,
    transcripts=("keysight_e36.toml",),
    simulator="rig.sim.instrument_scenes:supply",
    played=("E36312A",),
)
RIGOL_DP: Final = DriverSpec(
    api=1,
    name="rigol-dp",
    role="supply",
    models=tuple(RIGOL),
    capabilities=_SUPPLY,
    link_settings=_LINE,
    open=RigolSupply,
    transcripts=("rigol_dp.toml",),
    simulator="rig.sim.instrument_scenes:supply",
    played=("DP832", "DP711"),
)
SIGLENT_SPD: Final = DriverSpec(
    api=1,
    name="siglent-spd",
    role="supply",
    models=tuple(SIGLENT),
    capabilities=frozenset({Capability.SUPPLIES}),
    link_settings=_LINE,
    open=SiglentSupply,
    transcripts=("siglent_spd.toml",),
    simulator="rig.sim.instrument_scenes:supply",
    played=("SPD3303X", "SPD1168X"),
)
SCPI_SUPPLY: Final = DriverSpec(
    api=1,
    name="scpi-supply",
    role="supply",
    models=(),
    capabilities=_SUPPLY,
    link_settings=_LINE,
    open=PlainSupply,
    transcripts=("scpi_supply.toml",),
)
DMM_34461A: Final = DriverSpec(
    api=1,
    name="dmm-34461a",
    role="meter",
    models=tuple(TRUEVOLT),
    capabilities=_METER,
    link_settings=_LINE,
    open=TruevoltMeter,
    transcripts=("dmm_34461a.toml",),
    simulator="rig.sim.instrument_scenes:meter",
    played=("34461A",),
)
SDM3055: Final = DriverSpec(
    api=1,
    name="sdm3055",
    role="meter",
    models=tuple(SDM),
    capabilities=_METER,
    link_settings=_LINE,
    open=SdmMeter,
    transcripts=("sdm3055.toml",),
    simulator="rig.sim.instrument_scenes:meter",
    played=("SDM3055",),
)

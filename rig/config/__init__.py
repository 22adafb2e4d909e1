"""One physical test fixture as frozen, validated data: what a bench file declares, its checks, and its reading."""

from rig.config.air import AirSensorConfig
from rig.config.certificates import Calibration, Certificate
from rig.config.checks import SIMULATOR_SERIALS
from rig.config.declared import (
    BalanceConfig,
    BalanceUncertainty,
    BenchConfig,
    Claims,
    ConfirmedClaim,
    Environment,
    FlowAccuracy,
    FlowSourceConfig,
    GuardianConfig,
    LineConfig,
    Liquid,
    PumpConfig,
    ReferenceWeightConfig,
    Simulation,
    Tube,
    Vessel,
)
from rig.config.electrical import MeterConfig, SupplyConfig
from rig.config.load import DEFAULT_BENCH, bench_schema, load_bench, parse_bench

__all__ = [
    "DEFAULT_BENCH",
    "SIMULATOR_SERIALS",
    "AirSensorConfig",
    "BalanceConfig",
    "BalanceUncertainty",
    "BenchConfig",
    "Calibration",
    "Certificate",
    "Claims",
    "ConfirmedClaim",
    "Environment",
    "FlowAccuracy",
    "FlowSourceConfig",
    "GuardianConfig",
    "LineConfig",
    "Liquid",
    "MeterConfig",
    "PumpConfig",
    "ReferenceWeightConfig",
    "Simulation",
    "SupplyConfig",
    "Tube",
    "Vessel",
    "bench_schema",
    "load_bench",
    "parse_bench",
]

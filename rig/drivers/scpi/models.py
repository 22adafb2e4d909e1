"""Supplies and meters as data: channels with their ranges, and how finely they are set. Visa-instruments 2 and 3.

Ranges are the makers' nominal ones: a driver refuses what is beyond them before it is sent, and the instrument's own
error queue has the last word. A model that is not listed is driven within the limits of the bench file alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Output:
    """One output: highest settings, in V and A, and the last digit of a setting."""

    voltage_v: float
    current_a: float
    step_v: float = 0.001
    step_a: float = 0.001


@dataclass(frozen=True, slots=True)
class SupplyModel:
    """One model; ``named`` says whether commands name the output."""

    outputs: tuple[Output, ...]
    named: bool = True


KEYSIGHT: Final = {
    "E36311A": SupplyModel((Output(6, 5), Output(25, 1), Output(25, 1))),
    "E36312A": SupplyModel((Output(6, 5), Output(25, 1), Output(25, 1))),
    "E36313A": SupplyModel((Output(6, 10), Output(25, 2), Output(25, 2))),
    "E36102A": SupplyModel((Output(6, 5),), named=False),
    "E36103A": SupplyModel((Output(20, 2),), named=False),
    "E36104A": SupplyModel((Output(35, 1),), named=False),
    "E36105A": SupplyModel((Output(60, 0.6),), named=False),
    "E36106A": SupplyModel((Output(100, 0.4),), named=False),
}
_DP832 = (Output(30, 3, 0.001, 0.001), Output(30, 3, 0.001, 0.001), Output(5, 3, 0.001, 0.001))
RIGOL: Final = {
    "DP832": SupplyModel(_DP832),
    "DP832A": SupplyModel(_DP832),
    "DP831": SupplyModel((Output(8, 5), Output(30, 2), Output(30, 2))),
    "DP831A": SupplyModel((Output(8, 5), Output(30, 2), Output(30, 2))),
    "DP821": SupplyModel((Output(60, 1), Output(8, 10))),
    "DP821A": SupplyModel((Output(60, 1), Output(8, 10))),
    "DP811": SupplyModel((Output(40, 10),)),
    "DP811A": SupplyModel((Output(40, 10),)),
    "DP711": SupplyModel((Output(30, 5, 0.01, 0.01),), named=False),
    "DP712": SupplyModel((Output(50, 3, 0.01, 0.01),), named=False),
}
_SPD3303 = (Output(32, 3.2), Output(32, 3.2))
SIGLENT: Final = {
    "SPD3303X": SupplyModel(_SPD3303),
    "SPD3303X-E": SupplyModel((Output(32, 3.2, 0.01, 0.01), Output(32, 3.2, 0.01, 0.01))),
    "SPD1168X": SupplyModel((Output(16, 8),)),
    "SPD1305X": SupplyModel((Output(30, 5),)),
}


@dataclass(frozen=True, slots=True)
class MeterModel:
    """Ranges of direct current in A, and integration times in power-line cycles, from the smallest."""

    ranges_a: tuple[float, ...]
    nplc: tuple[float, ...]


_TRUEVOLT_NPLC = (0.02, 0.2, 1.0, 10.0, 100.0)
TRUEVOLT: Final = {
    "34460A": MeterModel((1e-4, 1e-3, 1e-2, 1e-1, 1.0, 3.0), _TRUEVOLT_NPLC),
    "34461A": MeterModel((1e-4, 1e-3, 1e-2, 1e-1, 1.0, 3.0, 10.0), _TRUEVOLT_NPLC),
    "34465A": MeterModel((1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 3.0, 10.0), _TRUEVOLT_NPLC),
    "34470A": MeterModel((1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 3.0, 10.0), _TRUEVOLT_NPLC),
    "34401A": MeterModel((1e-2, 1e-1, 1.0, 3.0), _TRUEVOLT_NPLC),
}
SDM: Final = {"SDM3055": MeterModel((2e-4, 2e-3, 2e-2, 2e-1, 2.0, 10.0), (0.3, 1.0, 10.0))}

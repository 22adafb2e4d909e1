"""The reference weight at the start and at the end of an attended run: without, with, and again without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from rig.config import BenchConfig, ReferenceWeightConfig
from rig.runner.operator import Operator
from rig.scenario.qualification import SETTLE_S, WEIGH_S


class Weighs(Protocol):
    """What a bench does meanwhile."""

    def sample_for(self, duration_s: float, interval_s: float | None = None) -> None:
        """Weigh for a time from now on."""


def weight_of(config: BenchConfig) -> ReferenceWeightConfig | None:
    """Return the weight that a run asks for: the first of the bench file."""
    return config.reference_weights[0] if config.reference_weights else None


def weigh_reference(
    which: str,
    weight: ReferenceWeightConfig,
    operator: Operator,
    bench: Weighs,
    record: Callable[[str, dict[str, Any]], object],
) -> None:
    """Have the weight put on and taken off, and record when; the pump is stopped meanwhile.

    Weighed every second, whatever the scenario's interval is: the median of a minute is compared with the certificate.
    """
    what = f"the reference weight of {weight.nominal_g:g} g ({weight.name or weight.calibration.certificate})"
    data = {"which": which, "nominal_g": weight.nominal_g}
    bench.sample_for(WEIGH_S, 1.0)
    for mass_g, name in ((weight.mass_g, "weight_on"), (0.0, "weight_off")):
        record(f"{name}_asked", data)
        operator.put_on(mass_g, what, lambda: bench.sample_for(1.0, 1.0))
        record(name, data)
        bench.sample_for(SETTLE_S + WEIGH_S, 1.0)

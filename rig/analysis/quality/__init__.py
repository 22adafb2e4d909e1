"""What is wrong with a series of readings, found by rule: pure functions over arrays (docs/reference/data-quality.md).

One module per kind of damage. Every threshold comes from the run's own noise (`scale`) and its programme; all detectors
together raise a false alarm in at most one of 1,000 clean runs (design 4.11).
"""

from rig.analysis.quality.bursts import find_bursts
from rig.analysis.quality.drift import Correlation, correlation_with, drift_at_rest
from rig.analysis.quality.drops import find_drops
from rig.analysis.quality.frozen import find_frozen, frozen_limits
from rig.analysis.quality.scale import ALPHA, NoiseScale, noise_scale, sigmas
from rig.analysis.quality.spans import Span, find_gaps, repeated_readings
from rig.analysis.quality.steps import Excursion, Shift, Steps, find_steps

__all__ = [
    "ALPHA",
    "Correlation",
    "Excursion",
    "NoiseScale",
    "Shift",
    "Span",
    "Steps",
    "correlation_with",
    "drift_at_rest",
    "find_bursts",
    "find_drops",
    "find_frozen",
    "find_gaps",
    "find_steps",
    "frozen_limits",
    "noise_scale",
    "repeated_readings",
    "sigmas",
]

"""Basal delivery: overall error, start-up, cumulative volumes, profile segments (reference sections 1, 3.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.series import checked, require_cover, value_at
from rig.errors import BenchError, UsageError
from rig.metrology.budget import Budget, Component
from rig.metrology.checks import FloatArray, finite
from rig.metrology.volume import VolumeResult

DOSES_FOR_NO_EDGE = 100  # design 4.10: below this many doses the edge of a dose enters the budget
LAYOUT_A_TIMES_H = (1.0, 6.0, 12.0, 24.0)


@dataclass(frozen=True, slots=True)
class DeliveryError:
    """Delivered against programmed; ``budget_u`` in U, ``budget_pct`` in percent of ``expected_u``.

    ``volume``: what it was computed from, with ``ul_per_u``.
    """

    delivered_u: float
    expected_u: float
    error_pct: float
    budget_u: Budget
    budget_pct: Budget
    notes: tuple[str, ...] = ()
    volume: VolumeResult | None = None
    ul_per_u: float = 10.0

    @property
    def u_pct(self) -> float:
        """Combined standard uncertainty of the error, percent."""
        return self.budget_pct.combined


@dataclass(frozen=True, slots=True)
class StartUp:
    """Start-up graph: mean flow of each sample interval against its end, both of shape (k,)."""

    end_s: FloatArray
    flow_u_per_h: FloatArray


@dataclass(frozen=True, slots=True)
class SegmentDelivery:
    """One segment of a profile; ``u_edge_u`` is the dose-edge part of its uncertainty; error None where SET is 0."""

    start_s: float
    end_s: float
    expected_u: float
    delivered_u: float
    error_pct: float | None
    u_edge_u: float


def dose_edge_component(expected_u: float, dose_u: float) -> Component | None:
    """Return the budget component of unknown dose phase at both edges, in U: dose/sqrt(6), or None.

    Design 4.10: the difference of two uniform phases is triangular with half width one dose. None for 100 doses or
    more, or ``dose_u`` 0 (continuous flow).
    """
    if dose_u <= 0.0 or expected_u >= DOSES_FOR_NO_EDGE * dose_u * (1.0 - 1e-12):
        return None
    return Component("dose edge", dose_u / math.sqrt(6.0), "U", 1.0, "B", "triangular", "design 4.10")


def delivery_error(
    volume: VolumeResult, expected_u: float, *, dose_u: float = 0.0, ul_per_u: float = 10.0
) -> DeliveryError:
    """Return the error of a measured volume against SET, in percent, with its budget.

    ``ul_per_u``: 10 for U-100. Below 100 doses one dose/sqrt(6) is in the budget (design 4.10). ``UsageError`` when
    nothing was programmed.
    """
    finite("volume of one unit", ul_per_u, positive=True)
    if not expected_u > 0.0:
        raise UsageError(f"a relative error of {expected_u!r} U programmed", expected="a programme above zero")
    delivered_u = volume.volume_ul / ul_per_u
    budget = volume.budget.scaled(1.0 / ul_per_u, "U")
    edge = dose_edge_component(expected_u, dose_u)
    if edge is not None:
        budget = budget.with_component(edge)
    error = 100.0 * (delivered_u / expected_u - 1.0)
    percent = budget.scaled(100.0 / expected_u, "%")
    return DeliveryError(delivered_u, expected_u, error, budget, percent, volume.notes, volume, ul_per_u)


def startup_flow(
    times_s: ArrayLike, volume_u: ArrayLike, *, start_s: float, stabilisation_s: float, sample_interval_s: float = 900.0
) -> StartUp:
    """Return the flow Q_i of every whole sample interval of the stabilisation period (reference section 1.3).

    ``UsageError`` for a period beyond the record.
    """
    times, volume = checked(times_s, volume_u)
    count = int(np.floor(stabilisation_s / sample_interval_s + 1e-9))
    if count < 1:
        raise UsageError(f"a start-up graph over {stabilisation_s:g} s", expected=f"at least {sample_interval_s:g} s")
    edges = start_s + sample_interval_s * np.arange(count + 1)
    require_cover(times, float(edges[0]), float(edges[-1]))
    flow = np.diff(value_at(times, volume, edges)) * (3600.0 / sample_interval_s)
    return StartUp(np.asarray(edges[1:], dtype=np.float64), np.asarray(flow, dtype=np.float64))


def cumulative_deliveries(
    times_s: ArrayLike,
    volume_u: ArrayLike,
    *,
    start_s: float,
    end_s: float | None = None,
    at_h: Sequence[float] = LAYOUT_A_TIMES_H,
) -> tuple[tuple[float, float], ...]:
    """Return (hours since ``start_s``, delivered U) at ``at_h`` as far as reached, then at the end, once.

    FDA layout A, no warm-up (reference section 3.3). ``end_s`` defaults to the last reading.
    """
    times, volume = checked(times_s, volume_u)
    end = float(times[-1]) if end_s is None else end_s
    require_cover(times, start_s, end)
    length_h = (end - start_s) / 3600.0
    hours = [hour for hour in at_h if hour <= length_h + 1e-9]
    if not hours or abs(hours[-1] - length_h) > 1e-9:
        hours.append(length_h)
    instants = np.minimum(start_s + 3600.0 * np.asarray(hours), end)
    delivered = value_at(times, volume, instants) - float(value_at(times, volume, start_s))
    return tuple((float(hour), float(amount)) for hour, amount in zip(hours, delivered, strict=True))


def segment_deliveries(
    times_s: ArrayLike, volume_u: ArrayLike, edges_s: Sequence[float], expected_u: Sequence[float], *, dose_u: float
) -> tuple[SegmentDelivery, ...]:
    """Return what each segment of a profile delivered: ``edges_s`` has one more entry than ``expected_u``.

    Edges strictly increase and lie within the record (``UsageError``). Dose edges as in ``dose_edge_component``.
    """
    times, volume = checked(times_s, volume_u)
    edges = np.asarray(edges_s, dtype=np.float64)
    if edges.size != len(expected_u) + 1 or not bool((np.diff(edges) > 0.0).all()):
        raise BenchError(f"{edges.size} edges for {len(expected_u)} segments", expected="one more, strictly increasing")
    delivered = np.diff(value_at(times, volume, edges))
    segments = []
    for index, expected in enumerate(expected_u):
        edge = dose_edge_component(expected, dose_u) if expected > 0.0 else None
        amount = float(delivered[index])
        segments.append(
            SegmentDelivery(
                start_s=float(edges[index]),
                end_s=float(edges[index + 1]),
                expected_u=expected,
                delivered_u=amount,
                error_pct=100.0 * (amount / expected - 1.0) if expected > 0.0 else None,
                u_edge_u=0.0 if edge is None else edge.contribution,
            )
        )
    return tuple(segments)

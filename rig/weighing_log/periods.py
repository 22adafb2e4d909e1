"""Where start, stabilization and analysis lie in a log (design 5.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rig.analysis.series import TIME_TOLERANCE_S
from rig.errors import UsageError
from rig.units import format_duration
from rig.weighing_log.request import Request


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods in seconds from the first row: ``start_s``, then stabilization, then analysis [from_s, to_s]."""

    start_s: float
    from_s: float
    to_s: float
    notes: tuple[str, ...] = ()

    @property
    def analysis_s(self) -> float:
        """Length of the analysis, s."""
        return self.to_s - self.from_s


def periods_of(length_s: float, request: Request) -> Periods:
    """Return the periods in a record of ``length_s``.

    The analysis is by default the longest multiple of the sample interval that fits. ``UsageError`` for a period
    beyond the record or an analysis shorter than one sample interval.
    """
    interval_s = request.sample_interval_s
    begin_s = request.start_s + request.stabilization_s
    if begin_s >= length_s:
        raise UsageError(
            f"start and stabilization take {format_duration(begin_s)}, the record ends after {_told(length_s)}",
            where="--stabilization" if request.stabilization_s else "--start",
            expected="a period within the record",
        )
    room_s = length_s - begin_s
    if request.analysis_s is None:
        analysis_s = math.floor(room_s / interval_s + 1e-9) * interval_s
        if analysis_s <= 0.0:
            raise UsageError(
                f"{_told(room_s)} of record for the analysis",
                where="--sample-interval",
                expected=f"at least one sample interval, {format_duration(interval_s)}",
                hint="a shorter --sample-interval",
            )
        return Periods(request.start_s, begin_s, min(begin_s + analysis_s, length_s))
    if request.analysis_s > room_s + TIME_TOLERANCE_S:
        raise UsageError(
            f"an analysis of {format_duration(request.analysis_s)} from {format_duration(begin_s)} on, the record ends "
            f"after {_told(length_s)}",
            where="--analysis",
            expected=f"at most {_told(room_s)}",
        )
    return _stated(request, begin_s, min(begin_s + request.analysis_s, length_s))


def _stated(request: Request, from_s: float, to_s: float) -> Periods:
    """Return the periods with the analysis that was asked for."""
    interval_s = request.sample_interval_s
    steps = (to_s - from_s) / interval_s
    if steps < 1.0 - 1e-9:
        raise UsageError(
            f"an analysis of {_told(to_s - from_s)}",
            where="--analysis",
            expected=f"at least one sample interval, {format_duration(interval_s)}",
        )
    if abs(steps - round(steps)) <= 1e-6:
        return Periods(request.start_s, from_s, to_s)
    note = (
        f"the analysis of {_told(to_s - from_s)} is no multiple of the sample interval; the trumpet curve covers "
        f"its first {_told(math.floor(steps + 1e-9) * interval_s)}"
    )
    return Periods(request.start_s, from_s, to_s, (note,))


def _told(seconds: float) -> str:
    """Return a length as people write it, to the last digit where it is no whole number of seconds."""
    whole = abs(seconds - round(seconds)) < TIME_TOLERANCE_S or seconds < 60.0
    return format_duration(seconds) if whole else f"{seconds:.10g} s"

"""The trumpet curve (rows 4a, 4b of the goals): 72 h at 10 Hz, all six windows, sample interval 0.1 s.

Ratios of CPU time (one thread; another program on the core does not count) to reading the array once (``numpy.sum``),
measured just before and after. Run: ``python -m benchmarks.trumpet``.
"""

import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from rig.analysis.extremes import extreme_changes
from rig.analysis.series import value_at
from rig.analysis.trumpet import AMBULATORY_WINDOWS_MIN, trumpet_curve
from rig.metrology.checks import FloatArray

READINGS = 72 * 36_000 + 1
INTERVAL_S = 0.1
RATE_U_PER_H = 1.0
REPEATS = 25
SIZES = [round(window * 60.0 / INTERVAL_S) for window in AMBULATORY_WINDOWS_MIN]


def record(times_s: FloatArray, *, noise_mg: float = 0.02, dose_u: float = 0.05) -> FloatArray:
    """Return the volume in U of doses with 5 % scatter, weighed with noise on a display of 0.01 mg."""
    rng = np.random.default_rng(4)
    if dose_u:
        count = int(times_s[-1] / 3600.0 * RATE_U_PER_H / dose_u) + 1
        doses = np.concatenate(([0.0], np.cumsum(dose_u * (1.0 + 0.05 * rng.normal(size=count)))))
        delivered = doses[np.floor(times_s / 3600.0 * RATE_U_PER_H / dose_u).astype(int)]
    else:
        delivered = times_s / 3600.0 * RATE_U_PER_H
    masses_mg = 10.0 * delivered + noise_mg * rng.normal(size=times_s.size)
    return np.asarray(np.round(masses_mg / 0.01) * 0.01 / 10.0, dtype=np.float64)


def curve(times_s: FloatArray, volume_u: FloatArray) -> None:
    trumpet_curve(times_s, volume_u, RATE_U_PER_H, sample_interval_s=INTERVAL_S)


def rolling(volume_u: FloatArray) -> None:
    """Plain numpy: all differences of each window, then their extremes."""
    for size in SIZES:
        changes = volume_u[size:] - volume_u[:-size]
        changes.min()
        changes.max()


def rolling_irregular(times_s: FloatArray, volume_u: FloatArray) -> None:
    """Plain numpy: interpolation at both edges of every window."""
    at_s = np.arange(0.0, times_s[-1], INTERVAL_S)
    for size in SIZES:
        length_s = size * INTERVAL_S
        begin = at_s[at_s + length_s <= times_s[-1]]
        changes = np.interp(begin + length_s, times_s, volume_u) - np.interp(begin, times_s, volume_u)
        changes.min()
        changes.max()


def python_loop(volume_u: list[float]) -> None:
    """Pure Python over one window's starts."""
    size = SIZES[0]
    low = high = volume_u[size] - volume_u[0]
    for first in range(len(volume_u) - size):
        change = volume_u[first + size] - volume_u[first]
        low = min(low, change)
        high = max(high, change)


def ratio(work: Callable[[], object], floor: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median ratio of ``work`` to the floor measured just before and after it."""
    ratios = []
    for _ in range(repeats):
        before_s = _floor_s(floor)
        begin_s = time.process_time()
        work()
        work_s = time.process_time() - begin_s
        ratios.append(2.0 * work_s / (before_s + _floor_s(floor)))
    return statistics.median(ratios)


def _floor_s(floor: Callable[[], object]) -> float:
    """Return the median time of seven reads; the first brings the array back from memory."""
    times = []
    for _ in range(7):
        begin_s = time.process_time()
        floor()
        times.append(time.process_time() - begin_s)
    return statistics.median(times)


def peak_share(work: Callable[[], None], input_bytes: int) -> float:
    """Return the peak of what is allocated beside the input, as a share of it."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / input_bytes


def main() -> None:
    """Print the ratios beside their goals."""
    times_s: FloatArray = INTERVAL_S * np.arange(READINGS, dtype=np.float64)
    volume_u = record(times_s)
    floor = volume_u.sum
    print(f"reading {READINGS} values once: {1e3 * _floor_s(floor):.2f} ms")
    print(f"4a curve with validation / read once: {ratio(lambda: curve(times_s, volume_u), floor):.1f} (goal 20)")
    print(f"   extremes alone: {ratio(lambda: extreme_changes(volume_u, SIZES), floor):.1f} (aim 8)")
    naive = ratio(lambda: rolling(volume_u), floor)
    print(f"   plain numpy, differences of each window: {naive:.1f}")
    part = volume_u[: SIZES[0] + 20_000].tolist()
    loops = sum(READINGS - size for size in SIZES) / 20_000
    print(f"   Python loop, scaled from 20,000 windows: {loops * ratio(lambda: python_loop(part), floor, 5):.0f}")
    ramp_u = record(times_s, noise_mg=0.0, dose_u=0.0)
    smooth = ratio(lambda: curve(times_s, ramp_u), floor)
    print(f"   the same for a rounded ramp without any noise, where bounds do not help: {smooth:.1f}")
    _print_linear(times_s, volume_u)
    size = times_s.nbytes + volume_u.nbytes
    print(f"   peak memory / input: {peak_share(lambda: curve(times_s, volume_u), size):.2f} (goal 4)")
    steps = np.random.default_rng(5).uniform(0.06, 0.1, READINGS - 1)
    uneven_s = np.concatenate(([0.0], np.cumsum(steps)))
    uneven_u = record(uneven_s)
    print(f"4b irregular times / read once: {ratio(lambda: curve(uneven_s, uneven_u), floor):.1f} (goal 75)")
    edges = ratio(lambda: rolling_irregular(uneven_s, uneven_u), floor, 3)
    print(f"   plain numpy, interpolated at both edges: {edges:.0f}")
    grid_s = INTERVAL_S * np.arange(int(uneven_s[-1] / INTERVAL_S))
    once = ratio(lambda: value_at(uneven_s, uneven_u, grid_s), floor)
    print(f"   one resampling alone: {once:.1f}")
    print(f"   peak memory / input: {peak_share(lambda: curve(uneven_s, uneven_u), size):.2f} (goal 4)")


def _print_linear(times_s: FloatArray, volume_u: FloatArray) -> None:
    """Print the cost per reading of 4 and 2 times as many readings against one part, which all fit six windows."""
    quarter = READINGS // 4
    costs = []
    for parts in (1, 2, 4):
        length = quarter * parts
        work_s = []
        for _ in range(REPEATS):
            begin_s = time.process_time()
            curve(times_s[:length], volume_u[:length])
            work_s.append(time.process_time() - begin_s)
        costs.append(statistics.median(work_s) / length)
    print(f"   cost per reading at 1x, 2x, 4x: 1, {costs[1] / costs[0]:.2f}, {costs[2] / costs[0]:.2f} (goal 1)")


if __name__ == "__main__":
    main()

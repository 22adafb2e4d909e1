"""How a balance's reading wanders when nothing happens: noise by Allan variance, and what it does to a result.

The mass record of a blank plays the part of *phase* in frequency metrology: second differences of block means (the
modified Allan variance, Allan & Barnes 1981; IEEE 1139; reference section 5.10) do not see a constant slope such as
evaporation. A sum of white noise, exponentially correlated noise (filter lag, flicker) and a random walk is fitted to
them, and every contrast of readings gets its variance from that sum. Residuals of a fitted line are never used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rig.errors import BenchError
from rig.metrology.checks import FloatArray, finite

SECONDS_PER_HOUR = 3600.0
MIN_READINGS = 30
# A correlation longer than 1/120 of the blank cannot be told from drift within it, and is counted as drift.
LONGEST_CORRELATION = 1.0 / 120.0
# Share of the longest scale's own statistical uncertainty that is added to the walk: what the blank cannot exclude.
# With 0.3, intervals of +-2 u cover the true slope of single blanks in 88 to 100 % of cases, from pure white noise to
# pure walk (tests/metrology/test_noise.py); two blanks and their difference (design 4.11) make that more.
WALK_NOT_EXCLUDED = 0.3


@dataclass(frozen=True, slots=True)
class AllanPoint:
    """Stability of the slope at one averaging time.

    ``slope_mg_per_h``: modified Allan deviation of the rate dW/dt at ``tau_s``. ``second_difference_mg``: root mean
    square second difference of adjacent block means of length ``tau_s``, from which it is scaled.
    """

    tau_s: float
    second_difference_mg: float
    slope_mg_per_h: float


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Noise of one balance: white, exponentially correlated and random-walk parts; all means are zero.

    ``white_mg``: standard deviation of one reading. ``correlated``: pairs (correlation time s, standard deviation mg).
    ``random_walk_mg_per_sqrt_h``: standard deviation of the walk after one hour. ``interval_s``, ``length_s``: sample
    interval and length of the blank that it comes from; beyond ``length_s`` the walk goes on. ``walk_freedom``: degrees
    of freedom from which the walk was estimated, None where it was not.
    """

    white_mg: float
    interval_s: float
    length_s: float
    correlated: tuple[tuple[float, float], ...] = ()
    random_walk_mg_per_sqrt_h: float = 0.0
    walk_freedom: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        finite("white noise", self.white_mg, non_negative=True)
        finite("sample interval", self.interval_s, positive=True)
        finite("length of the blank", self.length_s, positive=True)
        finite("random walk", self.random_walk_mg_per_sqrt_h, non_negative=True)

    @property
    def reading_mg(self) -> float:
        """Standard deviation of a single reading about its slow course (white and correlated parts), mg."""
        return math.hypot(self.white_mg, *(sigma for _, sigma in self.correlated))

    def u_difference_mg(
        self, start_count: int, start_span_s: float, end_count: int, end_span_s: float, apart_s: float
    ) -> tuple[float, float, bool]:
        """Return (u of noise, u of zero drift, extrapolated?) of the difference of two levels, in mg.

        Each level is the mean of ``count`` readings evenly spread over ``span_s``; ``apart_s`` between their centres.
        Noise averages as its correlation allows, that of readings closer than the blank's as ``held_variance`` says:
        what is white in the blank may in between be one value shown several times. Drift grows as a random walk; beyond
        the blank's length that is an extrapolation, and the third value is True (design 4.11).
        """
        levels = ((start_count, start_span_s), (end_count, end_span_s))
        noise = sum(self.white_mg**2 * held_variance(count, span, self.interval_s) for count, span in levels)
        for tau, sigma in self.correlated:
            averaged = sum(_mean_variance(count, span, tau) for count, span in levels)
            noise += sigma**2 * averaged * -math.expm1(-apart_s / tau)
        drift = self.random_walk_mg_per_sqrt_h**2 * apart_s / SECONDS_PER_HOUR
        return math.sqrt(noise), math.sqrt(drift), apart_s > self.length_s * (1.0 + 1e-9)

    def u_slope_mg_per_h(self, count: int, interval_s: float) -> float:
        """Return u of the least-squares slope through ``count`` readings ``interval_s`` apart, in mg/h.

        White noise alone gives s sqrt(12/(N (N^2 - 1)))/dt (reference section 5.10) from the blank's interval on;
        correlation and drift are added exactly for that spacing. ``BenchError`` below two readings.
        """
        if count < 2:
            raise BenchError(f"a slope through {count} readings", expected="at least 2")
        seconds = (np.arange(count) - (count - 1) / 2.0) * interval_s
        weights = np.asarray(seconds / float(seconds @ seconds), dtype=np.float64)
        variance = self.contrast_variance_mg2(weights, interval_s)
        return math.sqrt(variance) * SECONDS_PER_HOUR

    def contrast_variance_mg2(self, weights: FloatArray, interval_s: float) -> float:
        """Return the variance of sum(w_i W_i) of readings ``interval_s`` apart; the weights must add up to zero.

        Closer readings than the blank's count as independent or as one value shown several times (``held_variance``),
        whichever gives more.
        """
        lags, response = _lag_weights(np.asarray(weights, dtype=np.float64))
        taus = [tau for tau, _ in self.correlated]
        parts = _unit_variances(lags * interval_s, response, taus)
        parts[0] = max(parts[0], float(response @ np.maximum(1.0 - lags * (interval_s / self.interval_s), 0.0)))
        levels = np.array(
            [self.white_mg**2, *(s * s for _, s in self.correlated), self.random_walk_mg_per_sqrt_h**2 / 3600.0]
        )
        return max(float(parts @ levels), 0.0)


def white_noise(white_mg: float, interval_s: float, length_s: float = SECONDS_PER_HOUR) -> NoiseModel:
    """Return a model of white noise only, for a bench whose repeatability is stated and not measured."""
    return NoiseModel(white_mg, interval_s, length_s)


def held_variance(count: int, span_s: float, renewed_s: float) -> float:
    """Return the variance of a mean of ``count`` readings over ``span_s`` of unit noise renewed every ``renewed_s``.

    A display that updates every D seconds, read every d: two readings k apart show one value with probability
    1 - k d/D, so the variance is 1/N + 2/N^2 sum (N - k)(1 - k d/D) over k < D/d; 1/N from d = D on. 51 readings in
    10 s, D = 1 s: 0.0950, as much as 10.5 independent ones.
    """
    if count == 1 or span_s <= 0.0:
        return 1.0
    share = span_s / (count - 1) / renewed_s
    if share >= 1.0:
        return 1.0 / count
    last = min(int(1.0 / share), count - 1)
    first_sum = last * (last + 1) / 2.0
    second_sum = first_sum * (2 * last + 1) / 3.0
    covariances = last * count - first_sum - share * (count * first_sum - second_sum)
    return 1.0 / count + 2.0 * covariances / count**2


def allan_points(masses_mg: FloatArray, interval_s: float) -> tuple[AllanPoint, ...]:
    """Return the modified Allan deviation of the slope at octaves of the interval, up to a quarter of the record.

    ``masses_mg``: shape (n,), equally spaced. Overlapping second differences of block means; O(n) for each octave.
    """
    points = []
    for size in _sizes(masses_mg.size):
        second_difference = math.sqrt(_second_difference_variance(masses_mg, size))
        tau = size * interval_s
        points.append(AllanPoint(tau, second_difference, second_difference / math.sqrt(2.0) / tau * SECONDS_PER_HOUR))
    return tuple(points)


def fit_noise(masses_mg: FloatArray, interval_s: float, resolution_mg: float) -> NoiseModel:
    """Return the noise of an undisturbed record with at most a constant slope, shape (n,), equally spaced.

    Non-negative least squares of the second-difference variances over white noise, correlations of 2 samples to 1/120
    of the record, and a random walk, weighted by their degrees of freedom nu. The walk is seen by few independent
    intervals: its variance is raised by nu/(nu - 2) as for a scaled t distribution (JCGM 101, 6.4.9), and by 0.3 of
    what the longest scale cannot exclude for its other noise, sqrt(2/nu). Both err on the large side: a blank of pure
    white noise gets about twice the u(slope) it has. ``BenchError`` below 30 readings or for what is no number.
    """
    masses = np.asarray(masses_mg, dtype=np.float64)
    if masses.size < MIN_READINGS or not np.isfinite(masses).all():
        raise BenchError(f"{masses.size} readings for a noise analysis", expected=f"{MIN_READINGS} finite ones or more")
    masses = masses - masses.mean()
    count = masses.size
    sizes = _sizes(count)
    floor = 1e-6 * resolution_mg**2
    observed = np.array([_second_difference_variance(masses, size) + floor / size for size in sizes])
    freedom = np.array([_degrees_of_freedom(count, size) for size in sizes])
    candidates = (2.0 * interval_s * 3.0**k for k in range(20))
    taus = [tau for tau in candidates if tau <= count * interval_s * LONGEST_CORRELATION]
    parts = np.array([_unit_variances(*_block_response(size, interval_s), taus) for size in sizes])
    levels = _fit(parts, observed, freedom)
    nu = _walk_freedom(parts, levels, freedom)
    walk = levels[-1] * nu / (nu - 2.0) + _walk_not_excluded(parts, levels, freedom)
    correlated = tuple((tau, math.sqrt(level)) for tau, level in zip(taus, levels[1:-1], strict=True) if level > 0.0)
    return NoiseModel(
        white_mg=math.sqrt(levels[0]),
        interval_s=interval_s,
        length_s=count * interval_s,
        correlated=correlated,
        random_walk_mg_per_sqrt_h=math.sqrt(walk * SECONDS_PER_HOUR),
        walk_freedom=nu,
    )


def pooled_noise(first: NoiseModel, second: NoiseModel) -> NoiseModel:
    """Return the mean of two blanks' noise, each variance weighted by its blank's length.

    The correlated parts of both are kept side by side with their share; the length is that of the longer blank, the
    degrees of freedom those of the one that knows less.
    """
    share = first.length_s / (first.length_s + second.length_s)
    freedoms = [each.walk_freedom for each in (first, second) if each.walk_freedom is not None]
    parts = ((first, share), (second, 1.0 - share))
    return NoiseModel(
        white_mg=math.sqrt(sum(part * model.white_mg**2 for model, part in parts)),
        interval_s=max(first.interval_s, second.interval_s),
        length_s=max(first.length_s, second.length_s),
        correlated=tuple((tau, sigma * math.sqrt(part)) for model, part in parts for tau, sigma in model.correlated),
        random_walk_mg_per_sqrt_h=math.sqrt(sum(part * model.random_walk_mg_per_sqrt_h**2 for model, part in parts)),
        walk_freedom=min(freedoms, default=None),
    )


def _sizes(count: int) -> list[int]:
    """Return the block sizes that are analysed: octaves up to a quarter of the record, and that quarter."""
    longest = max(count // 4, 1)
    return sorted({*(2**k for k in range(longest.bit_length()) if 2**k <= longest), longest})


def _second_difference_variance(masses: FloatArray, size: int) -> float:
    """Return the mean square second difference of adjacent means of ``size`` readings, fully overlapping."""
    sums = np.concatenate(([0.0], np.cumsum(masses - masses[0])))
    means = (sums[size:] - sums[:-size]) / size
    second = means[2 * size :] - 2.0 * means[size:-size] + means[: -2 * size]
    return float(np.mean(second * second))


def _degrees_of_freedom(count: int, size: int) -> float:
    """Return the approximate degrees of freedom of an overlapping second difference (Riley, NIST SP 1065, 5.4)."""
    return max(1.2 * count / size - 2.0, 1.0)


def _block_response(size: int, interval_s: float) -> tuple[FloatArray, FloatArray]:
    """Return lags in s and lag weights of the second difference of adjacent means of ``size`` readings."""
    block = np.full(size, 1.0 / size)
    lags, response = _lag_weights(np.concatenate((block, -2.0 * block, block)))
    return lags * interval_s, response


def _lag_weights(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return lags 0..n-1 and the sums of w_i w_(i+k), doubled for k > 0."""
    from scipy.signal import fftconvolve  # noqa: PLC0415 - only who needs it pays for it

    response = fftconvolve(weights, weights[::-1])[weights.size - 1 :]
    response[1:] *= 2.0
    return np.arange(weights.size, dtype=np.float64), np.asarray(response, dtype=np.float64)


def _unit_variances(lags_s: FloatArray, response: FloatArray, taus_s: list[float]) -> FloatArray:
    """Return the variance of a zero-sum contrast for unit white, unit correlated (each tau) and 1 mg2/s of walk.

    For a contrast the variance is minus the lag-weighted semivariogram; only increments matter.
    """
    correlated = [float(response @ np.exp(-lags_s / tau)) for tau in taus_s]
    return np.array([float(response[0]), *correlated, -0.5 * float(response @ lags_s)])


def _fit(parts: FloatArray, observed: FloatArray, freedom: FloatArray) -> FloatArray:
    """Return non-negative variance levels; reweighted with the model, so that a chance low is not believed more."""
    from scipy.optimize import nnls  # noqa: PLC0415 - only who needs it pays for it

    model = observed
    levels = np.zeros(parts.shape[1])
    for _ in range(4):
        weight = np.sqrt(freedom) / model
        levels, _ = nnls(parts * weight[:, None], observed * weight)
        model = np.maximum(parts @ levels, 1e-3 * observed)
    return np.asarray(levels, dtype=np.float64)


def _walk_freedom(parts: FloatArray, levels: FloatArray, freedom: FloatArray) -> float:
    """Return nu of the shortest scale at which the walk is more than half of all, else of the longest; at least 3."""
    walk = parts[:, -1] * levels[-1]
    dominated = freedom[walk > 0.5 * (parts @ levels)]
    return max(float(dominated.max()) if dominated.size else float(freedom.min()), 3.0)


def _walk_not_excluded(parts: FloatArray, levels: FloatArray, freedom: FloatArray) -> float:
    """Return the walk, mg2/s, that the statistical uncertainty of the other noise at the longest scale may hide."""
    other = float(parts[-1, :-1] @ levels[:-1])
    return WALK_NOT_EXCLUDED * math.sqrt(2.0 / float(freedom[-1])) * other / float(parts[-1, -1])


def _mean_variance(count: int, span_s: float, tau_s: float) -> float:
    """Return the variance of a mean of ``count`` readings over ``span_s`` of unit exponentially correlated noise."""
    if count == 1 or span_s <= 0.0:
        return 1.0
    rho = math.exp(-span_s / (count - 1) / tau_s)
    if rho > 1.0 - 1e-9:
        return 1.0
    total = count * (1.0 - rho * rho) - 2.0 * rho + 2.0 * rho ** (count + 1)
    return total / ((1.0 - rho) * count) ** 2

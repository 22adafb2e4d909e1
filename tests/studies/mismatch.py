"""Effects that the analysis does not know, each put into otherwise plain runs of the coverage study.

Counted are the truths that y +- U still holds, and the *gross* losses, |y - truth| > 2 U: those of which the run's own
diagnostics say something, and the silent ones.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

from tests.studies.counting import figures
from tests.studies.draws import Truths
from tests.studies.player import Disturbance, Plan
from tests.studies.strata import HOUR, Row, Stratum, basal, drawn_for, judge_played, played

GROSS = 2.0  # times U
HEAD = (
    "| effect | stratum | n | hold the truth | without the effect | gross | of them silent | flagged in all | said by |"
)
RULE = "|---|---|---|---|---|---|---|---|---|---|"
PARTS_MG = 0.02  # repeatability: what the correlated noise's standard deviation is set to
CORRELATION, CORRELATED_EVERY_S = 0.95, 10.0
CUP_MG, CUP_S, CUP_JITTER_MG = 20.0, 240.0, 0.07  # a loose container on an HR-100A [balance-protocols, warts]
Gather = Callable[[Callable[[Stratum, int], Row], Stratum, int, Executor | None], list[Row]]
Change = Callable[[Truths, random.Random], Truths]
Disturb = Callable[[Plan, random.Random], Disturbance]


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect: what it changes in the plant, and what it adds to the display."""

    name: str
    strata: tuple[Stratum, ...]
    change: Change | None = None
    disturb: Disturb | None = None


def effects() -> tuple[Effect, ...]:
    """Return the suite."""
    sensed = tuple(basal(rate, hours, ", air measured", measured_air=True) for rate, hours in ((0.1, 24.0), (1.0, 6.0)))
    plain = (basal(0.1, 24.0), basal(1.0, 6.0), basal(5.0, 6.0), basal(30.0, 1.0))
    boluses = (Stratum("bolus 1 U", "single", Plan(amount_u=1.0, repeat=10)),)
    return (
        Effect("vessel volume 5 % off", sensed, vessel_off),
        Effect("evaporation that decays over the run", plain, still_air, decaying),
        Effect("evaporation that decays in a tenth of the run", plain, still_air, partial(decaying, share=0.1)),
        Effect("noise correlated by 0.95", (*plain, *boluses), no_own_noise, correlated),
        Effect("a loose container: one walk of 20 mg in 4 min", (*plain, *boluses), None, one_walk),
        Effect("the same, a tenth as large", plain, None, partial(one_walk, size_mg=CUP_MG / 10.0)),
        Effect("a loose container: it walks all the time", plain, None, walking),
        Effect("the same, a hundredth as large", plain, None, partial(walking, size_mg=CUP_MG / 100.0)),
    )


def vessel_off(truths: Truths, rng: random.Random) -> Truths:
    """The vessel displaces 5 % more or less air than stated."""
    p = truths.parameters
    whole_ul = p.vessel_volume_ul + p.liquid_start_mg
    return replace(
        truths, parameters=replace(p, vessel_volume_ul=p.vessel_volume_ul + rng.choice((-1, 1)) * 0.05 * whole_ul)
    )


def still_air(truths: Truths, _rng: random.Random) -> Truths:
    """No evaporation but the effect's own."""
    return replace(truths, parameters=replace(truths.parameters, evaporation_mg_per_h=0.0))


def no_own_noise(truths: Truths, _rng: random.Random) -> Truths:
    """No noise of the balance but the effect's own, and its random walk."""
    return replace(truths, parameters=replace(truths.parameters, white_noise_mg=0.0, flicker_mg=0.0))


def ideal_pump(truths: Truths) -> Truths:
    """A pump whose doses are all alike and come evenly: what is left of its rate is where the doses fall."""
    even = replace(
        truths.parameters,
        screw_error=0.0,
        position_jitter_ul=0.0,
        stick_probability=0.0,
        stroke_error_sd=0.0,
        startup_gain=0.0,
        interval_sd=0.0,
    )
    return replace(truths, parameters=even)


def decaying(plan: Plan, rng: random.Random, share: float = 1.0) -> Disturbance:
    """An evaporation of 0.1 to 0.4 mg/h at the start that dies away: oil that closes over the water."""
    start_mg_per_h, tau_h = rng.uniform(0.1, 0.4), share * length_s(plan) / HOUR
    return lambda at_s: -start_mg_per_h * tau_h * -math.expm1(-at_s / HOUR / tau_h)


def correlated(plan: Plan, rng: random.Random) -> Disturbance:
    """Noise of the balance's repeatability whose readings 10 s apart are correlated by 0.95."""
    return _Walk(plan, rng, PARTS_MG, -CORRELATED_EVERY_S / math.log(CORRELATION), 0.0)


def one_walk(plan: Plan, rng: random.Random, size_mg: float = CUP_MG) -> Disturbance:
    """One walk of 20 mg within 4 min, up or down, somewhere in the step; the blanks see nothing of it."""
    size_mg *= rng.choice((-1.0, 1.0))
    starts_s = plan.blank_s + rng.uniform(0.0, max(length_s(plan) - CUP_S, 1.0))
    return lambda at_s: size_mg * min(max((at_s - starts_s) / CUP_S, 0.0), 1.0)


def walking(plan: Plan, rng: random.Random, size_mg: float = CUP_MG) -> Disturbance:
    """A random walk that goes so far in 4 min, all the time, with the quiet jitter that was seen beside it."""
    return _Walk(plan, rng, size_mg, math.inf, CUP_JITTER_MG * size_mg / CUP_MG)


class _Walk:
    """Exponentially correlated noise, or (``tau_s`` infinite) a random walk of ``size_mg`` in 4 min, plus jitter."""

    def __init__(self, _plan: Plan, rng: random.Random, size_mg: float, tau_s: float, jitter_mg: float) -> None:
        self._rng, self._size_mg, self._tau_s, self._jitter_mg = rng, size_mg, tau_s, jitter_mg
        self._at_s = 0.0
        self._mg = 0.0 if math.isinf(tau_s) else rng.gauss(0.0, size_mg)

    def __call__(self, at_s: float) -> float:
        step_s, self._at_s = at_s - self._at_s, at_s
        if math.isinf(self._tau_s):
            self._mg += self._size_mg * math.sqrt(step_s / CUP_S) * self._rng.gauss(0.0, 1.0)
        else:
            stays = math.exp(-step_s / self._tau_s)
            self._mg = stays * self._mg + self._size_mg * math.sqrt(1.0 - stays**2) * self._rng.gauss(0.0, 1.0)
        return self._mg + self._jitter_mg * self._rng.gauss(0.0, 1.0)


def length_s(plan: Plan) -> float:
    """Return how long the step takes, about."""
    return plan.duration_s if not plan.repeat else plan.repeat * 180.0


def run_with(effect: Effect, stratum: Stratum, number: int) -> Row:
    """Return run ``number`` of a stratum with an effect: the plain study's run, but for the effect."""
    rng = random.Random(f"mismatch/{effect.name}/{stratum.name}/{number}")
    drawn = drawn_for(stratum, number)
    changed = effect.change(drawn, rng) if effect.change is not None else drawn
    disturbance = effect.disturb(stratum.plan, rng) if effect.disturb is not None else None
    return judge_played(stratum, number, played(stratum, changed, disturbance=disturbance))


def run_named(name: str, stratum: Stratum, number: int) -> Row:
    """Return run ``number`` with the effect of this name (functions of a process pool travel by name)."""
    return run_with(next(each for each in effects() if each.name == name), stratum, number)


def phase_row(stratum: Stratum, number: int) -> Row:
    """Return an hour that begins anywhere between two doses of an even pump, compared with its mean rate."""
    rng = random.Random(f"mismatch/phase/{stratum.name}/{number}")
    made = played(stratum, ideal_pump(drawn_for(stratum, number)))
    return judge_played(stratum, number, made, part=(rng.uniform(0.0, stratum.plan.duration_s - HOUR), HOUR))


@dataclass(frozen=True, slots=True)
class Counts:
    """What an effect did to a stratum; ``given``: runs for which an interval was given at all."""

    count: int
    given: int
    covered: int
    gross: int
    silent: int
    flagged: int
    said: tuple[str, ...]


def counts(rows: Sequence[Row]) -> Counts:
    """Return the counts of one effect in one stratum; whatever the outcome, an interval that was given is compared."""
    given = [row for row in rows if math.isfinite(row.value)]
    gross = [row for row in given if not row.covers(GROSS * 2.0)]
    said: dict[str, int] = {}
    for row in rows:
        for name in row.told:
            said[name] = said.get(name, 0) + 1
    return Counts(
        count=len(rows),
        given=len(given),
        covered=sum(row.covers() for row in given),
        gross=len(gross),
        silent=sum(not row.is_flagged for row in gross),
        flagged=sum(row.is_flagged for row in rows),
        said=tuple(f"{name} {number}" for name, number in sorted(said.items(), key=lambda pair: -pair[1])),
    )


def tables(runs: int, pool: Executor | None, gather: Gather, wanted: Callable[[str], bool]) -> dict[str, list[str]]:
    """Return the table of the suite, as lines of Markdown."""
    lines = [HEAD, RULE]
    plain: dict[str, Counts] = {}
    for effect in filter(lambda each: wanted(each.name), effects()):
        for stratum in effect.strata:
            if stratum.name not in plain:
                plain[stratum.name] = counts(gather(_plain, stratum, runs, pool))
                lines.append(_said(table_row("none", stratum.name, plain[stratum.name], plain[stratum.name])))
            found = counts(gather(partial(run_named, effect.name), stratum, runs, pool))
            lines.append(_said(table_row(effect.name, stratum.name, found, plain[stratum.name])))
    phase = ["| stratum | n | hold the mean rate | without the component | U / needed |", "|---|---|---|---|---|"]
    for stratum in phases() if wanted("unknown dose phase") else ():
        rows = gather(phase_row, stratum, runs, pool)
        whole, bare = figures(stratum.name, rows), figures(stratum.name, rows, without="dose edge")
        phase.append(
            _said(
                f"| {stratum.name} | {whole.count} | {100 * whole.share:.1f} % | {100 * bare.share:.1f} % "
                f"| {whole.margin:.2f} |"
            )
        )
    return {"mismatch": lines, "unknown dose phase": phase}


def phases() -> tuple[Stratum, ...]:
    """Return strata whose hours hold 2 to 200 doses."""
    return tuple(basal(rate, 6.0) for rate in (0.05, 0.1, 0.5, 1.0, 2.0, 5.0))


def _plain(stratum: Stratum, number: int) -> Row:
    return judge_played(stratum, number, played(stratum, drawn_for(stratum, number)))


def table_row(effect: str, stratum: str, found: Counts, plain: Counts) -> str:
    """Return one line of the table."""
    said = ", ".join(found.said[:3]) or "nothing"
    return (
        f"| {effect} | {stratum} | {found.count} | {found.given} | {100 * found.covered / max(found.given, 1):.1f} % "
        f"| {100 * plain.covered / max(plain.given, 1):.1f} % | {found.gross} | {found.silent} "
        f"| {100 * found.flagged / found.count:.0f} % | {said} |"
    )


def _said(line: str) -> str:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    return line

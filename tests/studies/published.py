"""Does the twin predict published windows from single doses and one window? ``python -m tests.studies.published``.

Prints, in Markdown, what was fitted, what is predicted for the rows held back, what was observed, and the central
99 % of simulated studies of the assumed size. Some three minutes of computing; the same numbers each time.
docs/explanation/what-the-twin-predicts.md holds the result.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rig.analysis.groups import LAYOUT_C_EDGES_PCT
from rig.sim.parameters import PlantParameters
from rig.sim.published import PUBLISHED_PUMPS
from tests.studies import pods
from tests.studies.fitting import (
    CYCLE_AND_SLOW,
    POSITION_AND_SLOW,
    STROKE_ALONE,
    STROKE_AND_SLOW,
    Prediction,
    Structure,
    fit,
    predict,
)
from tests.studies.strokes import doses_of, draw
from tests.studies.tables import OutsideRows, bowen_rows, jahn_rows

RUNS = 12  # pumps or runs of 10 U behind a published row; unknown, assumed
MORE_RUNS = 24  # a harder assumption: narrower intervals
RUN_U = 10.0  # 20 h at 0.5 U/h; assumed for Bowen too
FIT_SEED = 5
FIT_DOSES = 240_000  # common random numbers of a fit: 600 runs of 400 doses
FIT_DOZENS = 100  # of pods
STUDIES = 1000  # simulated, for the central 99 %


@dataclass(frozen=True, slots=True)
class Case:
    """A published pump as it was measured, and the structures that were tried on it, the shipped one first."""

    name: str
    rows: OutsideRows
    strokes: int  # of 0.025 U, in one dose
    structures: tuple[Structure, ...]

    @property
    def doses(self) -> int:
        """Return how many doses a run holds."""
        return round(RUN_U / (0.025 * self.strokes))


def cases() -> tuple[Case, ...]:
    """Return every pump of Jahn 2013 and of Bowen and Allender 2016."""
    durable = (POSITION_AND_SLOW, STROKE_AND_SLOW, STROKE_ALONE)
    patch = (CYCLE_AND_SLOW, STROKE_AND_SLOW, STROKE_ALONE, POSITION_AND_SLOW)
    without_a_cycle = (STROKE_AND_SLOW, CYCLE_AND_SLOW, STROKE_ALONE, POSITION_AND_SLOW)
    return (
        Case("jahn-ping", jahn_rows("Animas OneTouch Ping", 0.025), 1, durable),
        Case("jahn-combo", jahn_rows("Accu-Chek Combo", 0.025), 1, durable),
        Case("jahn-revel", jahn_rows("Paradigm Revel/Veo", 0.025), 1, durable),
        Case("jahn-omnipod", jahn_rows("OmniPod", 0.05), 2, patch),
        Case("bowen-cellnovo", bowen_rows("Cellnovo"), 2, patch),
        Case("bowen-omnipod", bowen_rows("OmniPod"), 2, without_a_cycle),
    )


def fitted(case: Case, structure: Structure) -> PlantParameters:
    """Return the parameters of a structure fitted to a case's singles and first window."""
    return fit(structure, case.rows, case.strokes, draw(FIT_DOSES // case.doses, case.doses, FIT_SEED))[0]


def predicted(
    case: Case,
    parameters: PlantParameters,
    runs: int = RUNS,
    *,
    studies: int = STUDIES,
    shuffle: bool = False,
    like_seen: bool = False,
) -> Prediction:
    """Return what studies of ``runs`` runs would print."""
    return predict(
        parameters,
        case.rows,
        case.strokes,
        shape=(runs, case.doses),
        studies=studies,
        shuffle=shuffle,
        like_seen=like_seen,
    )


def main(write: Callable[[str], object] = sys.stdout.write) -> None:
    """Fit, predict and print everything."""
    for case in cases():
        write("\n".join(_case_lines(case)) + "\n\n")
    write("\n".join(_dose_size_lines()) + "\n\n")
    for structure in (pods.START_UP, pods.WITHOUT_START_UP):
        write("\n".join(_label_lines(structure)) + "\n\n")


def _case_lines(case: Case) -> Iterator[str]:
    yield f"### {case.name}: {PUBLISHED_PUMPS[case.name].pump}"
    yield ""
    heads = [f"{name}{'' if at <= len(case.rows.single_pct) else ' *'}" for at, name in enumerate(case.rows.names)]
    yield _row("", *heads)
    yield _row("---", *("---" for _ in heads))
    yield _row("observed", *(f"{value:g}" for value in case.rows.observed))
    seen = case.rows.observed
    for number, structure in enumerate(case.structures):
        parameters = fitted(case, structure)
        yield _row(structure.name, *printed_cells(predicted(case, parameters), seen))
        alike = predicted(case, parameters, studies=4 * STUDIES, like_seen=True)
        yield _row("... first window as seen", *_held_back_cells(alike, case))
        if number == 0:
            more = predicted(case, parameters, MORE_RUNS)
            yield _row(f"... {MORE_RUNS} runs", *printed_cells(more, seen))
            independent = predicted(case, parameters, shuffle=True)
            yield _row("... the same doses, shuffled", *printed_cells(independent, seen))
            stored = PUBLISHED_PUMPS[case.name].parameters == parameters
            note = f"`{case.name}`: {_values(structure, parameters)}" + ("" if stored else " (NOT WHAT IS STORED)")
    yield ""
    yield note


def _held_back_cells(prediction: Prediction, case: Case) -> list[str]:
    """Return cells of the rows held back, and nothing for those fitted."""
    fitted_rows = len(case.rows.single_pct) + 1
    return ["" if at < fitted_rows else cell for at, cell in enumerate(printed_cells(prediction, case.rows.observed))]


def _dose_size_lines() -> Iterator[str]:
    """Say what changes if the durable pumps gave 0.05 U every 6 min instead of 0.025 U every 3 min."""
    yield "### Durable pumps, if a dose were 0.05 U"
    yield ""
    yield _row("", *jahn_rows("Accu-Chek Combo", 0.05).names)
    yield _row("---", *("---" for _ in range(6)))
    for pump in ("Animas OneTouch Ping", "Accu-Chek Combo", "Paradigm Revel/Veo"):
        case = Case(pump, jahn_rows(pump, 0.05), 2, (POSITION_AND_SLOW,))
        parameters = fitted(case, POSITION_AND_SLOW)
        yield _row(f"{pump}, observed", *(f"{value:g}" for value in case.rows.observed))
        yield _row(POSITION_AND_SLOW.name, *printed_cells(predicted(case, parameters), case.rows.observed))
        independent = predicted(case, parameters, shuffle=True)
        yield _row("the same doses, shuffled", *printed_cells(independent, case.rows.observed))


def _label_lines(structure: Structure) -> Iterator[str]:
    noise = draw(FIT_DOZENS * pods.PODS, 499, FIT_SEED)
    parameters, _ = pods.fit_label(structure, noise)
    below = pods.below_pct(doses_of(parameters, pods.DOSE_STROKES, noise))
    yield f"### Omnipod 5 label, {structure.name}"
    yield ""
    yield _row("0.05 U boluses below", *(f"{edge} %" for edge in LAYOUT_C_EDGES_PCT))
    yield _row("---", *("---" for _ in below))
    yield _row("printed", *(f"{value:.1f}" for value in pods.printed_below_pct()))
    yield _row("fitted", *(f"{value:.1f}" for value in below))
    yield ""
    yield _row("column", "printed lowest, median, highest", "expected", "99 %", "holds")
    yield _row(*("---" for _ in range(5)))
    for prediction in pods.predict_label(parameters, STUDIES):
        column = prediction.column
        spans = ", ".join(f"{a:.3f}..{b:.3f}" for a, b in zip(prediction.low, prediction.high, strict=True))
        yield _row(
            f"{column.rate_u_per_h:g} U/h, {column.hours} h",
            ", ".join(f"{value:.3f}" for value in column.observed),
            ", ".join(f"{value:.3f}" for value in prediction.expected),
            spans,
            "yes" if prediction.holds else "NO",
        )
    yield ""
    if structure is pods.START_UP:
        stored = PUBLISHED_PUMPS["label-omnipod-5"].parameters == parameters
        yield f"`label-omnipod-5`: {_values(structure, parameters)}" + ("" if stored else " (NOT WHAT IS STORED)")
    else:
        yield _values(structure, parameters)


def printed_cells(prediction: Prediction, observed: Sequence[float]) -> list[str]:
    """Return the expected percentage and its interval for each row; an observed one outside it is marked."""
    cells = []
    for at, seen in enumerate(observed):
        cell = f"{prediction.expected[at]:.1f} ({prediction.low[at]:.1f}..{prediction.high[at]:.1f})"
        cells.append(cell if prediction.holds(at, seen) else f"**{cell}**")
    return cells


def _values(structure: Structure, parameters: PlantParameters) -> str:
    return ", ".join(f"{name} = {getattr(parameters, name):g}" for name in structure.start)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()

"""What a conformance suite says: each check a sentence, and ok, FAILED, or left out with the reason."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

from rig.errors import GuardianLost, RigError, RunAborted
from rig.plugins.spec import Capability

E = TypeVar("E", bound=Exception)


class Bench(Protocol):
    """What every check is given has an end of its own."""

    @property
    def finish(self) -> Callable[[], None]:
        """Return what ends a check; it may find fault, too."""


B = TypeVar("B", bound=Bench)


class Outcome(Enum):
    """What became of a check."""

    OK = "ok"
    FAILED = "FAILED"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why the scene for a check cannot be set here."""

    why: str


@dataclass(frozen=True, slots=True)
class Check(Generic[B]):
    """One thing that a driver must do in one situation; ``delivers`` when it, or a driver's defect, may move the pump.

    Where a driver lacks ``needs`` the check is left out: it never said that it could. A driver whose ``essential``
    checks were shown by neither simulator nor transcript does not conform, whatever else was.
    """

    situation: str
    sentence: str
    carry_out: Callable[[B], None]
    needs: Capability | None = None
    delivers: bool = False
    essential: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    situation: str
    sentence: str
    outcome: Outcome
    why: str = ""

    def __str__(self) -> str:
        """Return it on a single line."""
        text = f"{self.outcome.value:8}  {self.situation}: {self.sentence}"
        return f"{text} ({self.why})" if self.why else text


class NotConform(Exception):
    """A driver did not do what it must."""


Rows = Generator[Row, None, None]  # each as soon as it is known; closing it ends what was begun
MakeBench = Callable[[str], B | LeftOut | None]
NOT_SET = LeftOut("nobody can set this scene here")


def expect(condition: bool, what: str) -> None:
    """Raise `NotConform` with ``what`` was found unless ``condition`` holds."""
    if not condition:
        raise NotConform(what)


def expect_error(kind: type[E], action: Callable[[], object], what: str) -> E:
    """Return the error of ``kind`` that ``action`` raises; raise `NotConform` when it raises none."""
    try:
        action()
    except kind as error:
        return error
    except RigError as error:
        raise NotConform(f"{what}: a {type(error).__name__} came, not a {kind.__name__}: {error}") from error
    raise NotConform(f"{what}: no error came, a {kind.__name__} was expected")


def carry_out(checks: Iterable[Check[B]], make: MakeBench[B], capabilities: frozenset[Capability]) -> Rows:
    """Yield a row for each check as soon as it is known; whatever a driver raises is a failure of that check alone."""
    for check in checks:
        outcome, why = _one(check, make, capabilities)
        yield Row(check.situation, check.sentence, outcome, why)


def conforms(rows: Sequence[Row]) -> bool:
    """Say whether nothing failed and something was shown: leaving out all is no conformance."""
    outcomes = {row.outcome for row in rows}
    return Outcome.FAILED not in outcomes and Outcome.OK in outcomes


def not_shown(checks: Iterable[Check[B]], rows: Sequence[Row], capabilities: frozenset[Capability]) -> list[str]:
    """Return the situations of essential checks that concern a driver and that no row shows as ok."""
    shown = {row.situation for row in rows if row.outcome is Outcome.OK}
    wanted = (check for check in checks if check.essential and (check.needs is None or check.needs in capabilities))
    return [check.situation for check in wanted if check.situation not in shown]


def _one(check: Check[B], make: MakeBench[B], capabilities: frozenset[Capability]) -> tuple[Outcome, str]:
    if check.needs is not None and check.needs not in capabilities:
        return Outcome.LEFT_OUT, f"the driver does not claim {check.needs.value}"
    try:
        bench = make(check.situation) or NOT_SET
        if isinstance(bench, LeftOut):
            return Outcome.LEFT_OUT, bench.why
        check.carry_out(bench)
        bench.finish()
    except (RunAborted, GuardianLost):
        raise  # whoever stopped it means all of it
    except (NotConform, AssertionError) as found:
        return Outcome.FAILED, _line(str(found))
    except Exception as error:  # noqa: BLE001 - a driver may raise anything; the other checks go on
        return Outcome.FAILED, _line(f"{type(error).__name__}: {error}")
    return Outcome.OK, ""


def _line(text: str) -> str:
    return " ".join(text.split()) or "no reason given"

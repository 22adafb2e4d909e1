"""The arming checklist: asked of the person at the bench, or vouched for by the bench file; never asked unattended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rig.config import BenchConfig
from rig.errors import InstrumentError
from rig.programme import Plan
from rig.runner.operator import Operator, Wait

YES, NO = "yes", "no"
LONGEST_ANSWER: Final = 200


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to look at; ``good``: the answer without which there is no run, empty where any words will do.

    ``doubtful``: the answer with which the run goes on and says so.
    """

    key: str
    text: str
    good: str = ""
    doubtful: str = ""

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the answers that there are; none for one in free words."""
        return (YES, NO) if self.good or self.doubtful else ()


def questions(plan: Plan) -> tuple[Question, ...]:
    """Return what is asked before a run."""
    room_ml = plan.volume_ul / 1000.0
    return (
        Question("prime", "Is the set primed, with liquid leaving the tip?", good=YES),
        Question("tip", "Is the tip in place: under the surface, and touching neither glass nor pan?", good=YES),
        Question("bubbles", "Are bubbles seen in reservoir or tube?", doubtful=YES),
        Question("vessel", f"Has the vessel room for {room_ml:.2f} mL, is it covered, the shield closed?", good=YES),
        Question("infusion_set", "Lot number of the infusion set:"),
        Question("reservoir", "Lot number of the reservoir:"),
        Question("liquid", "What is delivered, and its lot number:"),
    )


def asked(operator: Operator, plan: Plan, wait: Wait) -> dict[str, Any]:
    """Ask the person at the bench; return the event. `InstrumentError` where an answer forbids the run."""
    answers = []
    for question in questions(plan):
        answer = operator.ask(question.text, question.choices, wait)[:LONGEST_ANSWER]
        if question.good and answer != question.good:
            raise InstrumentError(
                f"{question.text} {answer}", where="checklist", expected=question.good, hint="put it right, then again"
            )
        doubtful = bool(question.doubtful) and answer == question.doubtful
        answers.append({"key": question.key, "question": question.text, "answer": answer, "doubtful": doubtful})
    return {"by": "operator", "name": operator.name, "on": "", "answers": answers}


def vouched(config: BenchConfig) -> dict[str, Any]:
    """Return the event of an unattended run: what the bench file vouches for, or that nobody does."""
    told = config.checklist
    if told is None:
        return {"by": "nobody", "name": "", "on": "", "answers": []}
    words = (
        ("bubbles", "Are bubbles seen in reservoir or tube?", YES if told.bubbles == "seen" else NO),
        ("infusion_set", "Lot number of the infusion set:", told.infusion_set),
        ("reservoir", "Lot number of the reservoir:", told.reservoir),
        ("liquid", "What is delivered, and its lot number:", told.liquid),
    )
    answers = [
        {"key": key, "question": question, "answer": answer, "doubtful": key == "bubbles" and answer == YES}
        for key, question, answer in words
        if answer
    ]
    return {"by": "bench file", "name": told.by, "on": told.on.isoformat(), "answers": answers}

"""What a pump promises of its accuracy, under which conditions, and whether a check may be judged by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rig.profiles.figures import KEY
from rig.profiles.marks import CLAIM_MARK, DECIDING
from rig.profiles.strict import ListOf, Nested, Number, Text


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under what a claim was made; what the document leaves open is left out."""

    rate_u_per_h: Annotated[float | None, Number(0, 100, "U/h"), "basal rate that it was made for"] = None
    amount_u: Annotated[float | None, Number(0, 100, "U"), "bolus that it was made for"] = None
    height_m: Annotated[float | None, Number(0, 10, "m"), "largest height between pump and site, either way"] = None
    temperature_c: Annotated[float | None, Number(-20, 60, "C"), "temperature, in degrees C"] = None
    set: Annotated[str, Text(), "infusion set"] = ""
    fluid: Annotated[str, Text(), "liquid"] = ""

    @property
    def words(self) -> str:
        """Return the conditions for people, an empty text when there are none."""
        parts = [
            f"{value:g} {unit}"
            for value, unit in (
                (self.rate_u_per_h, "U/h"),
                (self.amount_u, "U"),
                (self.temperature_c, "degrees C"),
            )
            if value is not None
        ]
        if self.height_m is not None:
            parts.append(f"pump within +-{self.height_m:g} m of the site")
        return ", ".join([*parts, *(text for text in (self.set, self.fluid) if text)])


NO_CONDITIONS = Conditions()


@dataclass(frozen=True, slots=True)
class Claim:
    """What the pump promises of its accuracy: +-``limit_pct``, and below ``small_below_u`` +-``small_limit_u``.

    ``limit_pct`` None: there is no confirmed claim, and nothing can be judged by it. ``said_pct`` is what is said
    without a document to show; it is never a limit.
    """

    mark: Annotated[str, CLAIM_MARK, "provenance of the claim"]
    text: Annotated[str, Text(), "the claim in words, with its conditions and its document"]
    limit_pct: Annotated[float | None, Number(0, 100, "%", positive=True), "largest error, either sign"] = None
    small_below_u: Annotated[float | None, Number(0, 25, "U"), "below this amount the absolute limit holds"] = None
    small_limit_u: Annotated[float | None, Number(0, 25, "U"), "largest error of a small amount"] = None
    said_pct: Annotated[float | None, Number(0, 100, "%", positive=True), "what is said; never a limit"] = None
    source: Annotated[tuple[str, ...], ListOf(KEY, 1, 10), "where it stands"] = ()
    conditions: Annotated[Conditions, Nested(Conditions), "under what it holds"] = NO_CONDITIONS

    @property
    def decides(self) -> bool:
        """Return whether a check may be judged by this claim (design 4.8).

        Only the maker's, one confirmed by a person, or one declared for the twin. A claim bound to conditions decides
        nothing by itself: the rig does not compare them with the bench, a person does who confirms it.
        """
        return self.limit_pct is not None and self.mark in DECIDING and self.conditions == NO_CONDITIONS


SAME_RATE = 1e-3  # relative


@dataclass(frozen=True, slots=True)
class OcclusionClaim:
    """What a pump promises of an occlusion at one basal rate: longest time to the alarm, most missed by then."""

    rate_u_per_h: float
    longest_s: float
    missed_most_u: float | None
    text: str
    mark: str

    def holds_at(self, rate_u_per_h: float) -> bool:
        """Return whether it was made for this rate."""
        return abs(rate_u_per_h - self.rate_u_per_h) <= SAME_RATE * self.rate_u_per_h


NO_CLAIM = Claim("?", "no claim is known: enter the one of this unit's user guide in the bench file")

"""Certificates of what measures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from rig.profiles.strict import Day, Text


@dataclass(frozen=True, slots=True)
class Calibration:
    """The certificate of an instrument."""

    certificate: Annotated[str, Text(), "number of the certificate"]
    due: Annotated[date, Day(), "day on which it expires"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that a run rests on: whose it is, and the key of the bench file that says so."""

    device: str
    key: str
    number: str
    due: date

"""Data files for the tests: one pump, written small, and facts turned back into a data file."""

from __future__ import annotations

import dataclasses
import tomllib
from typing import Any

from rig.profiles.data_file import read_facts
from rig.profiles.pump import PumpFacts, PumpProfile, read_profiles
from rig.profiles.strict import Origin, declared_keys

SMALL = """
format = 2

[sources]
guide = { mark = "M", text = "user guide, p. 1" }
app = { mark = "C", text = "driver code" }

[pumps.small]
title = "Small pump"
maker = "nobody"
driver = "minimed"
model = "523"
family = 23
concentration_u_per_ml = { value = 100, mark = "G" }
reservoir.capacity_u = { value = 176, mark = "C", source = ["app"] }
delivery.dose_u = { value = 0.025, mark = "C", source = ["app"] }
basal.max_u_per_h = { value = 35, mark = "C", source = ["app"] }
basal.steps = { value = [{ from_value = 0, step = 1 }, { from_value = 1, step = 0.5 }], mark = "C", source = ["app"] }
basal.segments_max = { value = 48, mark = "C, M", source = ["app", "guide"] }
bolus.min_u = { value = 0.025, mark = "C", source = ["app"] }
bolus.max_u = { value = 25, mark = "C", source = ["app"], also = [{ value = 75, mark = "M", source = ["guide"] }] }
bolus.steps = { value = [{ from_value = 0, step = 0.025 }], mark = "C", source = ["app"] }
bolus.speeds = { value = [{ from_u = 0, u_per_min = 1 }, { from_u = 7, duration_s = 9 }], mark = "C", source = ["app"] }
temp_basal.min_s = { value = 1800, mark = "C", source = ["app"] }
temp_basal.max_s = { value = 86400, mark = "C", source = ["app"] }
temp_basal.step_s = { value = 1800, mark = "C", source = ["app"] }
temp_basal.max_percent = { value = 200, mark = "G" }
log.kinds = { value = ["bolus"], mark = "C", source = ["app"] }
log.amount_step_u = { value = 0.025, mark = "C", source = ["app"] }
claims.basal = { limit_pct = 5, mark = "M", source = ["guide"], text = "within 5 %" }
claims.bolus = { said_pct = 5, mark = "G", text = "said to be within 5 %" }
occlusion.cases = [{ kind = "basal", rate_u_per_h = 1, max_s = 7200, mark = "M", source = ["guide"] }]
alarms = [{ code = "4", name = "no delivery", mark = "C", source = ["app"] }]
results = [{ measure = "within_pct", bound_pct = 15, rate_u_per_h = 1, value = 90, mark = "G" }]
facts = [{ text = "it is small", mark = "M", source = ["guide"] }]
"""


def facts_of(text: str = SMALL) -> dict[str, PumpFacts]:
    """Return everything that a data file's text says."""
    return read_facts(tomllib.loads(text), Origin("small.toml", text))


def profiles_of(text: str = SMALL) -> dict[str, PumpProfile]:
    """Return the profiles of a data file's text."""
    return read_profiles(tomllib.loads(text), Origin("small.toml", text))


def plain(value: Any) -> Any:
    """Return a strict dataclass as the plain values of a data file; what has its default is left out."""
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    defaults = {item.name: item.default for item in dataclasses.fields(value)}
    names = [key.name for key in declared_keys(type(value))] or [item.name for item in dataclasses.fields(value)]
    held = {name: getattr(value, name) for name in names}
    return {name: plain(each) for name, each in held.items() if each is not None and each != defaults[name]}

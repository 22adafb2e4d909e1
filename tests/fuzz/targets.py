"""What is fuzzed: one line a target. A new codec gets a check (a function of bytes), seeds, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module

from tests.fuzz import seeds

Check = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that reads bytes.

    ``where`` is ``module:function`` below `tests.fuzz`, imported by the fuzzer only, ``code`` the modules (or packages)
    whose branches guide it and whose lines are counted, ``largest`` the size of an input in bytes.
    """

    name: str
    family: str
    where: str
    code: tuple[str, ...]
    seeds: Callable[[], Iterable[bytes]]
    largest: int = 256

    def load(self) -> Check:
        """Import the check."""
        module, _, function = self.where.partition(":")
        check: Check = getattr(import_module(f"tests.fuzz.{module}"), function)
        return check


MINIMED, PUMP, SYRINGE = "rig.wire.minimed.", "rig.sim.pump.", "rig.sim.syringe."

# fmt: off
_ALL = (
    Target("line-code", "minimed", "minimed:line", ("rig.wire.line_code",), seeds.coded),
    Target("stick-responses", "minimed", "minimed:stick", ("rig.wire.subg_rfspy",), seeds.stick_responses, 700),
    Target("packets", "minimed", "minimed:packet", (MINIMED + "packets", PUMP + "packets"), seeds.radio, 80),
    Target("fragments", "minimed", "minimed:fragments", (MINIMED + "packets",), seeds.fragments, 40),
    Target("answers", "minimed", "minimed:answer", (MINIMED + "answers", MINIMED + "wizard"), seeds.bodies, 66),
    Target("profiles", "minimed", "minimed:profile", (MINIMED + "answers",), seeds.images, 192),
    Target("counts", "minimed", "minimed:count", (MINIMED + "counts",), seeds.contents, 70),
    Target("history", "minimed", "minimed:page", (MINIMED + "history",), seeds.pages, 1024),
    Target("carelink-blocks", "carelink", "carelink:block", ("rig.wire.carelink",), seeds.blocks, 80),
    Target("carelink-downloads", "carelink", "carelink:download", ("rig.wire.carelink",), seeds.downloads, 1100),
    Target("mt-sics", "balance", "lines:sics", ("rig.wire.mt_sics",), seeds.sics_lines, 400),
    Target("new-era", "syringe", "lines:new_era_answers", ("rig.wire.new_era",), seeds.new_era_answers, 300),
    Target("new-era-numbers", "syringe", "lines:new_era_numbers", ("rig.wire.new_era",), seeds.numbers, 40),
    Target("harvard", "syringe", "lines:harvard_answers", ("rig.wire.harvard",), seeds.harvard_answers),
    Target("harvard-numbers", "syringe", "lines:harvard_numbers", ("rig.wire.harvard",), seeds.numbers, 60),
    Target("sim-new-era-frames", "twin", "twins:new_era_frames", (SYRINGE + "new_era_frames",), seeds.new_era_commands),
    Target("sim-numbers", "twin", "twins:numbers", (SYRINGE + "new_era_program", SYRINGE + "harvard_text"), seeds.numbers, 40),
    Target("sim-stick", "twin", "twins:stick", (PUMP + "stick", PUMP + "radio"), seeds.stick_commands, 600),
    Target("sim-carelink", "twin", "twins:carelink", (PUMP + "carelink", PUMP + "dance"), seeds.carelink_commands, 600),
    Target("sim-balance", "twin", "twins:balance", ("rig.sim.sics", "rig.sim.sics_settings"), seeds.sics_commands, 300),
    Target("sim-new-era", "twin", "twins:new_era", (SYRINGE + "new_era", SYRINGE + "new_era_program"), seeds.new_era_commands, 400),
    Target("sim-harvard", "twin", "twins:harvard", (SYRINGE + "harvard", SYRINGE + "harvard_settings"), seeds.harvard_commands, 400),
    Target("driver-cc111x", "driver", "drivers:cc111x", ("rig.drivers.minimed",), seeds.mangling, 120),
    Target("driver-carelink", "driver", "drivers:carelink", ("rig.drivers.minimed",), seeds.mangling, 120),
    Target("driver-mt-sics", "driver", "drivers:balance", ("rig.drivers.mt_sics",), seeds.mangling, 120),
    Target("driver-new-era", "driver", "drivers:new_era", ("rig.drivers.new_era",), seeds.mangling, 120),
    Target("driver-harvard", "driver", "drivers:harvard", ("rig.drivers.harvard",), seeds.mangling, 120),
    Target("record", "file", "files:record", ("rig.record.reader", "rig.record.lines"), seeds.records, 4096),
    Target("record-lines", "file", "files:record_lines", ("rig.record.lines",), seeds.record_lines, 120),
    Target("weighing-log", "file", "files:weighing_log", ("rig.weighing_log.read", "rig.weighing_log.rows", "rig.weighing_log.layout", "rig.weighing_log.quotes"), seeds.logs, 400),
    Target("bench-file", "file", "files:bench", ("rig.config", "rig.profiles.strict"), seeds.benches, 4096),
    Target("scenario", "file", "files:scenario", tuple(f"rig.scenario.{name}" for name in ("parse", "document", "fields", "kinds", "words", "step_fields", "sequence")), seeds.scenarios, 2048),
)
# fmt: on
TARGETS = {target.name: target for target in _ALL}

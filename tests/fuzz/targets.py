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


WIRE, MINIMED, PUMP, SYRINGE = "rig.wire.", "rig.wire.minimed.", "rig.sim.pump.", "rig.sim.syringe."


def _modules(package: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{package}{name}" for name in names)


STICK, RADIO = _modules(PUMP, "stick", "radio"), _modules(MINIMED, "packets") + _modules(PUMP, "packets")
CARELINK = _modules(PUMP, "carelink", "dance")
ANSWERS, SICS = _modules(MINIMED, "answers", "wizard"), ("rig.sim.sics", "rig.sim.sics_settings")
TEXTS, FRAMES = _modules(SYRINGE, "new_era_program", "harvard_text"), _modules(SYRINGE, "new_era_frames")
NEW_ERA, HARVARD = _modules(SYRINGE, "new_era", "new_era_program"), _modules(SYRINGE, "harvard", "harvard_settings")
RADWAG, OHAUS = (WIRE + "balances.radwag",), (WIRE + "balances.ohaus",)
RECORD, LINES = ("rig.record.reader", "rig.record.lines"), ("rig.record.lines",)
PROFILE, BENCH = ("rig.profiles.data_file", "rig.profiles.strict"), ("rig.config", "rig.profiles.strict")
LOG = _modules("rig.weighing_log.", "read", "rows", "layout", "quotes")
SCENARIO = _modules("rig.scenario.", "parse", "document", "fields", "kinds", "words", "step_fields", "sequence")

# fmt: off
_ALL = (
    Target("line-code", "minimed", "minimed:line", (WIRE + "line_code",), seeds.coded),
    Target("stick-responses", "minimed", "minimed:stick", (WIRE + "subg_rfspy",), seeds.stick_responses, 120),
    Target("packets", "minimed", "minimed:packet", RADIO, seeds.radio, 80),
    Target("fragments", "minimed", "minimed:fragments", (MINIMED + "packets",), seeds.fragments, 40),
    Target("answers", "minimed", "minimed:answer", ANSWERS, seeds.bodies, 66),
    Target("profiles", "minimed", "minimed:profile", (MINIMED + "answers",), seeds.images, 192),
    Target("counts", "minimed", "minimed:count", (MINIMED + "counts",), seeds.contents, 70),
    Target("history", "minimed", "minimed:page", (MINIMED + "history",), seeds.pages, 1024),
    Target("carelink-blocks", "carelink", "carelink:block", (WIRE + "carelink",), seeds.blocks, 80),
    Target("carelink-downloads", "carelink", "carelink:download", (WIRE + "carelink",), seeds.downloads, 160),
    Target("mt-sics", "balance", "lines:sics", (WIRE + "mt_sics",), seeds.sics_lines, 100),
    Target("mt-sics-weights", "balance", "lines:sics_weights", (WIRE + "mt_sics",), seeds.sics_lines, 30),
    Target("sbi", "balance", "balances:sbi_lines", (WIRE + "balances.sbi",), seeds.balance_lines("sbi.toml"), 40),
    Target("and", "balance", "balances:and_lines", (WIRE + "balances.a_and_d",), seeds.balance_lines("and.toml"), 40),
    Target("kern", "balance", "balances:kern_lines", (WIRE + "balances.kern",), seeds.balance_lines("kern.toml"), 40),
    Target("kcp", "balance", "balances:kcp_lines", (WIRE + "mt_sics",), seeds.balance_lines("kern_kcp.toml"), 40),
    Target("radwag", "balance", "balances:radwag_lines", RADWAG, seeds.balance_lines("radwag.toml"), 40),
    Target("ohaus", "balance", "balances:ohaus_lines", OHAUS, seeds.balance_lines("ohaus.toml"), 40),
    Target("new-era", "syringe", "lines:new_era_answers", (WIRE + "new_era",), seeds.new_era_answers, 100),
    Target("new-era-numbers", "syringe", "lines:new_era_numbers", (WIRE + "new_era",), seeds.numbers, 40),
    Target("harvard", "syringe", "lines:harvard_answers", (WIRE + "harvard",), seeds.harvard_answers, 120),
    Target("harvard-numbers", "syringe", "lines:harvard_numbers", (WIRE + "harvard",), seeds.numbers, 60),
    Target("sim-new-era-frames", "twin", "twins:new_era_frames", FRAMES, seeds.new_era_commands, 120),
    Target("sim-numbers", "twin", "twins:numbers", TEXTS, seeds.numbers, 40),
    Target("sim-stick", "twin", "twins:stick", STICK, seeds.stick_commands, 600),
    Target("sim-carelink", "twin", "twins:carelink", CARELINK, seeds.carelink_commands, 600),
    Target("sim-balance", "twin", "twins:balance", SICS, seeds.sics_commands, 300),
    Target("sim-new-era", "twin", "twins:new_era", NEW_ERA, seeds.new_era_commands, 400),
    Target("sim-harvard", "twin", "twins:harvard", HARVARD, seeds.harvard_commands, 400),
    Target("driver-cc111x", "driver", "drivers:cc111x", ("rig.drivers.minimed",), seeds.mangling, 120),
    Target("driver-carelink", "driver", "drivers:carelink", ("rig.drivers.minimed",), seeds.mangling, 120),
    Target("driver-mt-sics", "driver", "drivers:balance", ("rig.drivers.mt_sics",), seeds.mangling, 120),
    Target("driver-new-era", "driver", "drivers:new_era", ("rig.drivers.new_era",), seeds.mangling, 120),
    Target("driver-harvard", "driver", "drivers:harvard", ("rig.drivers.harvard",), seeds.mangling, 120),
    Target("record", "file", "files:record", RECORD, seeds.records, 4096),
    Target("record-lines", "file", "files:record_lines", LINES, seeds.record_lines, 120),
    Target("ledger", "file", "files:ledger_lines", ("rig.record.ledger",), seeds.ledgers, 1200),
    Target("profile-data", "file", "files:profile_data", PROFILE, seeds.profile_data, 8000),
    Target("faults", "file", "files:fault", ("rig.sim.faults",), seeds.faults, 80),
    Target("weighing-log", "file", "files:weighing_log", LOG, seeds.logs, 400),
    Target("bench-file", "file", "files:bench", BENCH, seeds.benches, 4096),
    Target("scenario", "file", "files:scenario", SCENARIO, seeds.scenarios, 2048),
)
# fmt: on
TARGETS = {target.name: target for target in _ALL}

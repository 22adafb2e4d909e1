"""Which balances the twin can play: protocols, models, and how the port of each leaves the factory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rig.errors import UsageError
from rig.sim.balances.a_and_d import AndBalance
from rig.sim.balances.device import BalanceDevice, Place
from rig.sim.balances.kern import KcpBalance, KernBalance
from rig.sim.balances.menu import LineSettings, Menu
from rig.sim.balances.ohaus import OhausBalance
from rig.sim.balances.radwag import RadwagBalance
from rig.sim.balances.sbi import SbiBalance
from rig.sim.balances.sics import SicsBalance

WHERE: Final = "simulated balance"
PROTOCOLS: Final[dict[str, type[BalanceDevice]]] = {
    "mt-sics": SicsBalance,
    "sbi": SbiBalance,
    "and": AndBalance,
    "ohaus": OhausBalance,
    "kern": KernBalance,
    "kern-kcp": KcpBalance,
    "radwag": RadwagBalance,
}


@dataclass(frozen=True, slots=True)
class BalanceModel:
    """One balance as it leaves the factory, or as somebody has set it; the first of a protocol is its default."""

    name: str
    protocol: str
    menu: Menu
    line: LineSettings
    about: str


MODELS: Final = (
    BalanceModel("sim220", "mt-sics", Menu(), LineSettings(9600), "bench balance, levels 0 to 3"),
    BalanceModel(
        "entris-ii", "sbi", Menu("SIM-ENTRIS"), LineSettings(9600, 8, "O"), "22 characters, prints when it is asked"
    ),
    BalanceModel(
        "mse", "sbi", Menu("SIM-MSE", print="stable"), LineSettings(19_200, 8, "O"), "22 characters, print waits"
    ),
    BalanceModel(
        "cp",
        "sbi",
        Menu("SIM-CP", format=16, print="stable", old_codes=True),
        LineSettings(1200, 7, "O"),
        "older: 16 characters, print waits, one letter for overload, underload and adjustment",
    ),
    BalanceModel(
        "wza",
        "sbi",
        Menu("SIM-WZA", format=16, autoprint=True, output_hz=5.0),
        LineSettings(1200, 7, "O"),
        "weigh cell that prints by itself",
    ),
    BalanceModel(
        "fx-i",
        "and",
        Menu("SIM-FX", id_label=True),
        LineSettings(2400, 7, "E"),
        "erCd 0: no answer to what is no question",
    ),
    BalanceModel(
        "fx-i-ak",
        "and",
        Menu("SIM-FX", error_codes=1, id_label=True),
        LineSettings(2400, 7, "E"),
        "erCd 1: AK, and error codes",
    ),
    BalanceModel(
        "hr-a",
        "and",
        Menu("SIM-HR", error_codes=1, bare_ak=True),
        LineSettings(2400, 7, "E"),
        "erCd 1, AK without its line end",
    ),
    BalanceModel("gx-a", "and", Menu("SIM-GX", error_codes=2), LineSettings(2400, 7, "E"), "erCd 2: echo"),
    BalanceModel("explorer", "ohaus", Menu("SIM-EX"), LineSettings(9600), "blanks at the end cut"),
    BalanceModel("adventurer", "ohaus", Menu("SIM-AX", padded=True), LineSettings(9600), "fields at their full width"),
    BalanceModel("scout", "ohaus", Menu("SIM-SCT", blanks=True), LineSettings(9600), "blanks at the end kept"),
    BalanceModel(
        "scout-pro", "ohaus", Menu("SIM-SP", acknowledges=False), LineSettings(2400, 7, "N", 2), "older: no OK!"
    ),
    BalanceModel("pcb", "kern", Menu("SIM-PCB"), LineSettings(9600), "18 characters"),
    BalanceModel("fkb", "kern", Menu("SIM-FKB", short=True), LineSettings(9600), "older firmware: 15 and 14"),
    BalanceModel(
        "pcb-au-pc", "kern", Menu("SIM-PCB", autoprint=True), LineSettings(9600), "set to continuous output (AU PC)"
    ),
    BalanceModel("kib", "kern-kcp", Menu("SIM-KIB", "K123456"), LineSettings(9600), "current protocol"),
    BalanceModel("as-x2", "radwag", Menu("SIM-AS"), LineSettings(9600), "laboratory balance in grams"),
    BalanceModel("wlc", "radwag", Menu("SIM-WLC", base_unit="kg"), LineSettings(9600), "scale whose base unit is kg"),
)


def balance_model(protocol: str, name: str = "") -> BalanceModel:
    """Return a model of a protocol, its first where no name is given; raise `UsageError` that lists what there is."""
    if protocol not in PROTOCOLS:
        raise UsageError(
            f"the twin has no balance that speaks '{protocol}'", where=WHERE, expected=" or ".join(PROTOCOLS)
        )
    known = {each.name: each for each in MODELS if each.protocol == protocol}
    if name and name not in known:
        raise UsageError(f"the twin has no {protocol} balance '{name}'", where=WHERE, expected=" or ".join(known))
    return known[name] if name else next(iter(known.values()))


def simulated_balance(model: BalanceModel, place: Place, menu: Menu | None = None) -> BalanceDevice:
    """Return a balance, not yet attached to a wire; ``menu`` stands for the model's own settings."""
    return PROTOCOLS[model.protocol](place, menu or model.menu)

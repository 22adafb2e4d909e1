"""Buoyancy of liquid, vessel and immersed tube (ISO 8655-6, ISO/TR 20461; reference sections 5.1, 5.5)."""

from __future__ import annotations

from rig.errors import BenchError
from rig.metrology.checks import finite

REFERENCE_DENSITY_KG_PER_M3 = 8000.0  # conventional density of the masses that balances are adjusted with
UL_PER_CM3 = 1000.0


def z_factor_ul_per_mg(
    liquid_density_kg_per_m3: float,
    air_density_kg_per_m3: float,
    reference_density_kg_per_m3: float = REFERENCE_DENSITY_KG_PER_M3,
) -> float:
    """Return Z in uL per displayed mg: (1 - rho_a/rho_b) / (rho_l - rho_a).

    ISO 8655-6. No expansion term of a container is applied: the volume is that at test temperature. Water at 20 C,
    1013 hPa, 50 %RH: 1.002851. ``BenchError`` unless rho_l and rho_b exceed rho_a > 0.
    """
    rho_a = finite("air density", air_density_kg_per_m3, positive=True)
    rho_l = finite("liquid density", liquid_density_kg_per_m3)
    rho_b = finite("reference density", reference_density_kg_per_m3)
    if min(rho_l, rho_b) <= rho_a:
        raise BenchError(
            f"liquid {rho_l:g} and reference mass {rho_b:g} kg/m3 in air of {rho_a:g} kg/m3",
            expected="both denser than air",
        )
    return UL_PER_CM3 * (1.0 - rho_a / rho_b) / (rho_l - rho_a)


def tube_factor(outer_diameter_mm: float, vessel_inner_diameter_mm: float) -> float:
    """Return k_tube = 1 - (d_t/D)^2 for a tube held from outside in a vessel with vertical walls.

    Reference section 5.5: the rising level lifts the tube, which the balance shows as extra mass. 1.2 mm in 20 mm:
    0.9964. ``BenchError`` unless 0 <= d_t < D.
    """
    outer = finite("tube outer diameter", outer_diameter_mm, non_negative=True)
    inner = finite("vessel inner diameter", vessel_inner_diameter_mm, positive=True)
    if outer >= inner:
        raise BenchError(
            f"a tube of {outer:g} mm in a vessel of {inner:g} mm", expected="a tube narrower than the vessel"
        )
    return 1.0 - (outer / inner) ** 2


def collected_volume_ul(
    mass_change_mg: float,
    *,
    liquid_density_kg_per_m3: float,
    air_density_start_kg_per_m3: float,
    air_density_end_kg_per_m3: float,
    load_cm3: float = 0.0,
    k_tube: float = 1.0,
    reference_density_kg_per_m3: float = REFERENCE_DENSITY_KG_PER_M3,
    air_density_calibration_kg_per_m3: float | None = None,
) -> float:
    """Return the collected volume in uL: the extended model of reference section 5.1.

    V = { dW (1 - rho_cal/rho_b) + (rho_a2 - rho_a1) V_load } / (rho_l - rho_a2) * k_tube, with dW already corrected
    for evaporation. ``load_cm3``: external volume of the vessel and what was in it at the start. rho_cal: air density
    when the balance was adjusted, by default that of the start. Reference example EX-10: 10.0608 mg, 15 cm3 and
    a fall of 5 hPa give 10.0000 uL.
    """
    rho_1 = finite("air density at the start", air_density_start_kg_per_m3, positive=True)
    rho_2 = finite("air density at the end", air_density_end_kg_per_m3, positive=True)
    rho_cal = rho_1 if air_density_calibration_kg_per_m3 is None else air_density_calibration_kg_per_m3
    if liquid_density_kg_per_m3 <= rho_2:
        raise BenchError(f"liquid density {liquid_density_kg_per_m3:g} kg/m3", expected="denser than air")
    load = finite("vessel volume", load_cm3, non_negative=True) * (rho_2 - rho_1)
    lifted = mass_change_mg * (1.0 - rho_cal / reference_density_kg_per_m3) + load
    return UL_PER_CM3 * finite("volume", lifted / (liquid_density_kg_per_m3 - rho_2) * k_tube)

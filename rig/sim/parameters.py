"""Every number the twin starts from, with its source or reason.

References: [pump-specs] docs on the pump families, [minimed] protocol facts, [metrology] the chain from balance to
volume, [balance] balance protocols; literature marks such as L28 are those of the metrology page.
"""

from __future__ import annotations

from dataclasses import dataclass

HOUR_NS = 3_600_000_000_000
STROKE_U = 0.025  # smallest step any of these pumps is programmed in [minimed 0.4]
STROKES_PER_U = 40


@dataclass(frozen=True, slots=True)
class PumpModel:
    """What differs between the pump models the twin can play [minimed 0.3, 0.4, 4.1; pump-specs 1]."""

    name: str

    @property
    def family(self) -> int:
        """Return the last two digits, which decide what a pump speaks."""
        return int(self.name) % 100

    @property
    def is_new(self) -> bool:
        """Say whether the newer encodings apply (family 23 and later)."""
        return self.family >= 23

    @property
    def is_first(self) -> bool:
        """Say whether this is family 12: settings by 91, targets by 8C, and opcodes that later ones brought refused."""
        return self.family == 12

    @property
    def reservoir_u(self) -> int:
        """Return what a full reservoir holds, in U."""
        return 176 if self.name.startswith("5") else 300

    @property
    def dose_strokes(self) -> int:
        """Return one motor pulse, in steps of 0.025 U."""
        return 1 if self.is_new else 2

    @property
    def history_pages(self) -> int:
        """Return how many pages of history are kept."""
        return 32 if self.is_first else 36


FAMILIES = (12, 15, 22, 23, 30, 40, 51, 54)
PUMP_MODELS = {name: PumpModel(name) for family in FAMILIES for name in (f"5{family}", f"7{family}")}


@dataclass(frozen=True, slots=True)
class PlantParameters:
    """Defaults of a conforming pump on an ordinary semi-micro balance in an ordinary laboratory."""

    # --- pump: dose size
    ul_per_u: float = 10.0  # U-100 [minimed 0.4]
    unit_gain_sd: float = 0.008  # spread between makers' units; cut at 2 sd so that every unit conforms to +-5 %
    run_gain_sd: float = 0.003  # reservoir bore and seating differ from filling to filling
    screw_pitch_ul: float = 120.0  # one turn: about 0.8 mm on a 1.5 cm2 plunger (3 mL syringe)
    screw_error: float = 0.007  # amplitude of the rate error over a turn; with the terms below 1 U scatters by 1 %
    position_jitter_ul: float = 0.042  # plunger rest position after a stroke: 0.1 U boluses scatter by 6 to 8 %
    jitter_tail_share: float = 0.1  # share of strokes from the wide part of the jitter: heavy tails (L28)
    jitter_tail_ratio: float = 2.0  # how much wider that part is
    stroke_error_sd: float = 0.014  # error shared by neighbouring strokes: friction changes along the barrel
    stroke_error_length: float = 4.0  # strokes over which it is forgotten
    slow_gain_sd: float = 0.0  # gain that wanders at every scale; off: published pumps need it (rig.sim.published)
    slow_gain_lengths: tuple[float, ...] = (10.0, 30.0, 100.0, 300.0, 1000.0)  # motor pulses; two per decade is 1/f
    stick_probability: float = 0.002  # a stroke that sticks: rare, long, so that windows have tails too (L28)
    stick_lag_ul: float = 0.2  # mean of the exponential lag while stuck
    stick_strokes: float = 12.0  # mean number of strokes until it slips
    startup_gain: float = 0.03  # over-delivery after filling (seen for hours in most systems, L31), here mild
    startup_gain_sd: float = 0.0  # its spread from run to run; cut at 2.5 sd: below 0.4 every pump starts
    startup_ul: float = 10.0  # volume over which it fades
    # --- pump: time
    interval_sd: float = 0.03  # of the dose interval; published 4.6 to 12.9 % at 0.1 U/h for other pumps (L32)
    clock_error_ppm: float = 20.0  # an ordinary watch crystal
    clock_offset_s: float = 7.0  # set by hand, never to the second
    # --- line
    tail_share: float = 0.125  # with tail_s: 9.4 % of a 722's 1 U bolus arrive after its nominal end (L35)
    tail_s: float = 15.0  # slow part: elastic plunger seal and tube
    compliance_s: float = 0.8  # fast part: stiff set, 0.12 uL/kPa against the bore's resistance [metrology 9.3]
    line_compliance_ul_per_kpa: float = 0.305  # reservoir, drive and tube: 2.77 U at 13.15 psi [metrology 9.3]
    pump_side_share: float = 0.8  # of it before a clamp at the pump; the tube's part is unknown: an assumption
    pinch_ul: float = 0.3  # a soft clamp's own volume, half of it each way [metrology 9.4]; 1 mm of a 0.6 mm bore
    pinch_sd: float = 0.05  # of it, from one closing to the next; an assumption
    siphon_ul_per_h_per_kpa: float = 5.0  # past an unlatched plunger; an assumption
    seal_friction_kpa: float = 2.0  # what such a plunger resists; an assumption
    # --- occlusion alarm
    occlusion_kpa: float = 90.7  # force at which the pump alarms, 13.15 psi [pump-specs 2]
    stall_kpa: float = 172.0  # the drive presses no harder, 25 psi [pump-specs 1]
    # --- vessel and tube (equal to the geometry of the shipped bench files)
    vessel_mass_mg: float = 22_300.0  # borosilicate vial
    vessel_volume_ul: float = 10_000.0  # its glass, 2.23 g/cm3
    liquid_start_mg: float = 5_000.0  # water that covers the outlet
    vessel_inner_diameter_mm: float = 20.0
    vessel_height_mm: float = 45.0
    tube_outer_diameter_mm: float = 1.2
    evaporation_mg_per_h: float = 0.015  # under an oil film, at 20 C, 50 % and the first level [metrology EX-12]
    # --- air
    temperature_c: float = 20.0
    temperature_wave_k: float = 0.25  # daily amplitude of an air-conditioned laboratory
    humidity_pct: float = 50.0
    humidity_wave_pct: float = 3.0
    room_sd_k: float = 0.0  # irregular part beside the waves, forgotten in room_h; the shipped laboratory has none
    room_sd_pct: float = 0.0
    room_h: float = 1.0
    pressure_hpa: float = 1013.25
    pressure_tide_hpa: float = 0.6  # semidiurnal tide at middle latitudes
    weather_sd_hpa: float = 1.5  # quiet weather; forgotten in weather_h
    weather_h: float = 40.0
    # --- balance
    resolution_mg: float = 0.01
    capacity_g: float = 220.0  # semi-micro class [metrology 5.8]
    update_s: float = 0.1  # display update; MT-SICS UPD rounds to what it can do
    filter_s: tuple[float, ...] = (0.3, 0.45, 0.65, 1.2, 2.0)  # lag by M02 environment, very stable .. very unstable
    white_noise_mg: float = 0.02  # one conversion, before the filter; repeatability class 0.02 mg [metrology 5.8]
    flicker_mg: float = 0.003  # sd of each 1/f component
    flicker_taus_s: tuple[float, ...] = (3.0, 30.0, 300.0, 3000.0)  # one per decade: a sum of these is 1/f
    random_walk_mg_per_sqrt_h: float = 0.01  # with the above, a blank drifts by less than 0.05 mg/h
    sensitivity_ppm: float = 10.0  # span error after adjustment
    sensitivity_ppm_per_k: float = 1.0  # 1 to 2.5 typical [metrology 5.8]
    stable_digits_per_s: float = 1.0  # slower than this is called stable
    stable_timeout_s: float = 40.0  # then "S I" [balance 1.3]
    zero_band_mg: float = 0.5  # zero tracking works only this close to zero
    zero_digits_per_s: float = 3.0  # and this fast
    reply_s: float = 0.01  # from request to first byte of a balance's answer
    balance_serial: str = "B000900001"
    balance_model: str = "SIM220"
    # --- pump electronics
    battery_v: float = 1.38  # a used AAA cell
    battery_v_per_h: float = 0.0004
    battery_v_per_u: float = 0.0002
    battery_low_v: float = 1.20
    # Supply in place of the cell. No source gives thresholds or currents of these pumps: the twin's own figures, chosen
    # so that an AAA cell of 1.2 Ah lasts about a month by itself and about a week with the radio on a quarter of the
    # time, as users report; docs/explanation/a-supply-for-a-cell.md.
    battery_radio_v: float = 1.10  # below, the radio is off: the first thing a pump with a low cell does without
    battery_dead_v: float = 1.05  # below, "battery depleted": it delivers no more
    brown_out_v: float = 0.90  # below, the converter lets go and the pump resets
    restart_v: float = 1.00  # from here on it starts again
    hold_up_s: float = 0.02  # its capacitor carries it over a gap of this length
    retry_s: float = 1.0  # from a supply that is back to a start
    boot_s: float = 10.0  # self-test after that; nothing is delivered, nothing heard
    battery_out_s: float = 300.0  # memory and clock are kept for so long without a cell
    sleep_a: float = 0.0012  # currents at 1.5 V
    radio_a: float = 0.020
    screen_a: float = 0.006
    screen_s: float = 30.0
    motor_a: float = 0.12
    motor_s: float = 0.25  # for a step of 0.025 U; a bolus at 5 U/min has 0.3 s
    boot_a: float = 0.03
    lead_ohm: float = 0.1  # leads and contacts of a dummy cell without remote sense
    low_reservoir_u: float = 20.0  # default warning level [pump-specs 1]
    max_bolus_u: float = 25.0  # a bench pump is set to its limits
    max_basal_u_per_h: float = 35.0
    # --- radio
    pump_frequency_mhz: float = 916.55
    radio_reach_mhz: float = 0.2  # farther off, neither hears the other
    radio_noise_dbm: float = -101.0
    radio_level_dbm: float = -48.0
    answer_s: tuple[float, float] = (0.022, 0.065)  # within 20 to 80 ms [minimed 7.1]
    awake_s: float = 75.0  # radio on after the last packet: 60 to 90 s [minimed 1.6]
    wake_packets: int = 50  # power-control packets that wake a sleeping radio [minimed 1.7]
    deep_wake_packets: int = 300  # more than one burst of 255
    stick_slow_share: float = 0.02  # of the replies of a CareLink stick: a first reading returns nothing [minimed 2.4]
    stick_slow_s: float = 0.2  # clients wait 250 ms, then read again
    preamble_s: float = 0.0086  # so that a short packet takes 14 ms and a long one 61 ms [minimed 1.6]
    air_bit_per_s: float = 16_384.0

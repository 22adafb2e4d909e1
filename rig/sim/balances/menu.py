"""What is set at a simulated balance itself, and how its port is set: no command changes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Menu:
    """Identity and settings; each protocol looks only at its own. An empty text is the parameters' value."""

    model: str = ""
    serial: str = ""
    version: str = "1.10"
    autoprint: bool = False  # a stream from power-up on (SIR left running, SBI autoprint, KERN AU PC)
    output_hz: float = 10.0  # lines of a stream in a second, where no command sets it
    adjust_s: float = 60.0  # an internal adjustment takes this long
    format: int = 22  # SBI: characters of a line, 16 or 22
    print: str = "now"  # SBI: <ESC>P sends "now", or when "stable"
    old_codes: bool = False  # SBI: H, L and C for overload, underload and adjustment
    padded_text: int = 20  # SBI: width of model and serial number
    protocol: str = ""  # SBI: another than SBI is set ("xbpi"), and nothing is understood
    error_codes: int = 0  # A&D erCd: 0 nothing, 1 AK and error codes, 2 echo
    bare_ak: bool = False  # A&D: AK without CR LF
    id_label: bool = False  # A&D: ?ID is answered by "ID," and six digits
    blanks: bool = False  # Ohaus: blanks at the end are kept, the unit is not padded
    padded: bool = False  # Ohaus: unit and stability padded to their width
    acknowledges: bool = True  # Ohaus: "OK!"
    base_unit: str = "g"  # Radwag: of S, SI and C1
    short: bool = False  # KERN: older firmware, 15 and 14 bytes


@dataclass(frozen=True, slots=True)
class LineSettings:
    """The factory setting of a port."""

    baud: int
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1

    @property
    def bits(self) -> int:
        """Return the bits of one byte on the wire, start and stop included."""
        return 1 + self.data_bits + (self.parity != "N") + self.stop_bits

    def __str__(self) -> str:
        return f"{self.baud} {self.data_bits}{self.parity}{self.stop_bits}"

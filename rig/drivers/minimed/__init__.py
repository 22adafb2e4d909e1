"""MiniMed pumps behind a CC111x radio stick or a CareLink USB stick."""

from rig.drivers.minimed.pump import MinimedPump
from rig.drivers.minimed.ways import BAUD, DEFAULT_FREQUENCY_MHZ, minimed_pump

__all__ = ["BAUD", "DEFAULT_FREQUENCY_MHZ", "MinimedPump", "minimed_pump"]

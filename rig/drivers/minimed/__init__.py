"""MiniMed pumps of families 22 and 23 behind a CC111x radio stick."""

from rig.drivers.minimed.pump import MinimedPump

__all__ = ["MinimedPump"]

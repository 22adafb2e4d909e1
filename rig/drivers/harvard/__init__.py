"""Harvard Apparatus syringe pumps: Pump 11 Elite and PHD ULTRA."""

from rig.drivers.harvard.line import HarvardRefused
from rig.drivers.harvard.pump import HarvardPump

__all__ = ["HarvardPump", "HarvardRefused"]

"""New Era syringe pumps: NE-1000, NE-500, and what is sold as Aladdin, LA or SP500."""

from rig.drivers.new_era.line import NewEraRefused
from rig.drivers.new_era.pump import NewEraPump

__all__ = ["NewEraPump", "NewEraRefused"]

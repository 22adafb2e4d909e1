"""A driver for the ACME-1, as a plug-in of the rig."""

from rig.plugins import Capability, DriverSpec
from rig.transport.serial_links import SerialSettings

from .driver import AcmePump

SPEC = DriverSpec(
    api=1,
    name="acme-1",
    role="pump",
    models=("ACME-1",),
    capabilities=frozenset(
        {Capability.SUSPENDS, Capability.PROFILES, Capability.TEMP_BASALS, Capability.BOLUSES, Capability.HISTORY}
    ),
    link_settings=SerialSettings(115_200),
    open=AcmePump,
    transcripts=("transcript.toml",),
    simulator="acme_rig.simulator:scene",
)

"""Every error the rig raises on purpose.

The tree, with the exit code of design 5.1::

    RigError
    +-- UsageError (2)            nothing moved; the person can mend it
    |   +-- ConfigError           bench file, profile, command line
    |   +-- ScenarioError         scenario file or an impossible programme
    +-- BenchError (4)            the bench, not the pump under judgement, is at fault
    |   +-- TransportError        a port that cannot be opened, a lost device
    |   |   +-- TransportTimeout  also a TimeoutError: nothing came in time
    |   |   +-- LinkLost          the device behind a port went away, and may come back
    |   |   +-- DeviceChanged     what came back is another device, or is set otherwise
    |   +-- ProtocolError         bytes came, but not the ones the protocol allows
    |   |   +-- MalformedReply    one reply that breaks its grammar
    |   +-- InstrumentError       the device answered, and the answer is a refusal
    |   +-- RecordError           the record cannot be written or read
    |   +-- GuardianLost          nobody would make the bench safe if this process died
    |   +-- UnsafeBench (5)       what an earlier run left behind is not known to be safe
    +-- RunAborted (130)          a person or a signal ended the run
        +-- EmergencyStopped      somebody pressed the emergency stop

A message says which device, what was asked, which bytes came, what was expected, what to try.
"""

from __future__ import annotations


class RigError(Exception):
    """Root of every error that the rig raises on purpose; prints itself as one line."""

    exit_code = 4

    def __init__(self, what: str, *, where: str = "", expected: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.hint = hint

    def __str__(self) -> str:
        """Return ``where: what; expected ...; try ...`` on a single line."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.expected:
            text += f"; expected {self.expected}"
        if self.hint:
            text += f"; try: {self.hint}"
        return text.replace("\r", " ").replace("\n", " ")


class UsageError(RigError):
    """The request itself is wrong: nothing moved, and the person can mend it."""

    exit_code = 2


class ConfigError(UsageError):
    """A bench file, a device profile or the command line cannot be used."""


class ScenarioError(UsageError):
    """A scenario file cannot be read, or asks for something impossible."""


class BenchError(RigError):
    """The bench is at fault; this can never become a failed pump."""


class TransportError(BenchError):
    """A port cannot be opened, or a device went away."""


class TransportTimeout(TransportError, TimeoutError):
    """Nothing, or not enough, came before the deadline."""


class LinkLost(TransportError):
    """The device behind a port went away; its link may be opened again."""


class DeviceChanged(TransportError):
    """What answers on a re-opened link is another device, or the same one set otherwise: nothing goes on with it."""


class ProtocolError(BenchError):
    """Bytes came, but not such as the protocol allows."""


class MalformedReply(ProtocolError):
    """One reply that breaks its grammar; carries the bytes."""

    def __init__(self, device: str, received: bytes, *, expected: str, asked: str = "", hint: str = "") -> None:
        asked_text = f" to {asked}" if asked else ""
        super().__init__(f"malformed reply{asked_text}: {received!r}", where=device, expected=expected, hint=hint)
        self.received = received


class InstrumentError(BenchError):
    """The device answered, and the answer is a refusal or a fault."""


class RecordError(BenchError):
    """The record cannot be written, or what is stored cannot be read."""


class GuardianLost(BenchError):
    """The guardian is gone: nobody would make the bench safe if this process died."""


class UnsafeBench(BenchError):
    """What an earlier run left behind is not known to be safe: somebody has to go to the bench."""

    exit_code = 5


class RunAborted(RigError):
    """A person or a signal ended the run; the bench was made safe."""

    exit_code = 130


class EmergencyStopped(RunAborted):
    """Somebody pressed the emergency stop."""

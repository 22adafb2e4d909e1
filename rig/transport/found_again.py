"""A device that comes back under another port name: found by the USB serial number of its port, never by a guess."""

from __future__ import annotations

from collections.abc import Iterator


def usb_ports() -> Iterator[tuple[str, str]]:
    """Yield port and USB serial number of every USB port that the system lists."""
    from serial.tools import list_ports  # noqa: PLC0415 - only benches with ports pay for it

    for known in list_ports.comports():
        if known.vid is not None:
            yield known.device, known.serial_number or ""


def found_again(serial_number: str) -> str:
    """Return the one port whose USB serial number this is; empty where there is none, or more than one."""
    ports = [port for port, number in usb_ports() if serial_number and number == serial_number]
    return ports[0] if len(ports) == 1 else ""

"""The contract on the real module and a real kernel: only inside a machine with gpio-sim (tox -e kernel)."""

from tests.gpio.contract import GpioContract


class TestKernel(GpioContract):
    """The whole contract."""

"""The pins of the rig's controller through ``RPi.GPIO``, and a simulated module that behaves like it.

Only the guardian claims a line (design 4.6). Everything here speaks to a *module*: the real one, imported lazily by
`rig.gpio.load`, or `rig.gpio.simulated.SimulatedGpio`. The same contract tests run on both.
"""

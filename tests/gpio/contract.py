"""What both GPIO modules must do: the simulated one in virtual time, the real one on a kernel (tests/kernel).

Times are generous: on the kernel they are real, and an edge may take 300 ms there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from rig.errors import InstrumentError
from rig.gpio.pins import Pins


class World(Protocol):
    """The other end of the wires."""

    gpio: Any

    def drive(self, pin: int, level: int) -> None:
        """Put a level on an input; then let the edge arrive."""

    def drive_later(self, after_s: float, pin: int, level: int) -> None:
        """Do so later."""

    def level(self, pin: int) -> int:
        """Return what a wire carries."""

    def wait(self, seconds: float) -> None:
        """Let time pass, and every callback end."""

    def until(self, so: Callable[[], bool]) -> bool:
        """Wait until something is so, for some seconds at most; say whether it is."""

    def claims_elsewhere(self, pin: int) -> Exception | str | None:
        """Let another process drive a line high: return what it got, None when nothing refused it."""

    def level_after_death(self, pin: int) -> int:
        """Let another process drive a line high and be killed; return the level then."""


def pulse(world: World, pin: int, seconds: float) -> None:
    world.drive(pin, 1)
    world.wait(seconds)
    world.drive(pin, 0)


REFUSED: list[tuple[str, Callable[[Any], object], type[Exception], str]] = [
    ("another numbering", lambda g: g.setmode(g.BOARD), ValueError, "A different mode has already been set!"),
    (
        "no direction",
        lambda g: g.setup(4, 7),
        ValueError,
        "An invalid direction was passed to setup()",
    ),
    (
        "a pull for an output",
        lambda g: g.setup(4, g.OUT, pull_up_down=g.PUD_UP),
        ValueError,
        "pull_up_down parameter is not valid for outputs",
    ),
    (
        "an initial level for an input",
        lambda g: g.setup(4, g.IN, initial=1),
        ValueError,
        "initial parameter is not valid for inputs",
    ),
    (
        "no pull",
        lambda g: g.setup(4, g.IN, pull_up_down=5),
        ValueError,
        "Invalid value for pull_up_down - should be either PUD_OFF, PUD_UP or PUD_DOWN",
    ),
    (
        "no such channel",
        lambda g: g.setup(54, g.IN),
        ValueError,
        "The channel sent is invalid on a Raspberry Pi",
    ),
    (
        "output on an input",
        lambda g: (g.setup(4, g.IN), g.output(4, 1)),
        RuntimeError,
        "The GPIO channel has not been set up as an OUTPUT",
    ),
    (
        "values that do not match",
        lambda g: (g.setup([4, 5], g.OUT, initial=0), g.output([4, 5], [1, 1, 1])),
        RuntimeError,
        "Number of channels != number of values",
    ),
    ("input on nothing", lambda g: g.input(6), RuntimeError, "You must setup() the GPIO channel first"),
    (
        "edges of nothing",
        lambda g: g.add_event_detect(6, g.BOTH),
        RuntimeError,
        "You must setup() the GPIO channel as an input first",
    ),
    (
        "edges of an output",
        lambda g: (g.setup(4, g.OUT, initial=0), g.add_event_detect(4, g.BOTH)),
        RuntimeError,
        "You must setup() the GPIO channel as an input first",
    ),
    (
        "no edge",
        lambda g: (g.setup(4, g.IN), g.add_event_detect(4, 3)),
        ValueError,
        "The edge must be set to RISING, FALLING or BOTH",
    ),
    (
        "no bounce time",
        lambda g: (g.setup(4, g.IN), g.add_event_detect(4, g.BOTH, bouncetime=0)),
        ValueError,
        "Bouncetime must be greater than 0",
    ),
    (
        "no callback",
        lambda g: (g.setup(4, g.IN), g.add_event_detect(4, g.BOTH, callback=5)),
        TypeError,
        "Parameter must be callable",
    ),
    (
        "armed twice",
        lambda g: (g.setup(4, g.IN), g.add_event_detect(4, g.BOTH), g.add_event_detect(4, g.RISING)),
        RuntimeError,
        "Conflicting edge detection already enabled for this GPIO channel",
    ),
    (
        "armed twice for the same edge",
        lambda g: (g.setup(4, g.IN), g.add_event_detect(4, g.BOTH), g.add_event_detect(4, g.BOTH)),
        RuntimeError,
        "Conflicting edge detection already enabled for this GPIO channel",
    ),
    (
        "waiting on an armed channel",
        lambda g: (g.setup(4, g.IN), g.add_event_detect(4, g.BOTH), g.wait_for_edge(4, g.BOTH, timeout=50)),
        RuntimeError,
        "Conflicting edge detection already enabled for this GPIO channel",
    ),
    (
        "no timeout",
        lambda g: (g.setup(4, g.IN), g.wait_for_edge(4, g.BOTH, timeout=0)),
        ValueError,
        "Timeout must be greater than 0",
    ),
    (
        "a callback for what is not armed",
        lambda g: (g.setup(4, g.IN), g.add_event_callback(4, print)),
        RuntimeError,
        "Add event detection using add_event_detect first before adding a callback",
    ),
    (
        "a pulse train on an input",
        lambda g: (g.setup(4, g.IN), g.PWM(4, 10)),
        RuntimeError,
        "You must setup() the GPIO channel as an output first",
    ),
]


class GpioContract:
    """Collected by its subclasses, each with a fixture ``world``."""

    def test_the_version_tells_the_two_packages_apart(self, world: World) -> None:
        assert world.gpio.VERSION == "0.7.2"
        assert world.gpio.getmode() == world.gpio.BCM == 11

    def test_an_output_is_seen_on_the_wire_and_gone_after_cleanup(self, world: World) -> None:
        gpio = world.gpio
        gpio.setup(17, gpio.OUT, initial=gpio.LOW)
        assert world.level(17) == 0
        gpio.output(17, gpio.HIGH)
        assert (world.level(17), gpio.input(17)) == (1, 1)
        assert gpio.gpio_function(17) == gpio.OUT
        gpio.cleanup(17)
        assert world.level(17) == 0
        assert gpio.getmode() == gpio.BCM

    def test_an_output_set_up_again_keeps_its_level_whatever_is_asked_for(self, world: World) -> None:
        gpio = world.gpio
        for held, asked in ((1, 0), (0, 1)):
            gpio.setup(17, gpio.OUT, initial=held)
            gpio.setup(17, gpio.OUT, initial=asked)
            assert (world.level(17), gpio.input(17)) == (held, held)
            gpio.cleanup(17)

    def test_a_list_without_initial_drives_every_line_to_the_level_of_the_first(self, world: World) -> None:
        gpio = world.gpio
        world.drive(10, 1)
        gpio.setup([10, 11], gpio.OUT)
        assert (world.level(10), world.level(11)) == (1, 1)

    def test_one_value_and_as_many_values_drive_a_list(self, world: World) -> None:
        gpio = world.gpio
        gpio.setup([12, 13], gpio.OUT, initial=1)
        gpio.output([12, 13], [0, 1])
        assert (world.level(12), world.level(13)) == (0, 1)
        gpio.output((12, 13), 0)
        assert (world.level(12), world.level(13)) == (0, 0)

    def test_an_input_follows_the_wire_and_its_pull(self, world: World) -> None:
        gpio = world.gpio
        gpio.setup(22, gpio.IN, pull_up_down=gpio.PUD_UP)
        assert gpio.input(22) == 1
        world.drive(22, 0)
        assert gpio.input(22) == 0

    def test_callbacks_come_in_order_on_a_thread_of_their_own(self, world: World) -> None:
        gpio = world.gpio
        world.drive(24, 0)
        gpio.setup(24, gpio.IN)
        seen: list[tuple[int, threading.Thread]] = []
        gpio.add_event_detect(24, gpio.RISING, callback=lambda pin: seen.append((pin, threading.current_thread())))
        for number in range(1, 6):
            pulse(world, 24, 0.03)
            assert world.until(lambda number=number: len(seen) == number)  # type: ignore[misc]
        assert [pin for pin, _ in seen] == [24] * 5
        assert threading.main_thread() not in {thread for _, thread in seen}

    def test_two_lines_share_that_thread(self, world: World) -> None:
        gpio = world.gpio
        threads: set[int] = set()
        seen: list[int] = []

        def called(pin: int) -> None:
            seen.append(pin)
            threads.add(threading.get_ident())

        for pin in (24, 25):
            world.drive(pin, 0)
            gpio.setup(pin, gpio.IN)
            gpio.add_event_detect(pin, gpio.BOTH, callback=called)
        world.drive(24, 1)
        assert world.until(lambda: seen == [24])
        world.drive(25, 1)
        assert world.until(lambda: seen == [24, 25])
        assert len(threads) == 1

    def test_a_second_callback_is_called_once_for_each_edge(self, world: World) -> None:
        gpio = world.gpio
        world.drive(24, 0)
        gpio.setup(24, gpio.IN)
        first: list[int] = []
        second: list[int] = []
        gpio.add_event_detect(24, gpio.RISING, callback=first.append)
        gpio.add_event_callback(24, second.append)
        pulse(world, 24, 0.03)
        assert world.until(lambda: bool(second))
        world.wait(0.2)
        assert (first, second) == ([24], [24])

    def test_a_callback_that_raises_does_not_keep_the_others_from_running(
        self, world: World, capfd: pytest.CaptureFixture[str]
    ) -> None:
        gpio = world.gpio
        world.drive(24, 0)
        gpio.setup(24, gpio.IN)
        seen: list[int] = []

        def fails(_pin: int) -> None:
            raise OSError("nobody home")

        gpio.add_event_detect(24, gpio.RISING, callback=fails)
        gpio.add_event_callback(24, seen.append)
        pulse(world, 24, 0.03)
        assert world.until(lambda: seen == [24])
        assert "nobody home" in capfd.readouterr().err

    def test_an_edge_is_told_once_to_whoever_asks(self, world: World) -> None:
        gpio = world.gpio
        world.drive(24, 0)
        gpio.setup(24, gpio.IN)
        assert gpio.event_detected(24) is False
        gpio.add_event_detect(24, gpio.FALLING)
        pulse(world, 24, 0.03)
        assert world.until(lambda: gpio.event_detected(24))
        assert gpio.event_detected(24) is False

    def test_a_removed_callback_is_forgotten(self, world: World) -> None:
        gpio = world.gpio
        world.drive(24, 0)
        gpio.setup(24, gpio.IN)
        first: list[int] = []
        second: list[int] = []
        gpio.add_event_detect(24, gpio.RISING, callback=first.append)
        gpio.remove_event_detect(24)
        gpio.remove_event_detect(24)
        pulse(world, 24, 0.03)
        gpio.add_event_detect(24, gpio.RISING, callback=second.append)
        pulse(world, 24, 0.03)
        assert world.until(lambda: second == [24])
        assert first == []

    def test_a_line_set_up_again_goes_silent_and_armed_again_calls_the_old_callback_as_well(self, world: World) -> None:
        gpio = world.gpio
        world.drive(24, 0)
        gpio.setup(24, gpio.IN)
        first: list[int] = []
        second: list[int] = []
        gpio.add_event_detect(24, gpio.RISING, callback=first.append)
        gpio.setup(24, gpio.IN)
        pulse(world, 24, 0.03)
        world.wait(0.3)
        assert first == []
        gpio.add_event_detect(24, gpio.RISING, callback=second.append)
        pulse(world, 24, 0.03)
        assert world.until(lambda: second == [24])
        assert first == [24]

    def test_a_short_pulse_is_told_late_and_not_filtered_with_one_edge(self, world: World) -> None:
        gpio = world.gpio
        world.drive(24, 0)
        gpio.setup(24, gpio.IN)
        levels: list[int] = []
        gpio.add_event_detect(24, gpio.RISING, callback=lambda pin: levels.append(gpio.input(pin)), bouncetime=300)
        pulse(world, 24, 0.03)
        assert levels == []
        assert world.until(lambda: bool(levels))
        assert levels == [0]

    def test_a_short_pulse_is_told_with_both_edges_only_the_first_time_after_arming(self, world: World) -> None:
        gpio = world.gpio
        world.drive(24, 0)
        gpio.setup(24, gpio.IN)
        seen: list[int] = []
        gpio.add_event_detect(24, gpio.BOTH, callback=seen.append, bouncetime=200)
        pulse(world, 24, 0.03)
        assert world.until(lambda: seen == [24])
        pulse(world, 24, 0.03)
        world.wait(0.8)
        assert seen == [24]

    def test_waiting_for_an_edge_ends_with_it_or_with_the_time(self, world: World) -> None:
        gpio = world.gpio
        world.drive(25, 1)
        gpio.setup(25, gpio.IN)
        world.drive_later(0.3, 25, 0)
        assert gpio.wait_for_edge(25, gpio.FALLING, timeout=10_000) == 25
        assert gpio.wait_for_edge(25, gpio.FALLING, timeout=200) is None

    @pytest.mark.parametrize(
        ("call", "kind", "text"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
    )
    def test_what_is_refused_is_refused_in_these_words(
        self, world: World, call: Callable[[Any], object], kind: type[Exception], text: str
    ) -> None:
        with pytest.raises(kind) as caught:
            call(world.gpio)
        assert type(caught.value) is kind
        assert str(caught.value) == text

    def test_a_line_belongs_to_one_process_and_the_refusal_is_a_plain_exception(self, world: World) -> None:
        gpio = world.gpio
        gpio.setup(5, gpio.OUT, initial=1)
        refused = world.claims_elsewhere(5)
        assert str(refused) == "'GPIO busy'"
        assert not isinstance(refused, RuntimeError | OSError)
        assert world.level(5) == 1

    def test_a_killed_process_lets_go_of_its_line_on_an_upstream_kernel(self, world: World) -> None:
        # A Raspberry Pi's own kernel keeps the level unless it is booted with strict_gpiod.
        assert world.level_after_death(6) == 0
        gpio = world.gpio
        gpio.setup(6, gpio.OUT, initial=1)
        assert world.level(6) == 1

    def test_cleanup_forgets_the_numbering_and_needs_setmode_again(self, world: World) -> None:
        gpio = world.gpio
        gpio.setup(17, gpio.OUT, initial=1)
        gpio.cleanup()
        assert gpio.getmode() is None
        with pytest.raises(RuntimeError, match="Please set pin numbering mode using GPIO"):
            gpio.input(17)
        gpio.setmode(gpio.BCM)
        with pytest.raises(RuntimeError, match="You must setup"):
            gpio.input(17)

    def test_cleaning_up_nothing_warns_when_warnings_are_on(self, world: World) -> None:
        gpio = world.gpio
        gpio.setwarnings(True)
        with pytest.warns(Warning, match="No channels have been set up yet - nothing to clean up!"):
            gpio.cleanup()
        gpio.setmode(gpio.BCM)

    def test_a_pull_on_a_line_with_a_fixed_pull_up_warns(self, world: World) -> None:
        gpio = world.gpio
        gpio.setwarnings(True)
        with pytest.warns(Warning, match="A physical pull up resistor is fitted on this channel!"):
            gpio.setup(2, gpio.IN, pull_up_down=gpio.PUD_UP)

    def test_a_pulse_train_at_the_ends_of_its_range_is_constant_and_low_when_stopped(self, world: World) -> None:
        gpio = world.gpio
        gpio.setup(18, gpio.OUT, initial=0)
        train = gpio.PWM(18, 50)
        with pytest.raises(RuntimeError, match="A PWM object already exists for this GPIO channel"):
            gpio.PWM(18, 50)
        for wrong in (-1.0, 100.5):
            with pytest.raises(ValueError, match=r"dutycycle must have a value from 0\.0 to 100\.0"):
                train.start(wrong)
        train.start(100.0)
        assert world.until(lambda: world.level(18) == 1)
        train.ChangeDutyCycle(0.0)
        assert world.until(lambda: world.level(18) == 0)
        train.ChangeDutyCycle(50.0)
        assert world.until(lambda: world.level(18) == 1)
        gpio.output(18, 0)
        assert world.until(lambda: world.level(18) == 1)  # it goes on
        train.stop()
        assert world.level(18) == 0

    def test_the_rigs_pins_drive_read_and_notice_edges(self, world: World) -> None:
        nudged: list[int] = []
        pins = Pins(world.gpio, lambda: nudged.append(1))
        pins.claim_output(17, 1)
        assert (world.level(17), pins.read(17)) == (1, 1)
        pins.write(17, 0)
        assert (world.level(17), pins.read(17)) == (0, 0)
        pins.claim_input(22)
        assert pins.read(22) == 1
        assert pins.edges() == set()
        world.drive(22, 0)
        assert world.until(lambda: bool(nudged))
        assert pins.edges() == {22}
        assert pins.edges() == set()
        assert pins.read(22) == 0

    def test_an_output_claimed_again_by_the_rigs_pins_has_the_level_that_was_asked_for(self, world: World) -> None:
        pins = Pins(world.gpio)
        for level in (1, 0, 1):
            pins.claim_output(17, level)
            assert world.level(17) == level

    def test_a_line_claimed_again_by_the_rigs_pins_is_not_silent(self, world: World) -> None:
        pins = Pins(world.gpio)
        pins.claim_input(22)
        pins.claim_input(22)
        world.drive(22, 0)
        assert world.until(lambda: pins.edges() == {22})

    def test_letting_go_keeps_levels_and_cleaning_up_does_not(self, world: World) -> None:
        pins = Pins(world.gpio)
        pins.claim_output(17, 1)
        pins.claim_input(22)
        pins.release()
        assert world.level(17) == 1
        pins.clean()
        assert world.level(17) == 0
        assert world.gpio.getmode() is None

    def test_an_error_of_the_module_names_the_line_and_says_what_to_try(self, world: World) -> None:
        pins = Pins(world.gpio)
        with pytest.raises(InstrumentError, match="GPIO 9: RuntimeError: The GPIO channel has not been set up"):
            pins.write(9, 1)

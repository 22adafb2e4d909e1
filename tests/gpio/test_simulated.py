"""The contract on the simulated module, and what only it can show: faults, the other package, death."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from rig.clock import VirtualClock, to_ns
from rig.errors import InstrumentError, UsageError
from rig.gpio.board import PERSIST, RELEASE, SimulatedBoard
from rig.gpio.pins import Pins
from rig.gpio.simulated import LgpioError, SimulatedGpio
from tests.gpio.contract import GpioContract

MS = 1_000_000


@dataclass
class VirtualWorld:
    """A board in virtual time, with one process on it."""

    clock: VirtualClock
    board: SimulatedBoard
    gpio: Any

    def drive(self, pin: int, level: int) -> None:
        self.board.drive(pin, level)
        self.gpio.deliveries.flush()

    def drive_later(self, after_s: float, pin: int, level: int) -> None:
        self.board.drive_later(to_ns(after_s), pin, level)

    def level(self, pin: int) -> int:
        return self.board.level(pin)

    def wait(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.now_ns() + to_ns(seconds))
        self.board.run()
        self.gpio.deliveries.flush()

    def until(self, so: Callable[[], bool]) -> bool:
        for _ in range(1000):
            if so():
                return True
            self.wait(0.005)
        return so()

    def claims_elsewhere(self, pin: int) -> Exception | None:
        other = SimulatedGpio(self.board)
        other.setmode(other.BCM)
        try:
            other.setup(pin, other.OUT, initial=1)
        except Exception as error:  # noqa: BLE001 - the test wants to know which
            return error
        return None

    def level_after_death(self, pin: int) -> int:
        self.claims_elsewhere_and_dies(pin)
        return self.level(pin)

    def claims_elsewhere_and_dies(self, pin: int) -> None:
        other = SimulatedGpio(self.board)
        other.setmode(other.BCM)
        other.setup(pin, other.OUT, initial=1)
        other.die()


def make(*, original: bool = False, on_death: str = RELEASE) -> VirtualWorld:
    clock = VirtualClock(to_ns(5.0))
    board = SimulatedBoard(clock.now_ns, clock.advance_to, on_death=on_death)
    gpio = SimulatedGpio(board, original=original)
    gpio.setwarnings(False)
    gpio.setmode(gpio.BCM)
    return VirtualWorld(clock, board, gpio)


@pytest.fixture
def world() -> Iterator[VirtualWorld]:
    made = make()
    yield made
    made.gpio.die()


@pytest.fixture
def original() -> Iterator[VirtualWorld]:
    made = make(original=True)
    yield made
    made.gpio.die()


class TestSimulated(GpioContract):
    """The whole contract."""


def bounces(world: VirtualWorld, edge: int, wire: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Arm a line with 200 ms; return (ms after the first edge, level then) of each callback."""
    gpio, board = world.gpio, world.board
    began_ns = world.clock.now_ns() + 5 * MS
    board.drive(24, 0)
    gpio.setup(24, gpio.IN)
    called: list[tuple[int, int]] = []

    def callback(_pin: int) -> None:
        called.append(((board.now_ns() - began_ns) // MS, board.line(24).level(board.now_ns())))

    gpio.add_event_detect(24, edge, callback=callback, bouncetime=200)
    for at_ms, level in wire:
        board.drive_later((5 + at_ms) * MS, 24, level)
    for _ in range(200):
        world.wait(0.005)
    return called


SHORT = [(0, 1), (50, 0)]
LONG = [(0, 1), (500, 0)]
FOUR = [(150 * n + (100 if down else 0), 0 if down else 1) for n in range(4) for down in (False, True)]


@pytest.mark.parametrize(
    ("edge", "wire", "expected"),
    [
        ("RISING", SHORT, [(200, 0)]),
        ("FALLING", SHORT, [(250, 0)]),
        ("BOTH", SHORT, [(250, 0)]),
        ("RISING", LONG, [(200, 1)]),
        ("BOTH", LONG, [(200, 1), (700, 0)]),
        ("RISING", FOUR, [(650, 0)]),
        ("BOTH", FOUR, [(750, 0)]),
    ],
)
def test_rpi_lgpio_holds_an_edge_back_until_its_kind_rests(
    world: VirtualWorld, edge: str, wire: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    assert bounces(world, getattr(world.gpio, edge), wire) == expected


@pytest.mark.parametrize(
    ("edge", "wire", "expected"),
    [
        ("RISING", SHORT, [(0, 1)]),
        ("FALLING", SHORT, [(50, 0)]),
        ("BOTH", SHORT, [(0, 1)]),
        ("RISING", LONG, [(0, 1)]),
        ("BOTH", LONG, [(0, 1), (500, 0)]),
        ("RISING", FOUR, [(0, 1), (300, 1)]),
        ("BOTH", FOUR, [(0, 1), (250, 0), (450, 1)]),
    ],
)
def test_the_original_takes_an_edge_and_ignores_the_next_ones(
    original: VirtualWorld, edge: str, wire: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    assert bounces(original, getattr(original.gpio, edge), wire) == expected


def test_the_original_calls_each_of_two_callbacks_twice(original: VirtualWorld) -> None:
    gpio = original.gpio
    original.drive(24, 0)
    gpio.setup(24, gpio.IN)
    called: list[str] = []
    gpio.add_event_detect(24, gpio.RISING, callback=lambda _: called.append("first"))
    gpio.add_event_callback(24, lambda _: called.append("second"))
    original.drive(24, 1)
    assert sorted(called) == ["first", "first", "second", "second"]


def test_edges_that_come_while_a_callback_waits_are_one_for_the_original_and_all_for_rpi_lgpio(
    world: VirtualWorld, original: VirtualWorld
) -> None:
    counted = {}
    for name, each in (("lg", world), ("orig", original)):
        gpio = each.gpio
        each.drive(24, 0)
        gpio.setup(24, gpio.IN)
        seen: list[int] = []
        gpio.add_event_detect(24, gpio.BOTH, callback=seen.append)
        gpio.deliveries.pause()
        for level in (1, 0, 1, 0, 1, 0):
            each.drive(24, level)
        assert seen == []
        gpio.deliveries.go_on()
        gpio.deliveries.flush()
        counted[name] = len(seen)
    assert counted["lg"] == 6
    assert counted["orig"] < 3


def test_the_originals_cleanup_keeps_callbacks_that_fire_again(original: VirtualWorld) -> None:
    gpio = original.gpio
    original.drive(24, 0)
    gpio.setup(24, gpio.IN)
    old: list[int] = []
    gpio.add_event_detect(24, gpio.RISING, callback=old.append)
    gpio.cleanup()
    gpio.setmode(gpio.BCM)
    gpio.setup(24, gpio.IN)
    gpio.add_event_detect(24, gpio.RISING, callback=lambda _: None)
    original.drive(24, 1)
    assert len(old) == 2  # two callbacks, each called twice


def test_the_original_lets_two_processes_drive_one_pin(original: VirtualWorld) -> None:
    gpio = original.gpio
    gpio.setup(5, gpio.OUT, initial=1)
    other = SimulatedGpio(original.board, original=True)
    other.setmode(other.BCM)
    with pytest.warns(RuntimeWarning, match="already in use"):
        other.setup(5, other.OUT, initial=0)
    assert original.level(5) == 0
    assert gpio.input(5) == 0


def test_a_line_that_another_process_holds_is_not_allocated_when_no_level_is_given(world: VirtualWorld) -> None:
    world.gpio.setup(5, world.gpio.OUT, initial=1)
    other = SimulatedGpio(world.board)
    other.setmode(other.BCM)
    with pytest.raises(LgpioError, match="'GPIO not allocated'"):
        other.setup(5, other.OUT)


def test_the_level_of_a_dead_process_stays_on_a_raspberry_pis_own_kernel() -> None:
    world = make(on_death=PERSIST)
    world.claims_elsewhere_and_dies(6)
    assert world.level(6) == 1
    world.gpio.setup(6, world.gpio.OUT, initial=0)
    assert world.level(6) == 0
    world.gpio.die()


def test_a_released_line_floats_to_the_level_that_the_test_chooses() -> None:
    world = make()
    world.board.float_at(6, 1)
    world.claims_elsewhere_and_dies(6)
    assert world.level(6) == 1
    world.gpio.die()


def test_a_way_to_die_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match="'explode' is no way to die; expected persist or release"):
        make(on_death="explode")


def test_a_relay_lags_and_a_welded_one_stays(world: VirtualWorld) -> None:
    gpio, board = world.gpio, world.board
    gpio.setup(17, gpio.OUT, initial=0)
    gpio.setup(27, gpio.IN)
    board.relay(17, 27)
    gpio.output(17, 1)
    world.wait(0.009)
    assert gpio.input(27) == 0
    world.wait(0.001)
    assert gpio.input(27) == 1
    board.weld(17)
    gpio.output(17, 0)
    world.wait(1.0)
    assert gpio.input(27) == 1


def test_a_wire_that_is_stuck_or_shorted_is_read_as_it_is(world: VirtualWorld) -> None:
    gpio, board = world.gpio, world.board
    gpio.setup(17, gpio.OUT, initial=0)
    board.drive(17, 1)
    assert board.line(17).short
    board.stick(17, 1)
    assert gpio.input(17) == 1
    board.stick(17, None)
    assert gpio.input(17) == 0


def test_a_contact_that_chatters_gives_every_edge_and_a_lost_edge_gives_none(world: VirtualWorld) -> None:
    gpio, board = world.gpio, world.board
    world.drive(22, 0)
    gpio.setup(22, gpio.IN)
    seen: list[int] = []
    gpio.add_event_detect(22, gpio.BOTH, callback=seen.append)
    board.chatter(22, 1, times=3, every_ns=MS)
    world.wait(0.05)
    assert (len(seen), gpio.input(22)) == (7, 1)
    board.lose_edges(22)
    world.drive(22, 0)
    assert (len(seen), gpio.input(22)) == (7, 0)
    world.drive(22, 1)
    assert len(seen) == 8


def test_a_write_that_raises_is_an_error_that_names_the_line(world: VirtualWorld) -> None:
    pins = Pins(world.gpio)
    pins.claim_output(17, 0)
    world.board.fail_writes(17, LgpioError("GPIO busy"))
    with pytest.raises(InstrumentError) as caught:
        pins.write(17, 1)
    assert str(caught.value).startswith("GPIO 17: LgpioError: 'GPIO busy'; expected a line that nobody else holds; try")
    world.board.fail_writes(17, None)
    pins.write(17, 1)
    assert world.level(17) == 1


def test_a_pulse_train_has_its_share_of_high_time(world: VirtualWorld) -> None:
    gpio = world.gpio
    gpio.setup(18, gpio.OUT, initial=0)
    train = gpio.PWM(18, 50.0)
    train.start(25.0)
    high = 0
    for _ in range(1000):
        high += world.level(18)
        world.wait(0.0001)
    assert high == pytest.approx(250, abs=5)
    gpio.cleanup()
    with pytest.raises(TypeError, match="NoneType"):
        train.stop()


def test_the_originals_second_pulse_train_is_refused_and_stops_the_first(original: VirtualWorld) -> None:
    gpio = original.gpio
    gpio.setup(18, gpio.OUT, initial=0)
    train = gpio.PWM(18, 50.0)
    train.start(100.0)
    with pytest.raises(RuntimeError, match="A PWM object already exists"):
        gpio.PWM(18, 50.0)
    assert not train.running
    assert original.level(18) == 0


def test_a_float_bounce_time_is_a_type_error(world: VirtualWorld) -> None:
    world.gpio.setup(22, world.gpio.IN)
    with pytest.raises(TypeError):
        world.gpio.add_event_detect(22, world.gpio.BOTH, bouncetime=0.2)


def test_channels_may_be_numbered_as_on_the_header(world: VirtualWorld) -> None:
    gpio = world.gpio
    gpio.cleanup()
    gpio.setmode(gpio.BOARD)
    gpio.setup(11, gpio.OUT, initial=1)
    assert world.level(17) == 1
    with pytest.raises(ValueError, match="The channel sent is invalid on a Raspberry Pi"):
        gpio.setup(1, gpio.IN)


def test_waiting_where_nothing_will_ever_come_is_no_endless_loop(world: VirtualWorld) -> None:
    world.gpio.setup(22, world.gpio.IN)
    with pytest.raises(RuntimeError, match="nothing will ever happen"):
        world.gpio.wait_for_edge(22, world.gpio.BOTH)


def test_a_line_whose_edges_cannot_be_had_is_only_looked_at_and_named(
    original: VirtualWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_channel: int, **_options: object) -> None:
        raise RuntimeError("Failed to add edge detection")  # RPi.GPIO on kernels from 6.6 on

    monkeypatch.setattr(original.gpio, "add_event_detect", fails)
    pins = Pins(original.gpio)
    pins.claim_input(22)
    assert pins.deaf == {22}
    original.drive(22, 0)
    assert (pins.read(22), pins.edges()) == (0, set())
    monkeypatch.undo()
    pins.claim_input(22)
    assert pins.deaf == set()

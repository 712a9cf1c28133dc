"""Doubles of the learned parts: a parser that hears brightness, a voice that clicks and hisses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.control import EMBEDDING, Controls
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Event, Gesture, Levels
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import Pack
from synchresis.engines.pipeline import Parse, bind_parser
from synchresis.engines.playout import Playout, bind_voice
from synchresis.engines.score import Score
from synchresis.engines.timebase import HOP
from synchresis.engines.zone import Zone
from synchresis.realtime.device_loop import DeviceLoop, LoopSettings
from synchresis.realtime.links import Delivery
from synchresis.realtime.messages import Link, Sighting
from synchresis.realtime.status import Status

ZONES = (Zone(), Zone(0.5, 0, 1, 1, palette="glass"))
SESSION_ZONES = (Zone(palette="model:wood"), Zone(0.5, 0, 1, 1, palette="glass", gain_db=-6))
SEED = 7


@dataclass
class BrightnessState:
    end_ns: int | None = None
    mean: float = 0.0
    frames: int = 0


class BrightnessParser:
    """An event half-way into each interval in which the picture gets brighter by 20 or more."""

    def __init__(self, zones: tuple[Zone, ...] = ZONES, lookahead_ns: int = 0) -> None:
        self.zones = zones
        self.lookahead_ns = lookahead_ns

    def initial_state(self) -> BrightnessState:
        return BrightnessState()

    def step(self, frame: Frame, state: BrightnessState) -> Gesture:
        mean = float(frame.picture.mean())
        end = frame.captured_ns + self.lookahead_ns
        begin = end if state.end_ns is None else state.end_ns
        end = max(begin, end)
        rise = mean - state.mean if state.frames else 0.0
        state.end_ns, state.mean, state.frames = end, mean, state.frames + 1
        return Gesture(
            frame.captured_ns,
            begin,
            end,
            self.lookahead_ns,
            self._events(frame, begin, end, rise),
            tuple(Levels(abs(rise) / 255, mean / 255, 0.3, 0.6) for _ in self.zones),
            frame.sequence,
        )

    def _events(self, frame: Frame, begin: int, end: int, rise: float) -> tuple[Event, ...]:
        if rise < 20 or end == begin:
            return ()
        t = (begin + end + 1) // 2
        zones = range(len(self.zones))
        return tuple(Event(t, frame.captured_ns, rise / 255, 0.25, 0.5, z) for z in zones)


class ClickVoice:
    """A click that rings over the hops that follow, and hiss in proportion to friction."""

    def __init__(self, seed: int = SEED, zones: int = len(ZONES)) -> None:
        self.seed = seed
        self.zones = zones

    def initial_state(self) -> NDArray[np.float32]:
        return np.zeros((self.zones, 4 * HOP), np.float32)

    def step(
        self,
        controls: Controls,
        state: NDArray[np.float32],
        out: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        for z in range(self.zones):
            if controls.onset[z]:
                at = int(controls.onset_sample[z])
                ring = np.exp(-np.arange(3 * HOP) / 200, dtype=np.float32)
                state[z, at : at + 3 * HOP] += controls.strength[z] * ring
        key = (self.seed, int(controls.noise_index[0]))
        hiss = np.random.default_rng(key).standard_normal((self.zones, HOP), np.float32)
        sound = state[:, :HOP] + 0.01 * controls.friction[:, None] * hiss
        sound += controls.palette[:, :1] * 1e-3 * controls.onset[:, None]
        state[:, :-HOP] = state[:, HOP:]
        state[:, -HOP:] = 0
        return np.asarray(sound, np.float32)


class PlainMixer:
    def initial_state(self) -> NDArray[np.float32]:
        return np.zeros((HOP, 2), np.float32)

    def step(
        self, mono: NDArray[np.float32], controls: Controls, state: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        pan = controls.x[:, None]
        state[:, 0] = (mono * (1 - pan)).sum(0)
        state[:, 1] = (mono * pan).sum(0)
        return np.clip(state, -0.99, 0.99, out=state)


@pytest.fixture(scope="module")
def make_instrument(tiny_pack: Pack) -> Iterator[Callable[..., Instrument]]:
    """Opens instruments of the tiny pack: one zone a physical model, one the network."""
    opened: list[Instrument] = []

    def make(**settings: object) -> Instrument:
        chosen = {"zones": SESSION_ZONES, "seed": 3, **settings}
        opened.append(Instrument(tiny_pack, InstrumentSettings(**chosen)))  # type: ignore[arg-type]
        opened[-1].prepare()
        return opened[-1]

    yield make
    for instrument in opened:
        instrument.close()


@pytest.fixture
def zones() -> tuple[Zone, ...]:
    return ZONES


@pytest.fixture
def make_parse() -> Callable[..., Parse]:
    return lambda lookahead_ns=0: bind_parser(BrightnessParser(lookahead_ns=lookahead_ns))


@pytest.fixture
def make_playout() -> Callable[..., Playout]:
    def make(delay_ns: int = 0, *, asap: bool = False, first_hop: int = 0) -> Playout:
        palettes = np.zeros((len(ZONES), EMBEDDING), np.float32)
        score = Score(ZONES, delay_ns, asap=asap)
        render = bind_voice(ClickVoice(), PlainMixer())
        return Playout(score, render, palettes, first_hop=first_hop)

    return make


@pytest.fixture
def make_frames(rng: np.random.Generator) -> Callable[..., list[Frame]]:
    """Pictures that flash now and then, at regular or irregular times."""

    def make(count: int, *, fps: float = 25.0, jitter: float = 0.0) -> list[Frame]:
        times = np.cumsum(1 + jitter * rng.uniform(-1, 1, count)) / fps
        times -= times[0]
        flash = rng.random(count) < 0.25
        return [
            Frame(np.full((24, 32), 200 if on else 40, np.uint8), round(t * 1e9), n)
            for n, (t, on) in enumerate(zip(times, flash, strict=True))
        ]

    return make


class ManualClock:
    """Time that goes where it is told."""

    def __init__(self, now_ns: int = 5_000_000_000) -> None:
        self.time_ns = now_ns

    def now_ns(self) -> int:
        return self.time_ns

    def sleep_until(self, time_ns: int) -> None:
        self.time_ns = max(self.time_ns, time_ns)


class FakeDevice:
    """Takes `period` samples every `period / 48 kHz` and remembers when each one was heard."""

    def __init__(self, clock: ManualClock, *, period: int = 128, latency_ns: int = 4_000_000):
        self.clock = clock
        self.period = period
        self.latency_ns = latency_ns
        self.running = False
        self.devices = 0
        self.stalls = 0
        self.hops: list[int] = []
        self.heard: list[tuple[int, NDArray[np.float32]]] = []
        self._queue = np.zeros((0, 2), np.float32)
        self._next_ns = clock.now_ns()

    def _advance(self) -> None:
        while self._next_ns <= self.clock.now_ns():
            if self.running:
                self._take()
            self._next_ns += self.period * 1_000_000_000 // 48_000

    def _take(self) -> None:
        part, self._queue = self._queue[: self.period], self._queue[self.period :]
        self.heard.append((self._next_ns + self.latency_ns, part))
        if len(part) < self.period:
            self.running = False
            self.stalls += 1

    @property
    def playing(self) -> bool:
        self._advance()
        return self.running

    @property
    def queued(self) -> int:
        self._advance()
        return len(self._queue)

    def write(self, block: NDArray[np.float32], hop: int) -> None:
        self._advance()
        self.hops.append(hop)
        self._queue = np.concatenate([self._queue, block])

    def drop(self) -> None:
        assert not self.running
        self._queue = self._queue[:0]

    def start(self) -> None:
        self._advance()
        self.running = True

    def close(self) -> None:
        self.running = False

    def sound(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Times int64[N] at which samples were heard, and the samples float32[N, 2]."""
        times = [
            start + np.arange(len(part)) * 1_000_000_000 // 48_000 for start, part in self.heard
        ]
        return np.concatenate(times), np.concatenate([part for _, part in self.heard])


@dataclass
class Stage:
    """A device loop fed by hand: a camera, a parser's double, and a clock that is told the time."""

    clock: ManualClock
    device: FakeDevice
    loop: DeviceLoop
    parse: Parse
    queue: list[tuple[int, Delivery]]
    jitter: np.random.Generator
    make_parse: Callable[..., Parse]
    parse_ns: int = 9_000_000
    camera_ns: int = 12_000_000
    wake_ns: int = 1_500_000
    number: int = 0

    def show(self, frame: Frame, *, late_ns: int = 0) -> Gesture:
        """Capture a frame at its time; its gesture comes after camera, parser and `late_ns`."""
        gesture = self.parse(frame)
        arrived = frame.captured_ns + self.camera_ns
        received = arrived + self.parse_ns + late_ns
        self.number += 1
        sighting = Sighting(gesture, "here", "camera", self.parse_ns)
        delivery = Delivery(sighting, Link(self.number, 1, received, arrived), received)
        self.queue.append((received, delivery))
        self.queue.sort(key=lambda entry: entry[0])
        return gesture

    def warm_up(self, *, frames: int = 50) -> None:
        """Show dark frames, 25 a second: by then D is known."""
        begin_ns = self.clock.now_ns() + 10_000_000
        for n in range(frames):
            time_ns = begin_ns + n * 40_000_000
            self.run_until(time_ns)
            self.show(Frame(np.full((24, 32), 40, np.uint8), time_ns, n))
        assert not self.loop.measuring

    def take(self) -> Delivery | None:
        if self.queue and self.queue[0][0] <= self.clock.now_ns():
            return self.queue.pop(0)[1]
        return None

    def run_until(self, time_ns: int) -> None:
        """Tick until a moment; every wake-up is late by up to `wake_ns`."""
        while self.clock.now_ns() < time_ns:
            idle = self.loop.tick()
            late = int(self.jitter.integers(0, self.wake_ns))
            self.clock.time_ns += min(idle + late, max(time_ns - self.clock.time_ns, 1))


@pytest.fixture
def make_stage(
    rng: np.random.Generator,
    make_parse: Callable[..., Parse],
    make_playout: Callable[..., Playout],
) -> Callable[..., Stage]:
    def make(**settings: object) -> Stage:
        clock = ManualClock()
        device = FakeDevice(clock)
        parts: dict[str, object] = {"clock_id": "here", "recording": True, **settings}
        asap = bool(parts.get("asap"))
        stage = Stage(clock, device, None, make_parse(), [], rng, make_parse)  # type: ignore[arg-type]
        loop_settings = LoopSettings(**parts)  # type: ignore[arg-type]
        stage.loop = DeviceLoop(make_playout(asap=asap), device, clock, stage.take, loop_settings)
        return stage

    return make


@pytest.fixture
def playing() -> Status:
    """How a performance of two zones goes."""
    return Status(
        state="playing",
        seconds=12.0,
        fps=29.9,
        frames=360,
        impact=0.25,
        threshold=0.5,
        events=7,
        played=6,
        late=1,
        dropped=2,
        lost_frames=3,
        malformed=0,
        xruns=4,
        buffer_hops=2,
        delay_ms=62.0,
        parts_ms={"camera": 5.0, "frame_interval": 33.3, "transport": 0.0, "lookahead": 20.0},
        lookahead_ms=20.0,
        muted=False,
        sensitivity=1.0,
        palettes=("wood", "glass"),
        level=0.1,
        camera="camera 0",
        camera_away=False,
        estimated=False,
        sound_away=False,
    )

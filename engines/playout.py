"""Playout: score, voice and mixer in one, stepped once a hop; the same offline and live."""

from typing import Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import EMBEDDING, Controls
from synchresis.engines.gesture import Gesture
from synchresis.engines.sample_clock import VIRTUAL, SampleClock
from synchresis.engines.score import STALE_SAMPLES, Score, ScoreCounts
from synchresis.engines.timebase import HOP
from synchresis.errors import ParameterError

Block: TypeAlias = NDArray[np.float32]
"""float32[HOP, 2], one hop of sound, left and right, within ±0.99."""

Mono: TypeAlias = NDArray[np.float32]
"""float32[Z, HOP], one hop of sound per zone."""

S = TypeVar("S")


class Render(Protocol):
    """A running voice and mixer."""

    def __call__(self, controls: Controls) -> Block:
        """Controls of a hop to its sound, valid until the next call."""
        ...

    def reset(self) -> None:
        """Back to silence; may allocate."""
        ...


class VoiceStage(Protocol[S]):
    """What a voice must offer."""

    def initial_state(self) -> S:
        """Allocate the state of silence."""
        ...

    def step(self, controls: Controls, state: S, out: Mono | None = None) -> Mono:
        """Sound of one hop."""
        ...


class MixerStage(Protocol[S]):
    """What a mixer must offer."""

    def initial_state(self) -> S:
        """Allocate the state of silence."""
        ...

    def step(self, mono: Mono, controls: Controls, state: S) -> Block:
        """Zones to left and right."""
        ...


V = TypeVar("V")
M = TypeVar("M")


class _BoundVoice(Generic[V, M]):
    """A voice and a mixer with their states."""

    def __init__(self, voice: VoiceStage[V], mixer: MixerStage[M]) -> None:
        self._voice, self._mixer = voice, mixer
        self.reset()

    def __call__(self, controls: Controls) -> Block:
        mono = self._voice.step(controls, self._voice_state)
        return self._mixer.step(mono, controls, self._mixer_state)

    def reset(self) -> None:
        self._voice_state = self._voice.initial_state()
        self._mixer_state = self._mixer.initial_state()


def bind_voice(voice: VoiceStage[V], mixer: MixerStage[M]) -> Render:
    """Voice and mixer with fresh states, as one function from Controls to sound."""
    return _BoundVoice(voice, mixer)


class Playout:
    """A running score, voice and mixer. One thread at a time.

    Latency: that of the voice (an onset is exact to the sample, its rise is the window's).
    """

    def __init__(
        self,
        score: Score,
        render: Render,
        palettes: NDArray[np.float32],
        *,
        first_hop: int = 0,
    ) -> None:
        """Start in silence.

        Args:
            score: gestures to Controls.
            render: Controls to sound, see `bind_voice`.
            palettes: float32[Z, EMBEDDING], what each zone sounds like.
            first_hop: the hop to begin with.

        Raises:
            ParameterError: `palettes` has another shape.
        """
        if palettes.shape != (score.zones, EMBEDDING):
            raise ParameterError(
                f"palettes.shape={palettes.shape} must be ({score.zones}, {EMBEDDING}): "
                "one row per zone"
            )
        self._score = score
        self._state = score.initial_state(first_hop)
        self._render = render
        self._controls = Controls.zeros(score.zones)
        self._controls.palette[:] = palettes
        self._muted = False
        self._gain = 1.0
        self._block = np.zeros((HOP, 2), np.float32)

    @property
    def counts(self) -> ScoreCounts:
        """Events played, late, dropped."""
        return self._state.counts

    @property
    def controls(self) -> Controls:
        """The Controls of the newest hop; read only."""
        return self._controls

    @property
    def next_hop(self) -> int:
        """First hop not stepped yet."""
        return self._state.next_hop

    @property
    def idle(self) -> bool:
        """Whether no event waits to be played: the only time D may change."""
        return self._state.idle

    @property
    def delay_ns(self) -> int:
        """D."""
        return self._state.delay_ns

    def set_delay(self, delay_ns: int) -> None:
        """Change D; only in silence, or what waits is played at the old one."""
        self._state.delay_ns = delay_ns

    def set_palette(self, zone: int, embedding: NDArray[np.float32]) -> None:
        """Give a zone another palette, float32[EMBEDDING], from the next hop on."""
        self._controls.palette[zone] = embedding

    def set_muted(self, *, muted: bool) -> None:
        """Fade out or in over the next hop; what happens meanwhile is heard by nobody."""
        self._muted = muted

    def push(self, gesture: Gesture, *, clock: SampleClock = VIRTUAL, age_ns: int = 0) -> None:
        """Take a gesture in, see `Score.push`."""
        self._score.push(gesture, self._state, clock=clock, age_ns=age_ns)

    def hit(self, *, zone: int = 0, strength: float = 1.0) -> None:
        """Play a test hit at the next hop."""
        self._score.hit(self._state, zone=zone, strength=strength)

    def step(self, hop: int) -> Block:
        """Sound of a hop, valid until the next step; hops may be skipped, never repeated.

        After a gap of over 100 ms nothing of what rang before it goes on.
        """
        if (hop - self.next_hop) * HOP > STALE_SAMPLES:
            self._render.reset()
        self._score.step(hop, self._state, self._controls)
        block = self._render(self._controls)
        target = 0.0 if self._muted else 1.0
        if target == self._gain == 1.0:
            return block
        ramp = np.linspace(self._gain, target, HOP, dtype=np.float32)
        self._gain = target
        return np.multiply(block, ramp[:, None], out=self._block)

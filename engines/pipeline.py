"""Pipeline: frames in, sound out, on the virtual clock: what `render` and lock-step live share."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias, TypeVar

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture
from synchresis.engines.playout import Block, Playout
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE, sample_of

Parse: TypeAlias = Callable[[Frame], Gesture]
"""A running motion parser."""

S = TypeVar("S")


class ParserStage(Protocol[S]):
    """What a motion parser must offer."""

    def initial_state(self) -> S:
        """Allocate the state before the first frame."""
        ...

    def step(self, frame: Frame, state: S) -> Gesture:
        """Gesture of one frame."""
        ...


def bind_parser(parser: ParserStage[S]) -> Parse:
    """A motion parser with a fresh state, as one function from frame to gesture."""
    state = parser.initial_state()
    return lambda frame: parser.step(frame, state)


class VirtualPlayout:
    """A playout on the virtual clock: a hop is stepped once all that belongs to it is known.

    Sample 0 is the first frame. With a positive lookahead T runs ahead of the pictures; hops then
    wait for the pictures all the same, so that nothing is played past the end of the source.
    """

    def __init__(self, playout: Playout) -> None:
        self.playout = playout

    def push(self, gesture: Gesture) -> Iterator[Block]:
        """Take a gesture, give the hops that it completes; each valid until the next."""
        self.playout.push(gesture)
        known_ns = min(gesture.end_ns, gesture.captured_ns)
        return self._play(known_ns * SAMPLE_RATE // (NS_PER_S * HOP))

    def finish(self, end_ns: int) -> Iterator[Block]:
        """Give the rest up to the end of the source; the last block may be shorter than a hop."""
        samples = sample_of(end_ns)
        yield from self._play(samples // HOP)
        if samples > self.playout.next_hop * HOP:
            yield self.playout.step(self.playout.next_hop)[: samples % HOP]

    def _play(self, end_hop: int) -> Iterator[Block]:
        while self.playout.next_hop < end_hop:
            yield self.playout.step(self.playout.next_hop)


class FiniteSource(Protocol):
    """Frames with an end."""

    @property
    def end_ns(self) -> int:
        """Where the last frame ends, once all frames have been read."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Frames in time order, the first at 0 ns."""
        ...


class Pipeline:
    """Motion parser, score, voice and mixer in lock-step."""

    def __init__(self, parse: Parse, playout: Playout) -> None:
        """Join running parts.

        Args:
            parse: see `bind_parser`.
            playout: with D = 0: on the virtual clock nothing is late.
        """
        self._parse = parse
        self._virtual = VirtualPlayout(playout)

    def feed(self, frame: Frame) -> tuple[Gesture, Iterator[Block]]:
        """One frame in; its gesture and the hops that are complete now.

        The hops must be taken before the next frame; each is valid until the next one is taken.
        """
        gesture = self._parse(frame)
        return gesture, self._virtual.push(gesture)

    def finish(self, end_ns: int) -> Iterator[Block]:
        """The rest, up to the end of the source."""
        return self._virtual.finish(end_ns)

    def run(
        self, source: FiniteSource, on_gesture: Callable[[Gesture], None] | None = None
    ) -> Iterator[Block]:
        """All sound of a source, block by block: ⌊end · 48 kHz⌉ samples in all."""
        for frame in _counted(source):
            gesture, blocks = self.feed(frame)
            if on_gesture is not None:
                on_gesture(gesture)
            yield from blocks
        yield from self.finish(source.end_ns)


def _counted(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Frames in strictly increasing time; repeated and backward stamps are left out."""
    newest: int | None = None
    for frame in frames:
        if newest is None or frame.captured_ns > newest:
            newest = frame.captured_ns
            yield frame

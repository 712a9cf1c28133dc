"""Records of a run: what was used when, so that the same sound can be made again."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np

from synchresis.engines.frame import Frame, Picture
from synchresis.engines.gesture import Gesture
from synchresis.engines.pipeline import Parse
from synchresis.engines.playout import Block, Playout
from synchresis.engines.sample_clock import SampleClock
from synchresis.errors import InputError

FADE_SAMPLES: Final = 96
"""After the ring ran empty sound comes back over 2 ms."""


class Seen(msgspec.Struct, frozen=True, tag=True):
    """The parser used a frame, with this τ and sensitivity."""

    sequence: int
    captured_ns: int
    lookahead_ns: int = 0
    sensitivity: float = 1.0


class Delayed(msgspec.Struct, frozen=True, tag=True):
    """D was set."""

    delay_ns: int


class Pushed(msgspec.Struct, frozen=True, tag=True):
    """The score took the gesture of a frame, under this line of the device clock."""

    sequence: int
    origin_ns: int
    origin_sample: int
    rate_mhz: int
    age_ns: int


class Played(msgspec.Struct, frozen=True, tag=True):
    """The Controls of a hop were made and played, after a break with a fade."""

    hop: int
    fade: bool = False


class Chosen(msgspec.Struct, frozen=True, tag=True):
    """A zone got another palette."""

    zone: int
    embedding: tuple[float, ...]


class Muted(msgspec.Struct, frozen=True, tag=True):
    """Sound was switched off or on."""

    muted: bool


class Hit(msgspec.Struct, frozen=True, tag=True):
    """A test hit was played."""

    zone: int
    strength: float


Step: TypeAlias = Delayed | Pushed | Played | Chosen | Muted | Hit


class RunRecord(msgspec.Struct):
    """One run on the device clock, without its pictures.

    Attributes:
        asap: whether everything was played at once.
        seen: frames the parser used, in order.
        steps: what the voice thread did, in order.
    """

    asap: bool = False
    seen: list[Seen] = []
    steps: list[Step] = []

    def save(self, path: str | Path) -> None:
        """Write to a file."""
        Path(path).write_bytes(msgspec.msgpack.encode(self))


def load_record(path: str | Path) -> RunRecord:
    """Read a record.

    Raises:
        InputError: it cannot be read, or is none.
    """
    try:
        return msgspec.msgpack.decode(Path(path).read_bytes(), type=RunRecord)
    except (OSError, msgspec.MsgspecError) as err:
        raise InputError(f"{path}: no record of a run ({err})") from err


def fade_in(block: Block) -> Block:
    """The block with its first 2 ms faded in, float32[HOP, 2]; a copy."""
    faded = block.copy()
    faded[:FADE_SAMPLES] *= np.linspace(0, 1, FADE_SAMPLES, False, dtype=np.float32)[:, None]
    return faded


def replay(
    record: RunRecord,
    pictures: Mapping[int, Picture],
    parse: Parse,
    playout: Playout,
    *,
    tune: Callable[[Seen], None] = lambda seen: None,
) -> Iterator[tuple[int, Block]]:
    """Make the sound of a run again.

    Args:
        record: of the run.
        pictures: every picture used, by sequence number.
        parse: a fresh parser with the run's settings.
        playout: a fresh playout with the run's settings.
        tune: called before every frame, to give the parser its τ and sensitivity.

    Yields:
        Index and sound of every hop; the sound is valid until the next one.
    """
    gestures: dict[int, Gesture] = {}
    for seen in record.seen:
        tune(seen)
        frame = Frame(pictures[seen.sequence], seen.captured_ns, seen.sequence)
        gestures[seen.sequence] = parse(frame)
    for step in record.steps:
        if isinstance(step, Played):
            block = playout.step(step.hop)
            yield step.hop, fade_in(block) if step.fade else block
        else:
            apply_step(step, playout, gestures)


def apply_step(step: Step, playout: Playout, gestures: Mapping[int, Gesture]) -> None:
    """Do to a playout what was done, all but playing."""
    match step:
        case Delayed():
            playout.set_delay(step.delay_ns)
        case Pushed():
            clock = SampleClock(step.origin_ns, step.origin_sample, step.rate_mhz)
            playout.push(gestures[step.sequence], clock=clock, age_ns=step.age_ns)
        case Chosen():
            playout.set_palette(step.zone, np.array(step.embedding, np.float32))
        case Muted():
            playout.set_muted(muted=step.muted)
        case Hit():
            playout.hit(zone=step.zone, strength=step.strength)

"""What a live session says about itself."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Status:
    """A session at one moment; times in milliseconds.

    Attributes:
        state: "starting", "measuring", "playing" or "ended".
        seconds: since sound began.
        fps: frames parsed per second, by the last nine.
        frames: parsed so far.
        impact: score of the newest frame.
        threshold: score that makes an event.
        events: found so far.
        played: events played.
        late: events that missed their moment.
        dropped: events dropped: too old or too many.
        lost_frames: frames replaced by newer ones before they were parsed.
        malformed: messages refused.
        xruns: times the ring ran empty.
        buffer_hops: hops written ahead.
        delay_ms: D, None while it is being measured.
        parts_ms: what D is made of.
        lookahead_ms: τ.
        muted: whether sound is off.
        sensitivity: odds of every impact are multiplied by it.
        palettes: of the zones.
        level: peak of the newest hop, 0 to 1.
        camera: name of the source.
        camera_away: whether it is gone for now.
        estimated: whether capture times are only estimates.
        sound_away: whether the audio device is gone for now.
    """

    state: Literal["starting", "measuring", "playing", "ended"]
    seconds: float
    fps: float
    frames: int
    impact: float
    threshold: float
    events: int
    played: int
    late: int
    dropped: int
    lost_frames: int
    malformed: int
    xruns: int
    buffer_hops: int
    delay_ms: float | None
    parts_ms: dict[str, float]
    lookahead_ms: float
    muted: bool
    sensitivity: float
    palettes: tuple[str, ...]
    level: float
    camera: str
    camera_away: bool
    estimated: bool
    sound_away: bool

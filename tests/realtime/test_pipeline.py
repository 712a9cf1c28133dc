from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture
from synchresis.engines.pipeline import Parse, Pipeline
from synchresis.engines.playout import Playout
from synchresis.engines.timebase import HOP, NS_PER_S, sample_of
from synchresis.errors import ParameterError

Make = Callable[..., Playout]
Frames = Callable[..., list[Frame]]


class Film:
    def __init__(self, frames: list[Frame]) -> None:
        self.frames = frames

    @property
    def end_ns(self) -> int:
        return self.frames[-1].captured_ns + 40_000_000

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.frames)


def sound(pipeline: Pipeline, film: Film) -> NDArray[np.float32]:
    return np.concatenate([block.copy() for block in pipeline.run(film)])


@pytest.mark.parametrize("lookahead_ms", [-50, 0, 33, 120])
@pytest.mark.parametrize("jitter", [0.0, 0.9])
def test_sound_has_the_length_of_the_source_and_events_land_at_t(
    make_parse: Callable[..., Parse],
    make_playout: Make,
    make_frames: Frames,
    lookahead_ms: int,
    jitter: float,
) -> None:
    film = Film(make_frames(60, jitter=jitter))
    gestures: list[Gesture] = []
    playout = make_playout()
    pipeline = Pipeline(make_parse(lookahead_ms * 1_000_000), playout)
    blocks = [block.copy() for block in pipeline.run(film, gestures.append)]
    audio = np.concatenate(blocks)
    assert len(audio) == sample_of(film.end_ns)
    assert all(len(block) == HOP for block in blocks[:-1])
    events = [e for g in gestures for e in g.events if e.zone == 0]
    within = [e for e in events if sample_of(e.t_ns) < len(audio) - HOP]
    assert len(within) > 5
    for event in within:
        at = sample_of(event.t_ns)
        assert audio[at, 0] - audio[at - 1, 0] > 0.5 * event.strength
    assert playout.counts.late == 0


def test_each_hop_is_stepped_as_soon_as_it_is_known_and_not_before(
    make_parse: Callable[..., Parse], make_playout: Make, make_frames: Frames
) -> None:
    playout = make_playout()
    pipeline = Pipeline(make_parse(), playout)
    for frame in make_frames(20, jitter=0.5):
        list(pipeline.feed(frame)[1])
        end_of_next_ns = (playout.next_hop + 1) * HOP * NS_PER_S / 48_000
        assert playout.next_hop * HOP * NS_PER_S / 48_000 <= frame.captured_ns < end_of_next_ns


def test_cutting_the_film_changes_nothing_before_the_cut(
    make_parse: Callable[..., Parse], make_playout: Make, make_frames: Frames
) -> None:
    frames = make_frames(40, jitter=0.5)
    whole = sound(Pipeline(make_parse(), make_playout()), Film(frames))
    for cut in (5, 17, 31):
        part = sound(Pipeline(make_parse(), make_playout()), Film(frames[:cut]))
        known = sample_of(frames[cut - 1].captured_ns) // HOP * HOP
        np.testing.assert_array_equal(part[:known], whole[:known])


def test_repeated_and_backward_stamps_are_left_out(
    make_parse: Callable[..., Parse], make_playout: Make, make_frames: Frames
) -> None:
    frames = make_frames(30)
    clean = sound(Pipeline(make_parse(), make_playout()), Film(frames))
    dirty = [*frames[:10], frames[9], frames[3], *frames[10:]]
    np.testing.assert_array_equal(sound(Pipeline(make_parse(), make_playout()), Film(dirty)), clean)


def test_mute_fades_over_one_hop_and_back(make_playout: Make) -> None:
    playout, quiet = make_playout(), make_playout()
    for hop in range(12):
        for one in (playout, quiet):
            one.hit()
        quiet.set_muted(muted=3 <= hop < 6)
        loud, block = playout.step(hop).copy(), quiet.step(hop).copy()
        if hop == 3:
            assert np.abs(block[-1]).max() < np.abs(loud[-1]).max() / 100
            np.testing.assert_array_equal(block[0], loud[0])
        elif 3 < hop < 6:
            assert not block.any()
        elif hop != 6:
            np.testing.assert_array_equal(block, loud)


@pytest.mark.parametrize(("hop", "rings"), [(1, True), (2, True), (30, False)])
def test_what_rang_before_a_long_gap_does_not_go_on_after_it(
    make_playout: Make, hop: int, rings: bool
) -> None:
    playout = make_playout()
    playout.hit()
    assert playout.step(0).any()
    assert playout.step(hop).any() == rings


def test_palette_is_heard_from_the_next_hop(make_playout: Make) -> None:
    playout, other = make_playout(), make_playout()
    other.set_palette(0, np.full(32, 5, np.float32))
    for one in (playout, other):
        one.hit()
    assert np.abs(playout.step(0) - other.step(0)).max() > 1e-4


def test_palettes_must_have_one_row_per_zone(make_playout: Make) -> None:
    playout = make_playout()
    with pytest.raises(ParameterError, match=r"palettes.shape=\(1, 32\) must be \(2, 32\)"):
        Playout(playout._score, playout._render, np.zeros((1, 32), np.float32))

import numpy as np
import pytest

from synchresis.engines.frame import Frame
from synchresis.engines.motion.repeats import LONGEST, RepeatState

SIZE = (120, 160)
STEP_NS = 1_000_000_000 // 30


def moving(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """A texture that goes on to the right, four pixels a picture."""
    wide = rng.integers(40, 200, (SIZE[0], SIZE[1] + 4 * count)).astype(np.uint8)
    return [wide[:, 4 * k : 4 * k + SIZE[1]].copy() for k in range(count)]


def shown(pictures, times: int) -> list[np.ndarray]:
    return [picture for picture in pictures for _ in range(times)]


def left_out(pictures) -> list[int]:
    """Indices of the pictures that are left out of a stream."""
    state = RepeatState.allocate(*SIZE)
    state.reset(pictures[0])
    return [k for k, picture in enumerate(pictures[1:], 1) if state.repeats(picture)]


@pytest.mark.parametrize("times", [2, 3, 4])
def test_a_stream_that_shows_each_picture_several_times_is_seen_once_a_picture(rng, times):
    found = left_out(shown(moving(40, rng), times))
    repeats = {k for k in range(40 * times) if k % times}
    assert set(found) <= repeats
    assert repeats - set(found) <= set(range(7 * times))  # what it takes to know the stream


def test_one_repeat_in_five_is_left_out_whatever_a_codec_adds(rng):
    pictures = [p for k, p in enumerate(moving(80, rng)) for _ in range(1 + (k % 4 == 3))]
    coded = [np.clip(p + rng.normal(0, 2.0, SIZE), 0, 255).astype(np.uint8) for p in pictures]
    repeats = {k for k in range(100) if k % 5 == 4}
    found = set(left_out(coded))
    assert found <= repeats
    assert repeats - found <= set(range(30))


def test_nothing_is_left_out_of_a_stream_that_repeats_nothing(rng):
    assert not left_out(moving(60, rng))


def test_one_repeat_alone_is_not_believed(rng):
    pictures = moving(60, rng)
    assert not left_out([*pictures[:30], pictures[29], *pictures[30:]])


def test_what_stops_and_stays_is_seen(rng):
    pictures = moving(40, rng)
    still = [pictures[-1]] * 20
    assert not left_out(pictures + still)
    found = left_out(shown(pictures, 2) + still)
    assert max(found) == 79  # the usual single repeat, and no picture of the stop


def test_still_pictures_without_noise_are_all_seen(rng):
    assert not left_out([moving(1, rng)[0]] * 60)


def test_repeats_in_a_row_have_a_bound(rng):
    assert not left_out(shown(moving(30, rng), LONGEST + 2))


def parsed(parser, pictures, step_ns=STEP_NS):
    state = parser.initial_state()
    return [
        (parser.step(Frame(p, k * step_ns, k), state), state.new_ns, float(state.timing[0, 0]))
        for k, p in enumerate(pictures)
    ]


def test_a_repeat_answers_for_nothing_and_holds_the_levels(parser, rng):
    seen = parsed(parser, shown(moving(40, rng), 2))[30:]
    for (new, new_ns, dt_s), (again, same_ns, _) in zip(seen[::2], seen[1::2], strict=True):
        assert dt_s == pytest.approx(2 / 30, rel=1e-3)
        assert (new_ns, same_ns) == (new.captured_ns, new.captured_ns)
        assert again.captured_ns == new.captured_ns + STEP_NS
        assert again.begin_ns == again.end_ns == new.end_ns
        assert again.levels == new.levels
        assert not again.events


def test_a_stream_with_repeats_is_seen_as_the_one_without(parser, rng):
    def inputs(pictures, step_ns):
        state, kept = parser.initial_state(), []
        for k, picture in enumerate(pictures):
            parser.step(Frame(picture, k * step_ns, k), state)
            kept.append(state.flow_input.copy())
        return np.array(kept)

    pictures = moving(60, rng)
    twice, once = inputs(shown(pictures, 2), STEP_NS), inputs(pictures, 2 * STEP_NS)
    assert once[30:].std() > 0
    np.testing.assert_allclose(twice[60::2], once[30:], rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(twice[61::2], twice[60::2])


def test_a_slow_stream_keeps_its_time_steps_in_range(parser, rng):
    seen = parsed(parser, shown(moving(12, rng), 3), step_ns=100_000_000)
    assert all(new.captured_ns - new_ns <= 100_000_000 for new, new_ns, _ in seen)


def test_time_steps_are_evened_where_some_pictures_are_repeated(parser, rng):
    pictures = [p for k, p in enumerate(moving(160, rng)) for _ in range(1 + (k % 4 == 3))]
    seen = parsed(parser, pictures)[100:]
    steps = [dt_s for new, new_ns, dt_s in seen if new.captured_ns == new_ns]
    assert len(steps) == 80
    np.testing.assert_allclose(steps, 1 / 24, rtol=0.1)
    evenly = parsed(parser, moving(60, rng))
    np.testing.assert_allclose([dt_s for _, _, dt_s in evenly[1:]], 1 / 30, rtol=1e-6)

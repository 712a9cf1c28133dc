from dataclasses import replace

import numpy as np
import pytest

from synchresis.engines.training.motion.usual_threshold import (
    DRAWS,
    Scored,
    deviation,
    drawn,
    usual_threshold,
    weights,
)
from synchresis.errors import ParameterError

STEP_S = 0.04


def stream(rng, *, hits: int, false: float, found: float) -> Scored:
    """Hits score `found` or a little more, what does not sound up to `false`."""
    captured = STEP_S * np.arange(400)
    score = 0.02 * rng.random(400)
    at = 5 + 10 * rng.permutation(39)
    score[at[:hits]] = found + 0.05 * rng.random(hits)
    score[at[hits : hits + 8]] = false * rng.random(min(8, 39 - hits))
    return Scored(captured, score, captured, np.sort(captured[at[:hits]]))


def test_the_lowest_threshold_that_leaves_nothing_false_is_taken(rng):
    streams = [stream(rng, hits=12, false=0.5, found=0.8) for _ in range(20)]
    assert usual_threshold(streams) == pytest.approx(0.48, abs=0.041)
    assert [len(one.events_s(0.6)) for one in streams] == [12] * 20
    np.testing.assert_array_equal(streams[0].events_s(0.6), streams[0].onsets_s)


def marked(one: Scored, *, is_hit: bool) -> Scored:
    """A stream with one more moment that scores .45."""
    one.score[393] = 0.45
    hit = one.captured_s[393:394] if is_hit else np.zeros(0)
    return replace(one, onsets_s=np.concatenate((one.onsets_s, hit)))


@pytest.mark.parametrize(("false", "taken"), [(3, (0.0, 0.44)), (10, (0.46, 0.8))])
def test_a_lower_threshold_is_taken_where_draws_do_not_tell_it_from_the_best(rng, false, taken):
    streams = [stream(rng, hits=12, false=0.3, found=0.8) for _ in range(14)]
    faint = [marked(one, is_hit=True) for one in streams[:2]]
    wrong = [marked(one, is_hit=False) for one in streams[2 : 2 + false]]
    chosen = usual_threshold([*faint, *wrong, *streams[2 + false :]])
    assert taken[0] < chosen < taken[1]


def test_events_of_silent_streams_count_as_false(rng):
    streams = [stream(rng, hits=12, false=0.3, found=0.8) for _ in range(10)]
    silent = [stream(rng, hits=0, false=0.7, found=0.8) for _ in range(10)]
    assert usual_threshold(streams) < 0.4
    assert usual_threshold([*streams, *silent]) > 0.55


@pytest.mark.parametrize("seed", range(4))
def test_the_share_of_silence_decides_and_hardly_how_many_silent_streams_were_drawn(seed):
    """One stream in six has faint hits; what is silent scores up to .75."""
    rng = np.random.default_rng(seed)
    loud = [stream(rng, hits=12, false=0.3, found=low) for low in (0.5, *[0.8] * 5)]
    few = [stream(rng, hits=0, false=0.75, found=0.8) for _ in range(3)]
    at = [usual_threshold([*loud, *few], share) for share in (0.1, 10.0)]
    again = [usual_threshold([*loud, *few * 6], share) for share in (0.1, 10.0)]
    assert at[0] < 0.55 and at[1] > 0.62
    assert again == pytest.approx(at, abs=0.121)
    np.testing.assert_allclose(weights([*loud, *few], 0.5)[:, 0], [1] * 6 + [0.5 * 6 / 3] * 3)


def test_draws_keep_the_number_of_silent_streams():
    silent = np.array([False, True, False, True, False])
    found = drawn(silent)
    assert found.shape == (DRAWS, 5)
    assert (silent[found].sum(1) == 2).all()
    assert np.unique(found).tolist() == [0, 1, 2, 3, 4]


def test_a_threshold_needs_onsets(rng):
    with pytest.raises(ParameterError, match="none of 1 streams"):
        usual_threshold([stream(rng, hits=0, false=0.7, found=0.8)])
    with pytest.raises(ParameterError, match="silence=-1 must be 0 or more"):
        usual_threshold([stream(rng, hits=5, false=0.7, found=0.8)], -1)


def test_the_error_is_that_of_a_difference_over_the_same_draws():
    best = np.array([[9, 10, 10], [4, 10, 10]], float)
    draws = np.array([[0, 0], [1, 1], [0, 1]])
    assert deviation(best, best, draws) == 0.0
    worse = best - [[1, 0, 0], [1, 0, 0]]
    assert deviation(best, worse, draws) == pytest.approx(0.0)  # as much worse in every draw
    uneven = best - [[2, 0, 0], [0, 0, 0]]
    assert deviation(best, uneven, draws) == pytest.approx(np.std([0.2, 0.0, 0.1]))

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synchresis.engines.timebase import SAMPLE_RATE  # noqa: E402
from synchresis.engines.training.voice.levels import (  # noqa: E402
    BANDS_POOLED,
    RISING_DB,
    SHAPE,
    never_falling,
    rising,
    shapes,
)
from synchresis.engines.training.voice.recall import KNOTS, Kept, Recall  # noqa: E402
from synchresis.engines.training.voice.recordings import Recordings  # noqa: E402
from synchresis.engines.voice.mel import MELS, mel_matrix  # noqa: E402


def two_recordings(shape: torch.Tensor) -> Recall:
    """Two recordings of one family, equally hard."""
    return Recall(
        Kept(
            families=torch.eye(2, 32),
            family=torch.zeros(2, dtype=torch.long),
            strength=torch.ones(2),
            takes=torch.zeros(2, 16),
            codes=torch.zeros(2, 4),
            jitter=torch.zeros(16),
            likeness=torch.zeros(2, 2),
            extent=torch.ones(2),
            phases=torch.zeros(2, 513),
            basis=torch.zeros(len(KNOTS), 80, 4),
            shapes=shape,
        )
    )


def asked(recall: Recall) -> float:
    """Level that the two recordings blended half and half are to lose."""
    given = recall(recall.families[:1], torch.ones(1, 1), torch.zeros(1, 16))
    return float(given.code[0, -1])


def test_a_blend_of_like_recordings_loses_nothing() -> None:
    assert asked(two_recordings(torch.log(torch.tensor([[0.5, 0.5]] * 2)))) == pytest.approx(
        0.0, abs=1e-5
    )


def test_a_blend_of_unlike_recordings_is_raised_by_what_it_loses() -> None:
    shape = torch.log(torch.tensor([[0.99, 0.01], [0.01, 0.99]]))
    assert asked(two_recordings(shape)) == pytest.approx(np.log(2 * np.sqrt(0.0099)), abs=1e-4)


def test_level_is_made_up_for_while_a_hit_is_young() -> None:
    recall = two_recordings(torch.zeros(2, 1))
    code = torch.zeros(3, 5)
    code[:, -1] = -2.0
    change = recall._correction(code, torch.tensor([0.0, 80.0, 400.0]))[:, 0]
    for age, share in enumerate((1.0, 0.5, 0.0)):
        torch.testing.assert_close(change[age], torch.full((80,), share))


def test_levels_rise_with_strength_and_move_only_where_they_must() -> None:
    level = np.array([-20.0, -30.0, -10.0, -5.0, -9.0])
    strength = np.array([0.5, 0.6, 0.9, 1.0, 1.0])
    family = np.array([0, 0, 0, 1, 1])
    risen = rising(level, strength, family)
    assert risen[1] - risen[0] == pytest.approx(0.1 * RISING_DB)
    assert risen[:2].mean() == pytest.approx(-25.0)
    assert risen[2] == pytest.approx(-10.0)
    assert risen[3:] == pytest.approx(-7.0)


def test_values_that_never_fall_stay_and_others_are_pooled() -> None:
    ones = np.ones(4, np.int64)
    np.testing.assert_allclose(never_falling(np.arange(4.0), ones), np.arange(4.0))
    np.testing.assert_allclose(never_falling(np.array([3.0, 2, 1, 9]), ones), [2, 2, 2, 9])


def test_shapes_are_shares_of_power(tiny_recorded: Recordings) -> None:
    found = shapes(tiny_recorded)
    assert found.shape == (len(tiny_recorded.length), SHAPE)
    torch.testing.assert_close(found.exp().sum(1), torch.ones(len(found)))


@pytest.mark.parametrize(
    ("hertz", "begin_s", "cell"), [(700, 0.0, 0), (700, 0.085, 4), (6000, 0.0, 0)]
)
def test_power_is_where_it_sounds(
    tiny_recorded: Recordings, hertz: float, begin_s: float, cell: int
) -> None:
    time = np.arange(4800) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * hertz * time) * ((time >= begin_s) & (time < begin_s + 0.015))
    one = replace(
        tiny_recorded,
        samples=tone.astype(np.float32),
        offset=np.zeros(1, np.int64),
        length=np.array([4800]),
    )
    power = shapes(one).exp().reshape(-1, MELS // BANDS_POOLED)
    when, band = divmod(int(power.argmax()), power.shape[1])
    centre = mel_matrix(MELS, 1024).argmax(0)[BANDS_POOLED * band : BANDS_POOLED * (band + 1)]
    assert when == cell
    assert centre[0] * SAMPLE_RATE / 1024 < 1.2 * hertz < 1.6 * centre[-1] * SAMPLE_RATE / 1024

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synchresis.engines.evaluation.voice_attacks import FAR_MS, attack_error_ms, attack_ms  # noqa: E402
from synchresis.engines.training.voice.export import voice_graph  # noqa: E402
from synchresis.engines.training.voice.learner import Learned  # noqa: E402
from synchresis.engines.training.voice.recordings import Recordings  # noqa: E402
from synchresis.engines.training.voice.remember import remember  # noqa: E402
from synchresis.engines.training.voice.tables import VoiceTables  # noqa: E402
from synchresis.engines.training.voice.timing import (  # noqa: E402
    HALF_MISSED_MS,
    PALETTE,
    PER_MS,
    RARER,
    RARER_MS,
    RAREST,
    Attacks,
    delayed,
    kindred,
    missed,
    moved,
    put_moved,
    put_stress,
    rarity,
    retime,
)
from synchresis.engines.voice.layout import RARITY  # noqa: E402

QUIET = 0.02
"""Level of a noise before a hit: too faint to have begun."""

DELAYS = {0: 480, 5: 480, 10: 720}
"""Recordings with such a noise, and how long, samples."""


@pytest.fixture(scope="module")
def uneven(tiny_recorded: Recordings) -> Recordings:
    """Some recordings hit late, after a soft noise."""
    samples = tiny_recorded.samples.copy()
    rng = np.random.default_rng(8)
    for index, delay in DELAYS.items():
        first, length = int(tiny_recorded.offset[index]), int(tiny_recorded.length[index])
        sound = samples[first : first + length].copy()
        samples[first + delay : first + length] = sound[: length - delay]
        loudest = np.abs(sound).max()
        samples[first : first + delay] = QUIET * loudest * rng.choice((-1, 1), delay)
    return replace(tiny_recorded, samples=samples)


@pytest.fixture(scope="module")
def exported(
    uneven: Recordings, untaught: Callable[[Recordings], Learned]
) -> tuple[bytes, np.ndarray]:
    """The graph of a network that learned nothing but recalls, and palettes of recordings."""
    learned = untaught(uneven)
    with torch.no_grad():
        table = learned.embedding(torch.arange(10)).numpy()
    return voice_graph(learned.network, remember(learned, uneven)), table[uneven.family]


def test_what_is_delayed_begins_later_or_is_cut_and_faded_in() -> None:
    sound = np.ones(200, np.float32)
    later, cut = delayed(sound, 30), delayed(sound, -30)
    assert not later[:30].any()
    np.testing.assert_array_equal(later[30:], sound)
    assert len(cut) == 170
    assert 0 < cut[0] < 0.01
    assert (np.diff(cut[:48]) > 0).all()
    assert (cut[48:] == 1).all()


def test_recordings_are_moved_each_by_its_own_shift(tiny_recorded: Recordings) -> None:
    shift = np.zeros(40, np.int64)
    shift[3], shift[7] = 100, -60
    later = moved(tiny_recorded, shift)
    np.testing.assert_array_equal(later.sound(3)[100:], tiny_recorded.sound(3))
    np.testing.assert_array_equal(later.sound(7)[48:], tiny_recorded.sound(7)[108:])
    np.testing.assert_array_equal(later.sound(39), tiny_recorded.sound(39))


def test_kin_are_the_family_and_a_little_of_the_palette(tiny_recorded: Recordings) -> None:
    kin = kindred(tiny_recorded)[5]
    family = tiny_recorded.family[kin.rows]
    assert kin.shares.sum() == pytest.approx(1.0)
    # Four of its own, and four other families of its palette that count as PALETTE recordings.
    own = kin.shares[family == tiny_recorded.family[5]]
    assert own == pytest.approx(np.full(4, 1 / (4 + PALETTE)))
    assert set(tiny_recorded.palette[family]) == {tiny_recorded.palette[tiny_recorded.family[5]]}
    assert len(kin.rows) == 20


def test_far_attacks_are_missed_and_near_ones_are_not() -> None:
    off = np.array([0.0, 3.0, HALF_MISSED_MS, 9.0, 20.0])
    lost = missed(off)
    np.testing.assert_allclose(lost, missed(-off))
    assert (np.diff(lost) > 0).all()
    assert lost[1] < 0.1
    assert lost[2] == pytest.approx(0.5 + PER_MS * HALF_MISSED_MS)
    assert lost[3] > 1.0


def test_late_recordings_are_moved_to_where_their_family_rises(uneven: Recordings) -> None:
    shift = Attacks(uneven).usual_shifts(kindred(uneven))
    later = moved(uneven, shift)
    for index, delay in DELAYS.items():
        assert -delay - 48 <= shift[index] < -delay / 2
        others = np.flatnonzero(uneven.family == uneven.family[index])
        rise = [attack_ms(later.sound(int(other))) for other in others]
        assert np.ptp(rise) < 1.0
    # Families without a late one are moved little.
    quick = [28, 29, 30, 31, 36, 37, 38, 39]
    assert np.abs(shift[quick]).max() <= 240


def test_a_hit_played_late_is_to_come_earlier(tiny_recorded: Recordings) -> None:
    attacks, kin = Attacks(tiny_recorded), kindred(tiny_recorded)
    late = np.zeros((40, 4000), np.float32)
    for index in range(40):
        late[index] = delayed(tiny_recorded.sound(index), 240)[:4000]
    delay, lost = attacks.best_delays([late, late], kin)
    np.testing.assert_allclose(delay, -5.0, atol=1.0)
    assert lost.max() < 0.1


def test_what_misses_or_is_moved_unlike_its_family_is_rarer() -> None:
    family = np.array([0, 0, 0, 1, 1, 1])
    rarer = rarity(
        np.array([0.1, 0.3, 0.1, 0.5, 0.5, 0.5]), np.array([1, 1, 1, 2, 2, 100.0]), family
    )
    expected = [0, 0.2 * RARER, 0, 0, 0, RAREST]
    np.testing.assert_allclose(rarer, expected, atol=1e-6)
    moved_more = rarity(np.zeros(3), np.array([0.0, 0.0, RARER_MS]), np.zeros(3, np.int64))
    np.testing.assert_allclose(moved_more, [0, 0, 1])


def test_tables_of_recordings_as_they_are_play_as_before(
    exported: tuple[bytes, np.ndarray], uneven: Recordings
) -> None:
    graph, palettes = exported
    tables = VoiceTables(graph, palettes)
    before = tables.player().alone(np.arange(4), uneven.strength[:4], 8)
    assert np.abs(before).max() > 1e-3
    put_moved(tables, uneven, corrections_of(tables), np.zeros(40, np.int64))
    put_stress(tables, np.zeros(40))
    after = tables.player().alone(np.arange(4), uneven.strength[:4], 8)
    # One component of forty went.
    assert np.square(after - before).sum() < 0.05 * np.square(before).sum()
    put_stress(tables, np.full(40, 2.0))
    louder = tables.player().alone(np.arange(4), uneven.strength[:4], 8)
    assert np.square(louder[:, :256]).sum() > 2 * np.square(after[:, :256]).sum()


def test_a_recording_moved_is_played_later_and_the_others_are_not(
    exported: tuple[bytes, np.ndarray], uneven: Recordings
) -> None:
    graph, palettes = exported
    tables = VoiceTables(graph, palettes)
    shift = np.zeros(40, np.int64)
    put_moved(tables, uneven, corrections_of(tables), shift)
    put_stress(tables, np.zeros(40))
    rows, strength = np.array([28, 29]), np.ones(2, np.float32)
    before = tables.player().alone(rows, strength, 14)
    tables = VoiceTables(graph, palettes)
    shift[28] = 480
    put_moved(tables, uneven, corrections_of(tables), shift)
    put_stress(tables, np.zeros(40))
    after = tables.player().alone(rows, strength, 14)
    assert attack_ms(after[0]) - attack_ms(before[0]) == pytest.approx(10.0, abs=2.0)
    assert attack_ms(after[1]) - attack_ms(before[1]) == pytest.approx(0.0, abs=0.5)


def test_what_hits_miss_is_told_of_them_as_they_are_played(tiny_recorded: Recordings) -> None:
    attacks, kin = Attacks(tiny_recorded), kindred(tiny_recorded)
    late = np.stack([delayed(tiny_recorded.sound(i), 480)[:4000] for i in range(40)])
    ontime = np.stack([tiny_recorded.sound(i)[:4000] for i in range(40)])
    assert attacks.missing([ontime], kin).max() < 0.1
    assert attacks.missing([late], kin).min() > 0.9
    np.testing.assert_allclose(
        attacks.missing([ontime, late], kin),
        (attacks.missing([ontime], kin) + attacks.missing([late], kin)) / 2,
    )


def test_a_finished_voice_misses_fewer_of_its_recordings(
    exported: tuple[bytes, np.ndarray], uneven: Recordings
) -> None:
    graph, palettes = exported
    tables = VoiceTables(graph, palettes)
    before, size = far_hits(tables, uneven), tables.read(RARITY)
    retime(tables, uneven)
    after = far_hits(tables, uneven)
    assert before > 0.04
    assert after == 0.0
    rarer = tables.read(RARITY) - size
    assert rarer.min() >= -1e-5
    # Moved ten milliseconds and more unlike the rest of their families.
    assert (rarer[[*DELAYS]] > 0.9).all()


def corrections_of(tables: VoiceTables) -> np.ndarray:
    """What the tables put right at every recording's knots."""
    from synchresis.engines.training.voice.timing import _corrections

    return _corrections(tables)


def far_hits(tables: VoiceTables, recordings: Recordings) -> float:
    """Share of recordings, played alone, that are more than 8 ms off others of their family."""
    sound = tables.player().alone(np.arange(40), recordings.strength, 14)
    off = [
        attack_error_ms(sound[index], recordings.sound(int(other)))
        for index in range(40)
        for other in np.flatnonzero(recordings.family == recordings.family[index])
        if other not in DELAYS
    ]
    return float((np.abs(off) > FAR_MS).mean())

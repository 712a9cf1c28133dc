import numpy as np
import pytest

from synchresis.bench.pairing import pair_onsets, phase_unevenness
from synchresis.bench.wakeup import PERIOD_NS, measure_wakeups


def test_every_contact_gets_its_own_sound():
    pairing = pair_onsets([1.0, 2.0, 3.0], [1.04, 2.05, 3.03])
    assert pairing.differences_ms == pytest.approx([40, 50, 30])
    assert (pairing.missed, pairing.extra) == (0, 0)


def test_missed_contacts_and_extra_sounds_are_counted_not_paired():
    pairing = pair_onsets([1.0, 2.0, 3.0], [0.5, 1.04, 1.10, 3.19])
    assert pairing.differences_ms == pytest.approx([40, 190])
    assert pairing.contacts == pytest.approx([1.0, 3.0])
    assert (pairing.missed, pairing.extra) == (1, 2)


def test_a_sound_before_its_contact_is_negative():
    assert pair_onsets([1.0], [0.95]).differences_ms == pytest.approx([-50])


def test_no_sound_answers_twice():
    pairing = pair_onsets([1.00, 1.10], [1.09])
    assert pairing.differences_ms == pytest.approx([-10])
    assert pairing.missed == 1


def test_nothing_pairs_with_nothing():
    pairing = pair_onsets([], [])
    assert (len(pairing.differences_ms), pairing.missed, pairing.extra) == (0, 0, 0)


def test_unevenness_of_phases(rng):
    even = (np.arange(60) + 0.5) / 60 / 60 + np.arange(60)
    assert phase_unevenness(even, 60) < 0.02
    assert phase_unevenness(np.arange(60) + 0.004, 60) > 0.7
    assert phase_unevenness(rng.uniform(0, 100, 500), 60) < 0.1
    assert phase_unevenness([], 60) == 1


def test_wake_ups_are_late_never_early_one_per_hop():
    late = measure_wakeups(0.1)
    assert len(late) == round(0.1e9 / PERIOD_NS)
    assert late.min() >= 0
    assert late.max() > 0

import numpy as np

from synchresis.engines.motion.picker import EventPicker, FrameMaps, PickerSettings
from synchresis.engines.motion.replay import picked, picked_s
from synchresis.engines.zone import Zone

STEP_NS = 33_333_333
BAR = 0.5


def test_a_replay_makes_the_events_of_the_live_picker(rng):
    walk = np.cumsum(rng.normal(0, 1, 600))
    score = 1 / (1 + np.exp(-(walk - walk.mean())))
    when = rng.uniform(0.05, 0.95, 600)
    picker = EventPicker((Zone(),), PickerSettings(threshold=BAR, waits=False))
    state, frames, told = picker.initial_state(), [], []
    for index, (value, share) in enumerate(zip(score, when, strict=True)):
        maps = FrameMaps(
            impact=np.full((30, 40), 0.5, np.float32),
            strength=np.zeros((30, 40), np.float32),
            when=np.full((30, 40), share, np.float32),
            total=float(value),
            begin_ns=index * STEP_NS,
            end_ns=(index + 1) * STEP_NS,
            captured_ns=(index + 1) * STEP_NS,
        )
        for event in picker.step(maps, state):
            frames.append(index)
            told.append(event.t_ns / 1e9)
    times_s = (np.arange(600) + 1) * STEP_NS / 1e9
    event_s = (np.arange(600) + when) * STEP_NS / 1e9
    assert len(frames) > 10
    assert picked(times_s, score, BAR, event_s).tolist() == frames
    np.testing.assert_allclose(picked_s(times_s, score, BAR, event_s), told, atol=1e-6)


def test_an_event_told_to_lie_too_near_the_last_one_is_none():
    times_s = np.array([0.1, 0.2, 0.3, 0.4])
    score = np.array([0.9, 0.1, 0.9, 0.1])
    assert picked(times_s, score, BAR).tolist() == [0, 2]
    assert picked_s(times_s, score, BAR, np.array([0.1, 0.2, 0.26, 0.4])).tolist() == [0.1, 0.26]
    assert picked(times_s, score, BAR, np.array([0.27, 0.2, 0.3, 0.4])).tolist() == [0]

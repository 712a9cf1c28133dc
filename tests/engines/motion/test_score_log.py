import threading

import numpy as np
import pytest

from synchresis.engines.motion import score_log
from synchresis.engines.motion.picker import ZoneState
from synchresis.engines.motion.score_log import ScoreLog

MS = 1_000_000


def zones(*scores: float) -> list[ZoneState]:
    return [ZoneState(score=score) for score in scores]


def test_rows_are_kept_and_gaps_are_no_time() -> None:
    log = ScoreLog(2)
    assert (log.seconds, log.rows()[0].shape, log.rows()[1].shape) == (0.0, (0,), (0, 2))
    for at_ms, one, two in ((0, 0.1, 0.2), (40, 0.3, 0.4), (40, 0.9, 0.9), (20, 0.9, 0.9)):
        log.add(at_ms * MS, zones(one, two))
    log.add(2_040 * MS, zones(0.5, 0.6))
    log.add(2_080 * MS, zones(0.7, 0.8))
    times_s, scores = log.rows()
    np.testing.assert_allclose(times_s, [0, 0.04, 2.04, 2.08])
    np.testing.assert_allclose(scores, [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8]])
    assert log.seconds == pytest.approx(0.08)


def test_times_and_scores_are_of_the_same_frames_while_more_come() -> None:
    """Read from one thread while another writes: every row fits."""
    log, frames = ScoreLog(1), 16_000
    writer = threading.Thread(
        target=lambda: [log.add(n * MS, zones(n / frames)) for n in range(frames)]
    )
    writer.start()
    sizes = []
    while writer.is_alive():
        times_s, scores = log.rows()
        np.testing.assert_allclose(1000 * times_s / frames, scores[:, 0], atol=1e-9)
        sizes.append(len(times_s))
    writer.join()
    assert len(log.rows()[0]) == frames
    assert sizes == sorted(sizes)


def test_a_full_log_keeps_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_log, "CAPACITY", 3)
    log = ScoreLog(1)
    for n in range(5):
        assert log.full is (n >= 3)
        log.add(n * MS, zones(n / 10))
    np.testing.assert_allclose(log.rows()[1][:, 0], [0.0, 0.1, 0.2])

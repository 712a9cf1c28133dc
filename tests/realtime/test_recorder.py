from types import SimpleNamespace

import numpy as np
import pytest

from synchresis.realtime import recorder
from synchresis.realtime.recorder import Recorder, find_losses

MS = 1_000_000
BLOCK = 128


def device_polls(rng: np.random.Generator, *, lost_at: int | None = None) -> list[tuple[int, int]]:
    """Times and samples so far, polled every 10 ms and up to 6 ms late, for four seconds."""
    polls = []
    for n in range(400):
        now = n * 10 * MS + int(rng.integers(0, 6 * MS))
        blocks = now * 48 // MS // BLOCK - (lost_at is not None and n >= lost_at)
        polls.append((now, blocks * BLOCK))
    return polls


def test_late_polls_are_no_losses(rng: np.random.Generator) -> None:
    assert find_losses(device_polls(rng), BLOCK) == []


def test_a_lost_block_is_found_where_it_was_lost(rng: np.random.Generator) -> None:
    polls = device_polls(rng, lost_at=200)
    (loss,) = find_losses(polls, BLOCK)
    assert loss[1] == BLOCK
    assert abs(loss[0] - polls[200][1]) < 50 * 480


def test_a_poll_that_is_held_up_never_counts_samples_of_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its lateness would be the least of all, and half a second later a block would seem lost."""
    time_ns = [0]

    def passing(value: int) -> int:
        time_ns[0] += 7 * MS
        return value

    class Ring:
        @property
        def read_available(self) -> int:
            return passing(time_ns[0] * 48 // MS)

    clock = SimpleNamespace(perf_counter_ns=lambda: passing(time_ns[0]))
    monkeypatch.setattr(recorder, "time", clock)
    listener = Recorder(seconds=1)
    listener._ring = Ring()
    listener._end_watch()
    ((now_ns, count),) = listener._polls
    assert count <= now_ns * 48 // MS

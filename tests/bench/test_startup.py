import pytest

from synchresis.bench import startup
from synchresis.bench.options import Options
from synchresis.bench.startup import STEPS, start_once
from synchresis.errors import EngineError


def test_a_start_goes_from_imports_to_sound_to_playing(tiny_pack):
    times = start_once(str(tiny_pack.path))
    assert list(times) == list(STEPS)
    assert 0 < times["imported"] < times["prepared"] < times["sound"] < times["playing"]


def test_first_and_second_start_are_told_apart(monkeypatch):
    caches = []

    def start(pack, cache):
        caches.append(cache)
        return {step: 10.0 * k + len(caches) for k, step in enumerate(STEPS, 1)}

    monkeypatch.setattr(startup, "start_once", start)
    results, figures = startup.run_startup(Options())
    values = {result.metric: result.value for result in results}
    assert len(set(caches)) == 1
    assert len(caches) == 1 + startup.REPEATS
    assert values["latency.start.first.sound"] == 31
    assert values["latency.start.second.sound"] == 34, "median of the later five"
    assert figures[0].parts["prepared"] == 10


def test_a_process_that_fails_says_why(tmp_path):
    with pytest.raises(EngineError, match="does not start"):
        start_once(str(tmp_path / "no-pack"))

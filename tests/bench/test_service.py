from itertools import pairwise

import pytest

from synchresis.bench.options import Options
from synchresis.bench.service import (
    SIZES,
    build_service,
    endless,
    measure_service,
    measure_stages,
    run_service,
    scene_frames,
)
from synchresis.bench.stage_chain import StageChain
from synchresis.engines.motion.parser import MotionParser

STAGES = ["grey", "flow", "motion", "picker", "score", "voice", "overlap_add", "mix"]


@pytest.fixture(scope="module")
def options(tiny_pack):
    return Options(pack=str(tiny_pack.path), quick=True)


def test_frames_go_on_in_time_and_number(options):
    frames = scene_frames(options, SIZES[0], 50)
    shown = endless(frames)
    seen = [next(shown) for _ in range(12)]
    assert [frame.sequence for frame in seen] == list(range(12))
    steps = [b.captured_ns - a.captured_ns for a, b in pairwise(seen)]
    assert min(steps) > 0
    assert seen[10].picture is frames[0].picture


def test_service_is_timed_against_the_frame_interval(options):
    timing = measure_service(options, SIZES[0])
    assert timing.case.deadline_ms == pytest.approx(1000 / 60)
    assert timing.p50 > 0
    assert len(timing.samples_ms) == 200


def test_every_stage_is_timed(options):
    timings = measure_stages(options, SIZES[0])
    assert [timing.case.name.rpartition(".")[2] for timing in timings] == STAGES


def test_the_chain_of_stages_is_the_parser_taken_apart(options, tiny_pack):
    """What the chain's motion stage says must be what the real parser says of the same frames."""
    frames = scene_frames(options, SIZES[0], 120)
    parser = MotionParser(tiny_pack)
    parser.prepare()
    state = parser.initial_state()
    chain = StageChain(tiny_pack, iter(frames))
    steps = dict(chain.steps())
    for frame in frames:
        parser.step(frame, state)
        for stage in STAGES:
            steps[stage]()
    assert state.last_map.max() > 0
    assert chain._maps["map"][0] == pytest.approx(state.last_map, abs=1e-5)


def test_whole_service_answers_a_frame_with_a_hop(options):
    service = build_service(options.pack)
    frame = scene_frames(options, SIZES[0], 10)[0]
    service.playout.push(service.parse(frame))
    assert service.playout.step(service.playout.next_hop).shape == (256, 2)


def test_results_cover_both_sizes_and_the_noise(options):
    results, figures = run_service(options)
    names = {result.metric for result in results}
    for size in ("320x240", "640x480"):
        for stage in ["whole", *STAGES]:
            assert f"latency.service.{size}.{stage}.p99" in names
    assert "latency.service.noise" in names
    assert len(figures) == 3

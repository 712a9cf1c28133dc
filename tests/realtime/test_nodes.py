from collections.abc import Iterator

import numpy as np
import pytest

from synchresis.engines.frame import Frame
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.motion.score_log import ScoreLog
from synchresis.engines.packs import Pack
from synchresis.engines.playout import Playout
from synchresis.engines.teach.silence import hushed
from synchresis.errors import ParameterError
from synchresis.realtime.messages import End, Sighting
from synchresis.realtime.nodes import LockstepSpeaker, ParserNode, run_node

MS = 1_000_000


@pytest.fixture(scope="module")
def parser(tiny_pack: Pack) -> Iterator[MotionParser]:
    parser = MotionParser(tiny_pack)
    parser.prepare()
    yield parser
    parser.close()


def frames(count: int, flashes: set[int], *, first: int = 0) -> list[Frame]:
    return [
        Frame(
            np.full((48, 64, 3), 220 if n in flashes else 30, np.uint8),
            n * 40 * MS,
            n,
            "here",
            "camera 0",
        )
        for n in range(first, first + count)
    ]


def test_parser_node_answers_every_frame_and_passes_the_end_on(parser: MotionParser) -> None:
    node = ParserNode(parser)
    answers = list(run_node(node, [*frames(8, {5}), End(320 * MS)]))
    *sightings, end = answers
    assert end == End(320 * MS)
    assert all(isinstance(s, Sighting) for s in sightings)
    assert [s.gesture.sequence for s in sightings] == list(range(8))
    assert {(s.clock_id, s.camera) for s in sightings} == {("here", "camera 0")}
    assert [len(s.gesture.events) for s in sightings] == [0, 0, 0, 0, 0, 1, 0, 0]
    assert all(s.parse_ns > 0 for s in sightings)
    assert (node.frames, node.events) == (8, 1)
    assert node.fps == pytest.approx(25)


def test_parser_node_has_a_state_of_its_own(parser: MotionParser) -> None:
    first = list(run_node(ParserNode(parser), frames(8, {5})))
    again = list(run_node(ParserNode(parser), frames(8, {5})))
    assert [s.gesture for s in first] == [s.gesture for s in again]


def test_scores_are_kept_while_somebody_asks_and_tell_what_a_bar_would_do(
    parser: MotionParser,
) -> None:
    node, log = ParserNode(parser), ScoreLog(1)
    node.parse(frames(1, set())[0])
    node.keep_scores(log)
    for frame in frames(39, {5, 15, 25, 35}, first=1):
        node.parse(frame)
    node.keep_scores(None)
    node.parse(frames(1, set(), first=40)[0])
    scores = log.rows()[1]
    assert len(scores) == 39
    assert node.events == 4
    assert hushed(log, parser.settings.bar).before == 4
    assert hushed(log, float(scores.max()) + 1e-6).before == 0


def test_view_shows_the_newest_frame(parser: MotionParser) -> None:
    node = ParserNode(parser)
    assert node.view() is None
    shown = frames(6, {5})
    list(run_node(node, shown))
    view = node.view()
    assert view is not None
    assert view.frame is shown[-1]
    assert view.impact > view.threshold == node.threshold
    assert view.map.max() > 0.5
    assert len(view.gesture.events) == 1


def test_sensitivity_changes_what_is_an_event(parser: MotionParser) -> None:
    node = ParserNode(parser)
    node.set_sensitivity(0.01)
    assert not any(s.gesture.events for s in run_node(node, frames(8, {5})))
    node = ParserNode(parser)
    node.set_sensitivity(1.0)
    assert any(s.gesture.events for s in run_node(node, frames(8, {5})))
    with pytest.raises(ParameterError, match="sensitivity=1000"):
        node.set_sensitivity(1000)


def test_lookahead_changes_only_in_silence(parser: MotionParser) -> None:
    node = ParserNode(parser)
    list(run_node(node, frames(6, {5})))
    node.set_lookahead(50 * MS)
    after = [s.gesture.lookahead_ns // MS for s in run_node(node, frames(10, set(), first=6))]
    assert after == [0] * 6 + [50] * 4
    with pytest.raises(ParameterError, match="lookahead 500 ms"):
        node.set_lookahead(500 * MS)


def test_lockstep_speaker_gives_every_hop_once(make_playout: Playout, make_parse) -> None:  # type: ignore[no-untyped-def]
    parse = make_parse()
    shown = frames(10, {5})
    bodies = [Sighting(parse(frame), "here", "camera 0") for frame in shown]
    node = LockstepSpeaker(make_playout())  # type: ignore[operator]
    blocks = [b.copy() for b in run_node(node, [*bodies, End(400 * MS)])]
    assert sum(map(len, blocks)) == 400 * 48
    assert np.abs(np.concatenate(blocks)).max() > 0.1
    assert list(run_node(node, shown)) == []

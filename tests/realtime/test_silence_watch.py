"""Looking, while playing, at what shall not sound."""

from dataclasses import replace

import pytest

from synchresis.engines.motion.picker import PickerSettings, ZoneState
from synchresis.engines.motion.score_log import ScoreLog
from synchresis.realtime.silence_watch import LOOK_S, SilenceWatch
from synchresis.realtime.status import Status

STEP_NS = 40_000_000


class Stage:
    """A session of one zone that is told what its parser scores."""

    def __init__(self, status: Status) -> None:
        self.now = status
        self.log: ScoreLog | None = None
        self.ns = 0

    def status(self) -> Status:
        return self.now

    def keep_scores(self, log: ScoreLog | None) -> None:
        self.log = log

    def set_muted(self, *, muted: bool) -> None:
        self.now = replace(self.now, muted=muted)

    def set_sensitivity(self, sensitivity: float) -> None:
        bar = PickerSettings(0.5, sensitivity).bar
        self.now = replace(self.now, sensitivity=sensitivity, threshold=bar)

    def show(self, seconds: float, *heights: float) -> None:
        """Beats of these heights, half a second apart, then nothing."""
        frames = round(seconds * 1e9 / STEP_NS)
        for n in range(frames):
            beat, at = divmod(n, 13)
            score = heights[beat] if at == 12 and beat < len(heights) else 0.0
            if self.log is not None:
                self.log.add(self.ns, [ZoneState(score=score)])
            self.ns += STEP_NS


@pytest.fixture
def stage(playing: Status) -> Stage:
    return Stage(replace(playing, palettes=("wood",), threshold=0.5, sensitivity=1.0))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def watch(stage: Stage, said: list[str]) -> SilenceWatch:
    return SilenceWatch(stage, said.append)


def test_sensitivity_is_lowered_until_nothing_sounds(
    stage: Stage, watch: SilenceWatch, said: list[str]
) -> None:
    watch.begin()
    assert watch.looking and stage.now.muted
    stage.show(LOOK_S - 1, 0.6, 0.7, 0.4)
    watch.update()
    assert watch.looking and stage.now.sensitivity == 1.0
    stage.show(1.5)
    watch.update()
    assert not watch.looking and not stage.now.muted and stage.log is None
    assert stage.now.threshold == pytest.approx(0.72)
    assert "2 false hits in 15 s; sensitivity 1.00 -> 0.39 leaves 0" in said[-1]
    assert "--sensitivity 0.39" in said[-1]
    watch.update()
    assert len(said) == 2


def test_a_second_look_begins_where_the_first_ended(stage: Stage, watch: SilenceWatch) -> None:
    for heights, bar in (((0.7,), 0.72), ((0.6,), 0.72), ((0.85,), 0.86)):
        watch.begin(5.0)
        stage.show(5.5, *heights)
        watch.update()
        assert stage.now.threshold == pytest.approx(bar)


@pytest.mark.parametrize(
    ("heights", "told"),
    [((0.4,), "0 false hits in 5 s; nothing to change"), ((0.99,), "it moves as hits do")],
)
def test_nothing_is_changed_where_that_would_not_help(
    heights: tuple[float, ...], told: str, stage: Stage, watch: SilenceWatch, said: list[str]
) -> None:
    watch.begin(5.0)
    stage.show(5.5, *heights)
    watch.update()
    assert (stage.now.sensitivity, stage.now.muted, watch.looking) == (1.0, False, False)
    assert told in said[-1]


def test_giving_up_changes_nothing_and_leaves_a_muted_player_muted(
    stage: Stage, watch: SilenceWatch, said: list[str]
) -> None:
    watch.end()
    assert said == []
    stage.set_muted(muted=True)
    watch.begin(5.0)
    stage.show(3.0, 0.7)
    watch.end()
    stage.show(3.0, 0.7)
    watch.update()
    assert (stage.now.sensitivity, stage.now.muted, watch.looking) == (1.0, True, False)
    assert said[-1] == "silence: given up, nothing was changed"


def test_a_camera_that_is_away_is_not_looked_through(stage: Stage, watch: SilenceWatch) -> None:
    watch.begin(5.0)
    stage.show(2.0, 0.7)
    stage.ns += 60_000_000_000
    stage.show(2.0)
    watch.update()
    assert watch.looking
    stage.show(2.0)
    watch.update()
    assert not watch.looking

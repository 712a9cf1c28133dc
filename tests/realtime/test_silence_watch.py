"""Looking, while playing, at what shall not sound."""

from dataclasses import replace

import pytest

from synchresis.engines.motion.picker import SENSITIVITIES, PickerSettings, ZoneState
from synchresis.engines.motion.score_log import ScoreLog
from synchresis.realtime.cli import options
from synchresis.realtime.silence_watch import LOOK_S, READY_S, SilenceWatch, rounded_down
from synchresis.realtime.status import Status

STEP_NS = 40_000_000


class Stage:
    """A session of one zone that is told what its parser scores, and its clock."""

    def __init__(self, status: Status) -> None:
        self.now = status
        self.log: ScoreLog | None = None
        self.ns = 0
        self.muted: list[bool] = []

    def status(self) -> Status:
        return self.now

    def keep_scores(self, log: ScoreLog | None) -> None:
        self.log = log

    def set_muted(self, *, muted: bool) -> None:
        self.muted.append(muted)
        self.now = replace(self.now, muted=muted)

    def set_sensitivity(self, sensitivity: float) -> None:
        bar = PickerSettings(0.5, sensitivity).bar
        self.now = replace(self.now, sensitivity=sensitivity, threshold=bar)

    @property
    def seconds(self) -> float:
        return self.ns / 1e9

    def show(self, watch: SilenceWatch, seconds: float, *heights: float) -> None:
        """Beats of these heights, half a second apart, then nothing."""
        for n in range(round(seconds * 1e9 / STEP_NS)):
            beat, at = divmod(n, 13)
            score = heights[beat] if at == 12 and beat < len(heights) else 0.0
            if self.log is not None:
                self.log.add(self.ns, [ZoneState(score=score)])
            self.ns += STEP_NS
            watch.update()


@pytest.fixture
def stage(playing: Status) -> Stage:
    still = replace(playing, palettes=("wood",), threshold=0.5, sensitivity=1.0, delay_ms=200.0)
    return Stage(still)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def watch(stage: Stage, said: list[str]) -> SilenceWatch:
    return SilenceWatch(stage, said.append, now_s=lambda: stage.seconds)


def look(stage: Stage, watch: SilenceWatch, *heights: float) -> None:
    """One look of 10 s, from key to sound."""
    watch.begin(10.0)
    stage.show(watch, READY_S + 0.1)
    stage.show(watch, 11.0, *heights)
    assert not watch.looking


def test_sensitivity_is_lowered_until_nothing_sounds(
    stage: Stage, watch: SilenceWatch, said: list[str]
) -> None:
    watch.begin()
    assert watch.looking and stage.now.muted
    stage.show(watch, READY_S - 0.2, 0.95)  # the last hit, and the way to the place
    assert stage.log is None
    stage.show(watch, 0.4)
    stage.show(watch, LOOK_S - 1, 0.6, 0.7, 0.4)
    assert stage.log is not None and stage.now.sensitivity == 1.0
    stage.show(watch, 1.0)
    assert stage.log is None
    assert stage.now.sensitivity == 0.38  # .72 needs .389
    assert stage.now.threshold == pytest.approx(0.72, abs=0.01)
    assert "2 false hits in 15 s; sensitivity 1 -> 0.38, which leaves 0" in said[-1]
    assert "--sensitivity 0.38" in said[-1]
    stage.show(watch, 0.5)
    assert stage.muted == [True, False] and not watch.looking and len(said) == 2


def test_what_was_seen_last_is_still_muted_when_it_would_sound(
    stage: Stage, watch: SilenceWatch
) -> None:
    watch.begin(10.0)
    stage.show(watch, READY_S + 0.1)
    while stage.log is not None:
        stage.show(watch, STEP_NS / 1e9)
    stage.show(watch, 0.12)
    assert stage.now.muted
    stage.show(watch, 0.16)
    assert not stage.now.muted


def test_a_second_look_begins_where_the_first_ended(stage: Stage, watch: SilenceWatch) -> None:
    for height, bar in ((0.7, 0.72), (0.6, 0.72), (0.85, 0.87)):
        look(stage, watch, height)
        assert stage.now.threshold == pytest.approx(bar, abs=0.01)


@pytest.mark.parametrize(
    ("height", "told"),
    [
        (0.4, "0 false hits in 10 s, nothing to change"),
        (0.99, "1 false hit in 10 s, and no sensitivity leaves it silent"),
    ],
)
def test_nothing_is_changed_where_that_would_not_help(
    height: float, told: str, stage: Stage, watch: SilenceWatch, said: list[str]
) -> None:
    look(stage, watch, height)
    assert (stage.now.sensitivity, stage.now.muted) == (1.0, False)
    assert told in said[-1]


def test_it_is_said_when_only_plain_hits_are_left(
    stage: Stage, watch: SilenceWatch, said: list[str]
) -> None:
    look(stage, watch, 0.93)
    assert "sensitivity 1 -> 0.063" in said[-2]
    assert "only plain hits are heard now" in said[-1]


def test_giving_up_changes_nothing_and_leaves_a_muted_player_muted(
    stage: Stage, watch: SilenceWatch, said: list[str]
) -> None:
    watch.end()
    assert said == []
    stage.set_muted(muted=True)
    for shown_s in (1.0, 7.0):
        watch.begin(10.0)
        stage.show(watch, shown_s, 0.7)
        watch.end()
        stage.show(watch, 12.0, 0.7)
        assert (stage.now.sensitivity, stage.now.muted, watch.looking) == (1.0, True, False)
        assert stage.log is None
        assert said[-1] == "silence: given up, nothing was changed"


def test_mute_during_a_look_is_for_afterwards_and_beginning_twice_changes_nothing(
    stage: Stage, watch: SilenceWatch
) -> None:
    watch.begin(10.0)
    watch.begin(20.0)
    watch.toggle_mute()
    assert stage.muted == [True]
    stage.show(watch, READY_S + 12.0)
    assert stage.muted == [True, True] and not watch.looking
    watch.begin(10.0)
    watch.toggle_mute()
    stage.show(watch, READY_S + 12.0)
    assert stage.muted[2:] == [True, False]


def test_it_waits_until_it_plays_and_begins_anew_with_another_lookahead(
    stage: Stage, watch: SilenceWatch
) -> None:
    stage.now = replace(stage.now, state="measuring")
    watch.begin(10.0)
    stage.show(watch, 20.0)
    assert stage.log is None
    stage.now = replace(stage.now, state="playing")
    stage.show(watch, READY_S + 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.8)
    stage.now = replace(stage.now, lookahead_ms=50.0)
    stage.show(watch, 9.0)
    assert stage.log is not None and stage.log.seconds < 10
    stage.show(watch, 2.0)
    assert stage.log is None and stage.now.sensitivity == 1.0


def test_a_camera_that_is_away_is_not_looked_through(stage: Stage, watch: SilenceWatch) -> None:
    watch.begin(10.0)
    stage.show(watch, READY_S + 4.0, 0.7)
    stage.ns += 60_000_000_000
    stage.show(watch, 4.0)
    assert stage.log is not None
    stage.show(watch, 4.0)
    assert stage.log is None


def test_the_end_of_a_performance_switches_no_sound_on(
    stage: Stage, watch: SilenceWatch, said: list[str]
) -> None:
    watch.begin(10.0)
    stage.show(watch, 6.0, 0.7)
    watch.close()
    assert stage.muted == [True] and stage.log is None and not watch.looking
    assert "ended before" in said[-1]


@pytest.mark.parametrize(
    ("value", "rounded"), [(0.3889, 0.38), (0.0529, 0.052), (0.1, 0.1), (1.27, 1.2), (12.9, 12.0)]
)
def test_sensitivities_are_rounded_down(value: float, rounded: float) -> None:
    assert rounded_down(value) == rounded


def test_the_command_line_takes_every_sensitivity_that_is_found() -> None:
    assert options.SENSITIVITIES == SENSITIVITIES

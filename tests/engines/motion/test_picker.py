from dataclasses import replace

import numpy as np
import pytest

from synchresis.engines.motion.picker import (
    EventPicker,
    FrameMaps,
    PickerSettings,
    Told,
    best_cells,
    doubted,
    joined_score,
    moment,
    zone_mask,
    zone_share,
)
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError

STEP_NS = 33_000_000


def maps(index: int, cells: dict[tuple[int, int], float], *, when: float = 0.5, step=STEP_NS):
    impact = np.zeros((30, 40), np.float32)
    for place, value in cells.items():
        impact[place] = value
    return FrameMaps(
        impact=impact,
        strength=np.full((30, 40), 0.7, np.float32),
        when=np.full((30, 40), when, np.float32),
        total=max(cells.values(), default=0.0),
        begin_ns=(index - 1) * step,
        end_ns=index * step,
        captured_ns=index * step,
    )


WHOLE = (Zone(),)


def run(values, *, zones=WHOLE, settings=None, place=(10, 20), step=STEP_NS):
    picker = EventPicker(zones, settings or PickerSettings(threshold=0.5))
    state = picker.initial_state()
    row, col = place
    return [
        picker.step(maps(k + 1, {(row, col): v, (row, col + 1): v}, step=step), state)
        for k, v in enumerate(values)
    ]


def frames_of(found):
    return [k for k, events in enumerate(found) if events]


def test_one_hit_gives_one_event_at_the_crossing():
    assert frames_of(run([0.1, 0.3, 0.8, 0.9, 0.7, 0.1, 0.0])) == [2]


def test_a_doubted_hit_must_be_the_surer():
    picker = EventPicker(WHOLE, PickerSettings(threshold=0.5))
    state = picker.initial_state()
    found = [
        picker.step(replace(maps(k + 1, {(3, 4): v, (3, 5): v}), doubt=2.0), state)
        for k, v in enumerate((0.1, 0.8, 0.1, 0.95, 0.1))
    ]
    assert frames_of(found) == [3]
    assert doubted(0.8, 2.0) < 0.5 < doubted(0.95, 2.0)
    assert doubted(0.8, 0.0) == 0.8 and doubted(0.0, 2.0) == 0.0 and doubted(1.0, 2.0) == 1.0


def test_a_plateau_stays_one_event_and_a_fall_opens_for_the_next():
    assert frames_of(run([0.1, 0.9, 0.9, 0.9, 0.9, 0.9])) == [1]
    assert frames_of(run([0.1, 0.9, 0.3, 0.9, 0.2])) == [1, 3]


def test_a_shallow_dip_or_a_rise_is_not_a_new_hit():
    assert frames_of(run([0.1, 0.9, 0.85, 0.9, 0.1])) == [1]
    assert frames_of(run([0.1, 0.6, 0.7, 0.8, 0.9, 0.1])) == [1]


def test_what_falls_is_not_a_new_hit():
    assert frames_of(run([0.05, 0.95, 0.85, 0.80, 0.70, 0.60, 0.10])) == [1]
    assert frames_of(run([0.1, 0.9, 0.7, 0.72, 0.74, 0.7, 0.1])) == [1]  # nor what hardly rises


def test_a_hit_right_after_a_false_one_is_heard_though_the_score_stays_high():
    assert frames_of(run([0.1, 0.6, 0.53, 0.9, 0.1])) == [1, 3]


def test_refractory_time_is_kept():
    assert frames_of(run([0.9, 0.1, 0.9, 0.1, 0.9], step=20_000_000)) == [0, 4]
    assert frames_of(run([0.9, 0.1, 0.9], step=30_000_000)) == [0, 2]


def test_event_carries_time_place_and_strength():
    picker = EventPicker((Zone(),), PickerSettings())
    found = picker.step(maps(3, {(10, 20): 0.9, (10, 21): 0.9}, when=0.25), picker.initial_state())
    (event,) = found
    assert event.t_ns == 2 * STEP_NS + STEP_NS // 4
    assert event.decided_ns == 3 * STEP_NS
    assert event.strength == pytest.approx(0.7)
    assert event.x == pytest.approx(21 / 40, abs=1e-3)
    assert event.y == pytest.approx(10.5 / 30, abs=1e-3)


@pytest.mark.parametrize(
    ("when", "t_ns"),
    [(-0.7, 101), (0.0, 101), (0.25, 125), (1.0, 200), (1.6, 260), (2.0, 300), (9.0, 300)],
)
def test_time_is_never_before_the_interval_and_at_most_one_after(when, t_ns):
    assert moment(100, 200, when) == t_ns


def test_zones_are_independent_and_an_event_counts_in_each_that_holds_it():
    left, right, whole = Zone(0, 0, 0.5, 1), Zone(0.5, 0, 1, 1), Zone()
    found = run([0.1, 0.9], zones=(left, right, whole), place=(10, 5))
    assert [event.zone for event in found[1]] == [0, 2]


def test_sensitivity_moves_the_bar_by_odds():
    assert PickerSettings(threshold=0.5, sensitivity=3.0).bar == pytest.approx(0.25)
    assert frames_of(run([0.1, 0.4])) == []
    assert frames_of(run([0.1, 0.4], settings=PickerSettings(0.5, 3.0))) == [1]


def test_a_zone_of_one_cell_is_heard_in_full():
    tiny = Zone(0.5, 0.5, 0.51, 0.51)
    picker = EventPicker((tiny,), PickerSettings(0.9))
    assert zone_mask(tiny, 30, 40).sum() == 1
    full = {(row, col): 1.0 for row in range(30) for col in range(40)}
    (event,) = picker.step(maps(1, full), picker.initial_state())
    assert (event.x, event.y) == (pytest.approx(0.5, abs=0.02), pytest.approx(0.5, abs=0.02))


def test_score_is_the_whole_pictures_and_two_cells_where_a_pack_says_so():
    one = np.zeros((30, 40), np.float32)
    one[3, 3] = 1.0
    assert best_cells(one) == pytest.approx(0.5) and best_cells(one, 1) == 1.0
    assert joined_score(0.5, 0.3, 1.0) == pytest.approx(0.3)
    assert joined_score(0.5, 1.0, 0.0) == pytest.approx(0.5)
    assert joined_score(0.5, 0.0, 0.5) == joined_score(0.0, 1.0, 0.5) == 0.0
    assert joined_score(0.25, 0.64, 0.5) == pytest.approx(0.4)


def test_a_zone_has_the_pictures_score_by_its_share_of_the_best_cells():
    assert zone_share(0.8, 0.8) == 1.0 and zone_share(0.9, 0.8) == 1.0
    assert zone_share(0.2, 0.8) == pytest.approx(0.5) and zone_share(0.0, 0.0) == 0.0
    left, right = Zone(0, 0, 0.5, 1), Zone(0.5, 0, 1, 1)
    for weaker, zones in ((0.1, [0]), (0.4, [0, 1])):  # a trace, the second of two hits
        picker = EventPicker((left, right), PickerSettings(threshold=0.5))
        cells = {(9, 5): 0.8, (9, 6): 0.8, (9, 35): weaker, (9, 36): weaker}
        found = picker.step(maps(1, cells), picker.initial_state())
        assert sorted(event.zone for event in found) == zones


def test_a_zone_smaller_than_a_cell_still_has_one():
    assert zone_mask(Zone(0.501, 0.501, 0.502, 0.502), 30, 40).sum() == 1


@pytest.mark.parametrize("bad", [{"threshold": 0.0}, {"sensitivity": 0.0}, {"whole": 1.5}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ParameterError, match=next(iter(bad))):
        PickerSettings(**bad)


def foretold(values: list[float], whens: list[float]):
    """Events of frames whose best cells have these values and times."""
    picker, found = EventPicker((Zone(),), PickerSettings()), []
    state = picker.initial_state()
    for index, (value, when) in enumerate(zip(values, whens, strict=True)):
        found.append(picker.step(maps(index, {(9, 9): value, (9, 10): value}, when=when), state))
    return found, picker, state


def test_a_hit_still_to_come_waits_for_the_frame_that_holds_it_and_takes_its_time():
    found, _, _ = foretold([0.1, 0.9, 0.8, 0.9, 0.1], [0.5, 1.2, 0.25, 0.5, 0.5])
    assert [len(events) for events in found] == [0, 0, 1, 0, 0]
    (event,) = found[2]
    assert event.t_ns == STEP_NS + STEP_NS // 4  # frame 2 answers for (1, 2] steps
    assert event.decided_ns == 2 * STEP_NS


def test_a_hit_still_to_come_keeps_its_time_when_the_next_frame_knows_nothing():
    found, _, _ = foretold([0.1, 0.9, 0.1], [0.5, 1.25, 0.9])
    ((event,),) = [events for events in found if events]
    assert event.t_ns == pytest.approx(STEP_NS + STEP_NS // 4, abs=2)
    assert event.decided_ns == 2 * STEP_NS


def test_a_hit_still_to_come_takes_the_next_frames_time_while_that_is_no_less_sure_than_half():
    for score, t_ns in ((0.4, STEP_NS + STEP_NS // 4), (0.2, STEP_NS + STEP_NS // 2)):
        found, _, _ = foretold([0.1, 0.9, score], [0.5, 1.5, 0.25])
        ((event,),) = [events for events in found if events]
        assert event.t_ns == pytest.approx(t_ns, abs=2)


def test_a_hit_still_to_come_is_never_heard_before_its_frame_or_after_it():
    found, _, _ = foretold([0.1, 0.9, 0.1], [0.5, 0.8, 0.9])
    ((event,),) = [events for events in found if events]
    assert event.t_ns == STEP_NS + 1
    found, _, _ = foretold([0.1, 0.9, 0.1], [0.5, 2.0, 0.9])
    ((event,),) = [events for events in found if events]
    assert STEP_NS < event.t_ns <= 2 * STEP_NS


def test_what_was_to_come_is_forgotten_with_a_gap():
    _, picker, state = foretold([0.1, 0.9], [0.5, 1.5])
    picker.quiet(state)
    assert picker.step(maps(2, {(9, 9): 0.1, (9, 10): 0.1}), state) == ()


def test_nothing_waits_where_times_are_fixed():
    picker = EventPicker((Zone(),), PickerSettings(waits=False))
    state = picker.initial_state()
    (event,) = picker.step(maps(1, {(9, 9): 0.9, (9, 10): 0.9}, when=1.0), state)
    assert event.t_ns == event.decided_ns == STEP_NS


def test_times_are_read_as_is_so_and_wait_by_it():
    settings = PickerSettings(times=Told((0.0, 0.5, 1.0, 2.0), (0.0, 0.6, 1.4, 2.0)), foretold=1.1)
    for told, so, waits in ((0.25, 0.3, False), (0.75, 1.0, False), (0.9, 1.24, True)):
        picker = EventPicker((Zone(),), settings)
        state = picker.initial_state()
        given = [maps(k, {(9, 9): v, (9, 10): v}, when=told) for k, v in enumerate((0.1, 0.9, 0.9))]
        found = [picker.step(one, state) for one in given]
        assert [len(events) for events in found] == ([0, 0, 1] if waits else [0, 1, 0])
        (event,) = found[1 + waits]
        assert event.t_ns == pytest.approx((waits + so) * STEP_NS, abs=2)


@pytest.mark.parametrize(
    "table", [((0.0, 1.0), (0.0,)), ((0.0, 1.0), (1.0, 0.5)), ((1.0,), (1.0,))]
)
def test_tables_of_times_that_do_not_rise_are_refused(table):
    with pytest.raises(ParameterError, match="rising"):
        Told(*table)

"""Pairs of frames at the multiples of a time step."""

import json

import pytest
from errors import raises_naming
from hypothesis import given
from hypothesis import strategies as st

from logoformer_hf.timeline.grid import Pair, PairGrid


def pairs_of(times_sec, pair_sec=0.25):
    grid = PairGrid(pair_sec)
    pairs = [pair for index, time_sec in enumerate(times_sec) for pair in grid.push(index, time_sec)]
    return pairs + grid.finish()


def test_a_pair_is_what_is_shown_at_the_grid_time_and_the_frame_after_it():
    times = [number / 30 for number in range(31)]
    assert pairs_of(times) == [Pair(0, 0, 1), Pair(1, 7, 8), Pair(2, 15, 16), Pair(3, 22, 23), Pair(4, 30, 30)]


def test_half_a_millisecond_is_rounding():
    assert pairs_of([0, 0.2504, 0.4, 0.6])[1] == Pair(1, 1, 2)
    assert pairs_of([0, 0.2506, 0.4, 0.6])[1] == Pair(1, 0, 1)


def test_frames_repeat_at_a_low_rate():
    assert pairs_of([0, 0.5, 1.0]) == [Pair(0, 0, 1), Pair(1, 0, 1), Pair(2, 1, 2), Pair(3, 1, 2), Pair(4, 2, 2)]


def test_a_late_start_has_one_pair_before_it_and_a_clock_that_began_long_ago_is_no_work():
    assert pairs_of([0.6, 0.7, 0.8]) == [Pair(2, 0, 1), Pair(3, 1, 2)]
    assert pairs_of([1.8e9, 1.8e9 + 0.3]) == [Pair(7_200_000_000, 0, 1), Pair(7_200_000_001, 0, 1)]


def test_a_single_frame_is_a_pair_with_itself():
    assert pairs_of([0.0]) == [Pair(0, 0, 0)]
    assert pairs_of([]) == []


@pytest.mark.parametrize("hole_sec", [1.5, 3600.0])
def test_a_hole_has_no_pairs_and_no_pair_has_frames_of_both_sides(hole_sec):
    after = int(4 * hole_sec)
    times = [0.0, 0.1, hole_sec + 0.1, hole_sec + 0.2, hole_sec + 0.3]
    assert pairs_of(times) == [Pair(0, 0, 1), Pair(1, 1, 1, is_last=True), Pair(after, 2, 3), Pair(after + 1, 3, 4)]
    on_the_grid = pairs_of([0.0, 0.25, hole_sec + 0.25, hole_sec + 0.3])
    assert on_the_grid == [Pair(0, 0, 1), Pair(1, 1, 1), Pair(after + 1, 2, 3)]
    coarse = pairs_of([0.0, 0.1, hole_sec + 0.1, hole_sec + 0.2], pair_sec=60.0)
    assert [pair.number for pair in coarse if not pair.is_last] == [0, 60][: 1 + (hole_sec > 60)]


@pytest.mark.parametrize("period_sec", [1.0, 2.0, 5.0])
def test_frames_that_are_rare_have_no_holes_between_them(period_sec):
    pairs = pairs_of([number * period_sec for number in range(5)])
    assert [pair.number for pair in pairs] == list(range(int(16 * period_sec) + 1))


def test_times_may_be_negative():
    pairs = pairs_of([-0.6, -0.3, 0.0, 0.3])
    assert pairs == [Pair(-3, 0, 1), Pair(-2, 0, 1), Pair(-1, 1, 2), Pair(0, 2, 3), Pair(1, 2, 3)]


@given(st.lists(st.floats(0.001, 0.9), min_size=1, max_size=60), st.floats(-2, 2), st.sampled_from([0.1, 0.25, 0.4]))
def test_any_times_give_what_the_definition_says(gaps_sec, start_sec, pair_sec):
    times = [start_sec]
    for gap_sec in gaps_sec:
        times.append(times[-1] + gap_sec)
    pairs = pairs_of(times, pair_sec)
    numbers = [pair.number for pair in pairs]
    assert numbers == list(range(numbers[0], numbers[-1] + 1)) if pairs else True
    for pair in pairs:
        shown = [index for index, time_sec in enumerate(times) if time_sec <= pair.number * pair_sec + 0.0005]
        if abs(times[pair.first] - pair.number * pair_sec - 0.0005) > 1e-9:  # not on the very edge
            assert pair.first == max(shown, default=0)
        assert pair.second == min(pair.first + 1, len(times) - 1)
    assert numbers[-1] * pair_sec <= times[-1] + 0.002 < (numbers[-1] + 1) * pair_sec + 0.004


def test_a_saved_state_goes_on():
    times = [0.0, 0.1, 0.33, 0.61, 0.9, 1.7, 9.0, 9.3]
    for until in range(len(times)):
        grid, other = PairGrid(), PairGrid()
        pairs = [pair for index in range(until) for pair in grid.push(index, times[index])]
        other.load_state_dict(json.loads(json.dumps(grid.state_dict())))
        pairs += [pair for index in range(until, len(times)) for pair in other.push(index, times[index])]
        assert pairs + other.finish() == pairs_of(times)


@pytest.mark.parametrize("pair_sec", [0, -1, 1e-12, 0.008, 60.1, 1e9, float("nan"), float("inf")])
def test_a_step_is_neither_so_short_that_pairs_outnumber_frames_nor_endless(pair_sec):
    with raises_naming(ValueError, "pair_sec", pair_sec):
        PairGrid(pair_sec)

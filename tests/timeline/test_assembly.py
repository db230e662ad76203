"""From pairs to windows: which pairs, which faces, in which order."""

from logoformer_hf.timeline.assembly import WindowAssembly
from logoformer_hf.timeline.pairs import FaceView, SeenFrame, SeenPair

BOX = (0.0, 0.0, 9.0, 9.0)


def pair(number, *track_ids, first=None, ended=(), bad=()):
    """A pair at `number`, with these tracks in both frames, or others in the first; those of `bad` are not usable."""

    def frame(index, ids, ended):
        faces = {
            each: FaceView(index, index / 8, BOX, 0.1 if each in bad else 0.8, None if each in bad else object())
            for each in ids
        }
        return SeenFrame(index, index / 8, faces, ended)

    first = track_ids if first is None else first
    return SeenPair(number, frame(2 * number, first, ended), frame(2 * number + 1, track_ids, ()))


def run(pairs, num_pairs=3):
    assembly = WindowAssembly(num_pairs)
    given = [assembly.add(each) for each in pairs]
    return [*given, assembly.finish()]


def spans(plans):
    return [(plan.track_id, plan.pairs[0].number, plan.number, plan.is_short) for plan in plans]


def test_a_window_with_every_pair_from_the_third_on():
    given = run(pair(number, 1) for number in range(5))
    assert [spans(each) for each in given] == [[], [], [(1, 0, 2, False)], [(1, 1, 3, False)], [(1, 2, 4, False)], []]
    plan = given[2][0]
    assert (plan.pairs[0].start_sec, plan.pairs[-1].end_sec) == (0.0, 5 / 8)
    assert [face.frame for face in plan.usable] == [0, 1, 2, 3, 4, 5]


def test_a_short_track_has_one_window():
    given = run([pair(0, 1), pair(1, 1), pair(2, ended=(1,)), pair(3)])
    assert [spans(each) for each in given] == [[], [], [(1, 0, 1, True)], [], []]
    assert spans(run([pair(0, 1)])[-1]) == [(1, 0, 0, True)]


def test_a_long_track_has_no_short_window_at_its_end():
    assert spans(run([*(pair(number, 1) for number in range(3)), pair(3, ended=(1,))])[-1]) == []


def test_pairs_without_the_face_count_when_it_comes_back_and_not_when_it_does_not():
    given = run([pair(0, 1), pair(1, 1), pair(2), pair(3, 1), pair(4), pair(5, ended=(1,))])
    assert [spans(each) for each in given] == [[], [], [], [(1, 0, 2, False), (1, 1, 3, False)], [], [], []]
    assert [len(plan.usable) for plan in given[3]] == [4, 4] and given[3][0].quality == 0.8 * 4 / 6


def test_windows_come_in_the_order_of_their_end_over_tracks():
    pairs = [*(pair(number, 1, 2) for number in range(4)), pair(4, 1), pair(5, 1), pair(6, 1, 2), pair(7, 1, 2)]
    given = [plan for each in run(pairs) for plan in each]
    assert [plan.number for plan in given] == sorted(plan.number for plan in given)
    assert [plan.number for plan in given if plan.track_id == 2] == [2, 3, 4, 5, 6, 7]
    assert [plan.number for plan in given if plan.track_id == 1] == [2, 3, 4, 5, 6, 7]


def test_fewer_than_half_usable_frames_are_none():
    plans = run([pair(0, 1), pair(1, 1, bad=(1,)), pair(2, 1, bad=(1,)), pair(3, 1)])
    assert [len(plan.usable) for each in plans for plan in each] == [0, 0]
    plans = run([pair(0, 1), pair(1, 1, bad=(1,), first=()), pair(2, 1), pair(3, ended=(1,))], num_pairs=4)
    assert [len(plan.usable) for each in plans for plan in each] == [4]


def test_the_box_is_that_of_the_middle_usable_face():
    pairs = [pair(0, 1), pair(1, 1), pair(2, 1, bad=(1,))]
    for number, each in enumerate(pairs):
        for frame in (each.first, each.second):
            frame.faces[1].box = (float(number), float(frame.index), 1.0, 1.0)
    assert run(pairs)[2][0].box == (1.0, 2.0, 1.0, 1.0)
    pairs = [pair(number, 1, bad=(1,)) for number in range(3)]
    assert run(pairs)[2][0].box == BOX


def test_a_hole_in_the_grid_begins_anew():
    given = run([pair(0, 1), pair(1, 1), pair(40, 1), pair(41, 1), pair(42, 1)])
    assert [spans(each) for each in given if each] == [[(1, 0, 1, True)], [(1, 40, 42, False)]]


def test_a_cut_inside_a_pair_ends_one_track_and_begins_another():
    cut = pair(1, 2, first=(1,))
    cut.second.ended = (1,)
    given = run([pair(0, 1), cut, pair(2, 2)])
    assert [spans(each) for each in given] == [[], [(1, 0, 1, True)], [], [(2, 1, 2, True)]]
    assert [len(plan.usable) for each in given for plan in each] == [3, 3]

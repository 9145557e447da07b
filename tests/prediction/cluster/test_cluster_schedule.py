"""Whoever comes and goes, every block is done once and every scene is finished once."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointillist.prediction.cluster import Group, Schedule
from pointillist.prediction.cluster.schedule import MOST_LOSSES, N_IN_FLIGHT


def _join(schedule: Schedule, n: int) -> list[str]:
    names = [f"w{i}" for i in range(n)]
    for name in names:
        schedule.join(name)
    return names


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(1, 5), st.integers(0, 999))
def test_all_is_done_once_whoever_vanishes(sizes, n_workers, seed) -> None:
    rng = random.Random(seed)
    schedule = Schedule([(i, range(n)) for i, n in enumerate(sizes)], sum(sizes), largest=5)
    workers = _join(schedule, n_workers)
    done: list[tuple[int, int]] = []
    finished: list[int] = []
    out: dict[str, list[Group]] = {name: [] for name in workers}
    n_lost = 0
    while not schedule.is_done:
        worker = rng.choice(list(out))
        if (group := schedule.next_for(worker)) is not None:
            out[worker].append(group)
            if group.is_finishing:
                assert {b for s, b in done if s == group.scene} == set(range(sizes[group.scene]))
        elif out[worker] and rng.random() < 0.15 and n_lost < 20:
            n_lost += 1
            began = [(g.scene, b) for g in out.pop(worker) for b in g.blocks]
            kept = {block for block in began if rng.random() < 0.5}
            done += sorted(kept)
            schedule.lose(worker, lambda scene, block, kept=kept: (scene, block) in kept)
            schedule.join(f"again{n_lost}")
            out[f"again{n_lost}"] = []
        elif out[worker]:
            group = out[worker].pop(rng.randrange(len(out[worker])))
            done += [(group.scene, b) for b in group.blocks]
            finished += [group.scene] if group.is_finishing else []
            schedule.done(worker, group)
    assert sorted(done) == [(i, b) for i, n in enumerate(sizes) for b in range(n)]
    assert sorted(finished) == list(range(len(sizes)))


def test_scenes_are_opened_when_they_are_needed() -> None:
    opened = []

    def scenes():
        for i in range(10):
            opened.append(i)
            yield i, [0, 1]

    schedule = Schedule(scenes(), 20, largest=2)
    (worker,) = _join(schedule, 1)
    assert schedule.next_for(worker) == Group(0, (0, 1))
    assert opened == [0]
    assert not schedule.is_done


def test_groups_become_smaller_towards_the_end() -> None:
    schedule = Schedule([(0, range(100))], 100)
    first, second = _join(schedule, 2)
    sizes = []
    while (group := schedule.next_for(first) or schedule.next_for(second)) is not None:
        if group.is_finishing:
            break
        sizes.append(len(group.blocks))
        for worker in (first, second):
            for held in list(schedule._out[worker]):
                schedule.done(worker, held)
    assert sizes[0] == 12
    assert sizes[-1] == 1
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == 100


def test_a_worker_has_no_more_than_it_can_begin_with() -> None:
    schedule = Schedule([(0, range(100))], 100)
    first, second = _join(schedule, 2)
    assert sum(schedule.next_for(first) is not None for _ in range(5)) == N_IN_FLIGHT
    assert schedule.next_for(second) is not None


@pytest.mark.parametrize("kept", [True, False])
def test_what_loses_all_its_workers_is_named(kept) -> None:
    schedule = Schedule([(0, [0])], 1)
    n_times = MOST_LOSSES + kept  # once the block is kept: then its scene is to be finished
    for i in range(n_times):
        schedule.join(f"w{i}")
        group = schedule.next_for(f"w{i}")
        assert group is not None
        cursed = schedule.lose(f"w{i}", lambda scene, block: kept)
        assert cursed == ([group] if i == n_times - 1 else [])


def test_losses_of_a_scene_that_is_finished_meanwhile_do_not_begin_it_again() -> None:
    schedule = Schedule([(0, [0, 1])], 2, largest=1)
    first, second = _join(schedule, 2)
    one, two = schedule.next_for(first), schedule.next_for(second)
    assert one is not None
    assert two is not None
    schedule.done(first, one)
    assert schedule.lose(second, lambda scene, block: True) == []
    assert schedule.next_for(first) == Group(0)
    schedule.done(first, Group(0))
    assert schedule.next_for(first) is None
    assert schedule.is_done

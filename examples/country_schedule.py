"""How long a country takes, and what it costs: its schedule played through, with failures.

The schedule is the one that `predict --scheduler` uses. Workers compute groups of blocks in times
that scatter around the measured rate; some are slow for the whole run (a noisy neighbour, a
throttled CPU), and any may die, whose unfinished blocks others do. The last block of a scene done,
one worker assembles its file. Rates are those that `benchmarks/cluster_scale.py` has recorded.

    python examples/country_schedule.py --area-km2 357000 --workers 20 100 --figure schedule.png
"""

from __future__ import annotations

import argparse
import heapq
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from pointillist.prediction.cluster import Group, Schedule
from pointillist.prediction.cluster.schedule import LARGEST_GROUP

RECORDS = Path(__file__).resolve().parents[1] / "benchmarks" / "records" / "cluster_scale.jsonl"


@dataclass(frozen=True)
class Rates:
    """What was measured.

    Args:
        mpx_per_cpu_s: Megapixels that a core maps per second, reading and writing included.
        assembled_mpx_per_cpu_s: Megapixels of finished blocks made a file per second by one core.
        directing_s_per_group: Time of the process that directs for a group of blocks.
        bytes_in_per_px: Bytes of a pixel of a scene, as stored.
        bytes_out_per_px: Bytes of a pixel of a map, as stored.
    """

    mpx_per_cpu_s: float
    assembled_mpx_per_cpu_s: float
    directing_s_per_group: float
    bytes_in_per_px: float
    bytes_out_per_px: float

    @classmethod
    def read(cls, path: Path = RECORDS) -> Rates:
        """The last record."""
        last = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
        return cls(**{name: last[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Job:
    """A map to be made.

    Args:
        area_km2: Area.
        pixel_m: Side of a pixel.
        scene_px: Side of a scene; 0 for all in one.
        block_px: Side of a block.
    """

    area_km2: float = 41_285.0
    pixel_m: float = 0.5
    scene_px: int = 10_000
    block_px: int = 1024

    @property
    def megapixels(self) -> float:
        """Of the whole map."""
        return self.area_km2 / self.pixel_m**2

    @property
    def n_scenes(self) -> int:
        """Scenes of the whole area."""
        return max(1, round(self.megapixels * 1e6 / self.scene_px**2)) if self.scene_px else 1

    @property
    def blocks_per_scene(self) -> int:
        """Blocks of each."""
        return int(np.ceil(self.megapixels * 1e6 / self.n_scenes / self.block_px**2))


@dataclass(frozen=True)
class Fleet:
    """Who makes it.

    Args:
        workers: Number of workers.
        cores: Of each.
        scatter: Standard deviation of the logarithm of a block's time.
        slow_share: Share of the workers that are slow for the whole run.
        slow_factor: How much slower.
        hours_between_deaths: Of one worker, on average; 0 for never.
        notice_s: Until a death is noticed.
        restart_s: Until another worker is there instead, its model loaded.
        storage_mb_per_s: What the storage delivers to all workers together.
    """

    workers: int = 20
    cores: int = 4
    scatter: float = 0.15
    slow_share: float = 0.05
    slow_factor: float = 3.0
    hours_between_deaths: float = 24.0
    notice_s: float = 10.0
    restart_s: float = 120.0
    storage_mb_per_s: float = 1000.0


SEEDS = (0, 1, 2)
HEADER = (
    "| workers | hours | computing | deaths | blocks redone | cost per 1000 km² "
    "| hours as one scene | of these, assembling |",
    "|--:|--:|--:|--:|--:|--:|--:|--:|",
)
CALM = {"scatter": 0.0, "slow_share": 0.0, "hours_between_deaths": 0.0}


@dataclass
class Outcome:
    """What came of it.

    Args:
        hours: Until the last file.
        useful: Share of the workers' time in which they computed blocks that count.
        deaths: Workers that died.
        redone: Blocks that were begun and lost.
        tail_hours: From the last block to the last file.
        spans: What each worker did: number, what, from, to (s).
    """

    hours: float = 0.0
    useful: float = 0.0
    deaths: int = 0
    redone: int = 0
    tail_hours: float = 0.0
    spans: list[tuple[int, str, float, float]] = field(default_factory=list)


class Play:
    """One run, played through event by event.

    Args:
        job: The map.
        fleet: The workers.
        rates: What was measured.
        seed: Of scatter, slowness and deaths.
    """

    def __init__(self, job: Job, fleet: Fleet, rates: Rates, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._fleet, self._rates, self._job = fleet, rates, job
        per_scene = range(job.blocks_per_scene)
        total = job.n_scenes * job.blocks_per_scene
        self._schedule = Schedule(((i, per_scene) for i in range(job.n_scenes)), total)
        block_mpx = job.block_px**2 / 1e6
        own_s = block_mpx / (rates.mpx_per_cpu_s * fleet.cores)
        moved = block_mpx * (rates.bytes_in_per_px + rates.bytes_out_per_px)
        # when all read at once, storage sets the pace
        self.block_s = max(own_s, moved * fleet.workers / fleet.storage_mb_per_s)
        self.assemble_s = job.megapixels / job.n_scenes / rates.assembled_mpx_per_cpu_s
        self._slow = self._rng.random(fleet.workers) < fleet.slow_share
        self._waiting: dict[str, list[Group]] = {}
        self._idle: set[str] = set()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._n_events = 0
        self._director_free = 0.0
        self._kept: set[tuple[int, int]] = set()
        self._computed_s = self._last_block = 0.0
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Play until all is done."""
        for number in range(self._fleet.workers):
            self._join(number, 0)(0.0)
        now = 0.0
        while not self._schedule.is_done:
            now, _, event = heapq.heappop(self._events)
            event(now)
            self._wake(now)
        done = self.outcome
        done.hours = now / 3600
        done.tail_hours = (now - self._last_block) / 3600
        done.useful = self._computed_s / (now * self._fleet.workers)
        return done

    def _at(self, when: float, event: Callable[[float], None]) -> None:
        self._n_events += 1  # of two at one time, the first planned comes first
        heapq.heappush(self._events, (when, self._n_events, event))

    def _join(self, number: int, life: int) -> Callable[[float], None]:
        def event(now: float) -> None:
            name = f"{number}.{life}"
            self._schedule.join(name)
            self._waiting[name] = []
            self._idle.add(name)
            self._wake(now)

        return event

    def _wake(self, now: float) -> None:
        """Hand out, and let who waits for work begin."""
        for name in sorted(self._idle, key=lambda n: int(n.split(".")[0])):
            self._fill(name)
            if self._waiting[name]:
                self._idle.discard(name)
                self._begin(name, now)

    def _fill(self, name: str) -> None:
        while (group := self._schedule.next_for(name)) is not None:
            self._waiting[name].append(group)

    def _begin(self, name: str, now: float) -> None:
        """Begin the first group; the one who directs sends one at a time."""
        group = self._waiting[name][0]
        number, life = (int(part) for part in name.split("."))
        self._director_free = max(now, self._director_free) + self._rates.directing_s_per_group
        start = max(now, self._director_free)
        slower = self._fleet.slow_factor if self._slow[number] else 1.0
        if group.is_finishing:
            ends = start + np.array([self.assemble_s * slower])
        else:
            scatter = np.exp(self._rng.normal(0.0, self._fleet.scatter, len(group.blocks)))
            ends = start + np.cumsum(self.block_s * slower * scatter)
        mean_s = self._fleet.hours_between_deaths * 3600
        dies = start + self._rng.exponential(mean_s) if mean_s else np.inf
        what = "assembling" if group.is_finishing else "computing"
        self.outcome.spans.append((number, what, start, min(float(ends[-1]), dies)))
        if dies < ends[-1]:
            self._at(dies, self._death(name, number, life, group, ends, start))
        else:
            self._at(float(ends[-1]), self._end(name, group, start))

    def _end(self, name: str, group: Group, start: float) -> Callable[[float], None]:
        def event(now: float) -> None:
            self._waiting[name].pop(0)
            if not group.is_finishing:
                self._computed_s += now - start
                self._last_block = max(self._last_block, now)
            self._schedule.done(name, group)
            if self._waiting[name]:
                self._begin(name, now)
                self._fill(name)
            else:
                self._idle.add(name)

        return event

    def _death(
        self, name: str, number: int, life: int, group: Group, ends: np.ndarray, start: float
    ) -> Callable[[float], None]:
        def noticed(now: float) -> None:
            self._schedule.lose(name, lambda scene, block: (scene, block) in self._kept)

        def event(now: float) -> None:
            n_kept = int((ends <= now).sum()) if group.blocks else 0
            self._kept.update((group.scene, block) for block in group.blocks[:n_kept])
            if n_kept:
                self._computed_s += float(ends[n_kept - 1]) - start
            self.outcome.deaths += 1
            self.outcome.redone += bool(group.blocks)
            self.outcome.spans.append((number, "dead", now, now + self._fleet.restart_s))
            self._at(now + self._fleet.notice_s, noticed)
            later = max(self._fleet.restart_s, self._fleet.notice_s)
            self._at(now + later, self._join(number, life + 1))

        return event


def simulate(job: Job, fleet: Fleet, rates: Rates, seed: int = 0) -> Outcome:
    """Play one run through."""
    return Play(job, fleet, rates, seed).run()


def middle(job: Job, fleet: Fleet, rates: Rates) -> Outcome:
    """The run of middle length among `SEEDS`."""
    runs = sorted((simulate(job, fleet, rates, seed) for seed in SEEDS), key=lambda run: run.hours)
    return runs[len(runs) // 2]


def row(job: Job, n_workers: int, rates: Rates, core_hour: float) -> str:
    """A row of a table in Markdown: scenes of the job's size, and all in one."""
    fleet = Fleet(n_workers)
    many, one = middle(job, fleet, rates), middle(replace(job, scene_px=0), fleet, rates)
    cost = many.hours * n_workers * fleet.cores * core_hour / (job.area_km2 / 1000)
    return (
        f"| {n_workers:,} | {many.hours:.3g} | {many.useful:.0%} | {many.deaths} | {many.redone} "
        f"| {cost:.2f} | {one.hours:.3g} | {one.tail_hours:.3g} |"
    )


def limits(job: Job, rates: Rates) -> list[str]:
    """How many workers it takes until something else than computing sets the pace."""
    fleet = Fleet()
    rate = rates.mpx_per_cpu_s * fleet.cores
    block_s = job.block_px**2 / 1e6 / rate
    moved = rate * (rates.bytes_in_per_px + rates.bytes_out_per_px)
    return [
        f"directing: {LARGEST_GROUP * block_s / rates.directing_s_per_group:,.0f} workers "
        f"({rates.directing_s_per_group:g} s for a group of up to {LARGEST_GROUP} blocks)",
        f"storage of {fleet.storage_mb_per_s:,.0f} MB/s: {fleet.storage_mb_per_s / moved:,.0f} "
        f"workers ({moved:.2g} MB/s each)",
        f"assembling: {rates.mpx_per_cpu_s / rates.assembled_mpx_per_cpu_s:.1%} of the time of "
        f"computing, one core per scene; all in one scene "
        f"{job.megapixels / rates.assembled_mpx_per_cpu_s / 3600:.3g} hours, whoever helps",
    ]


def draw(job: Job, rates: Rates, path: Path) -> None:
    """Hours by workers, and what twelve workers do in an hour with slow and dying ones."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    counts = [5, 20, 100, 400, 1000]
    for label, one, style in (
        (f"{job.n_scenes:,} scenes", job, "o-"),
        ("one scene", replace(job, scene_px=0), "s-"),
    ):
        hours = [middle(one, Fleet(n), rates).hours for n in counts]
        left.loglog(counts, hours, style, label=label)
    calm = Play(job, Fleet(1, **CALM), rates)
    total_h = job.n_scenes * (job.blocks_per_scene * calm.block_s + calm.assemble_s) / 3600
    left.loglog(counts, [total_h / n for n in counts], "k:", label="if nothing ever waited")
    left.set(xlabel="workers of 4 cores", ylabel="hours", title=f"{job.area_km2:,.0f} km² at 0.5 m")
    left.legend(frameon=False)
    small = replace(job, area_km2=2400.0)
    fleet = Fleet(12, slow_share=0.1, hours_between_deaths=4.0, restart_s=300.0)
    played = simulate(small, fleet, rates, seed=3)
    colors = {"computing": "#4477aa", "assembling": "#ccbb44", "dead": "#ee6677"}
    for what, color in colors.items():
        spans = [(n, a, b) for n, kind, a, b in played.spans if kind == what]
        right.barh(
            [n for n, _, _ in spans], [(b - a) / 60 for _, a, b in spans],
            left=[a / 60 for _, a, _ in spans], color=color, label=what, height=0.8,
            edgecolor="white", linewidth=0.2,
        )  # fmt: skip
    right.set(xlabel="minutes", ylabel="worker", title="2,400 km²: slow, dying and new workers")
    right.legend(frameon=False, loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.15))
    figure.savefig(path, dpi=100)


def main() -> None:
    """Print a table, and draw it where asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--area-km2", type=float, default=Job.area_km2)
    parser.add_argument("--pixel", type=float, default=Job.pixel_m, help="side in metres")
    parser.add_argument("--scene", type=int, default=Job.scene_px, help="side of a scene in pixels")
    parser.add_argument("--workers", type=int, nargs="+", default=[20, 100, 400, 1000])
    parser.add_argument("--rate", type=float, help="megapixels per second of one core")
    parser.add_argument("--core-hour", type=float, default=0.05, help="price of a core for an hour")
    parser.add_argument("--figure", type=Path, help="also draw it, .svg or .png")
    args = parser.parse_args()
    rates = Rates.read()
    if args.rate is not None:
        rates = replace(rates, mpx_per_cpu_s=args.rate)
    job = Job(args.area_km2, args.pixel, args.scene)
    print(
        f"{job.area_km2:,.0f} km² at {job.pixel_m} m: {job.megapixels / 1e3:,.1f} billion pixels, "
        f"{job.n_scenes:,} scenes of {job.blocks_per_scene} blocks; {rates.mpx_per_cpu_s:g} "
        "megapixels per second and core"
    )
    print("\n".join(f"- {line}" for line in limits(job, rates)))
    print(*HEADER, sep="\n")
    for n_workers in args.workers:
        print(row(job, n_workers, rates, args.core_hour))
    if args.figure is not None:
        draw(job, rates, args.figure)
        print(f"Picture: {args.figure}")


if __name__ == "__main__":
    main()

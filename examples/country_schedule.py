"""How long a country takes: a simulation of its blocks on many workers, with slow and dying ones.

Each block is a task. A worker takes the next one, needs a time that scatters around the measured
rate, and may die, in which case its block goes back to the queue. Some workers are slow for the
whole run (a noisy neighbour, a throttled CPU). At the end, idle workers may start copies of the
blocks that are still running; the copy that is ready first counts.

    python examples/country_schedule.py --area-km2 357000 --workers 20
"""

from __future__ import annotations

import argparse
import heapq
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Job:
    """A map to be made.

    Args:
        area_km2: Area.
        pixel_m: Side of a pixel.
        block_px: Side of a block.
        halo_px: Margin that is read and computed around it.
        bytes_in: Bytes read per pixel, as stored.
        bytes_out: Bytes written per pixel, as stored.
    """

    area_km2: float = 41_285.0
    pixel_m: float = 0.5
    block_px: int = 4096
    halo_px: int = 64
    bytes_in: float = 1.5
    bytes_out: float = 0.1

    @property
    def n_blocks(self) -> int:
        """Blocks of the whole area."""
        return int(np.ceil(self.area_km2 * 1e6 / (self.block_px * self.pixel_m) ** 2))

    @property
    def pixels(self) -> float:
        """Pixels of the map."""
        return self.area_km2 * 1e6 / self.pixel_m**2

    @property
    def block_pixels(self) -> float:
        """Pixels computed for one block, its halo included."""
        return float((self.block_px + 2 * self.halo_px) ** 2)


@dataclass(frozen=True)
class Fleet:
    """Who makes it.

    Args:
        workers: Number of workers.
        megapixels_per_s: What a worker computes, the halo included.
        scatter: Standard deviation of the logarithm of a block's time.
        slow_share: Share of the workers that are slow for the whole run.
        slow_factor: How much slower.
        hours_between_deaths: Of one worker, on average; 0 for never.
        restart_s: Until a dead worker is back, its model loaded.
        storage_mb_per_s: What the storage delivers to all workers together.
        copies: Start copies of running blocks when none is left to start.
    """

    workers: int = 20
    megapixels_per_s: float = 2.0
    scatter: float = 0.15
    slow_share: float = 0.05
    slow_factor: float = 3.0
    hours_between_deaths: float = 24.0
    restart_s: float = 120.0
    storage_mb_per_s: float = 1000.0
    copies: bool = True


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Args:
        hours: Until the last block.
        useful: Share of the workers' time that went into blocks that count.
        redone: Blocks that a dead worker lost.
        copied: Blocks that were started twice.
    """

    hours: float
    useful: float
    redone: int
    copied: int


def simulate(job: Job, fleet: Fleet, seed: int = 0) -> Outcome:
    """Play one run through, event by event."""
    rng = np.random.default_rng(seed)
    needs_mb = (job.bytes_in + job.bytes_out) * job.block_pixels / 1e6
    own_s = job.block_pixels / 1e6 / fleet.megapixels_per_s
    # when all read at once, storage sets the pace
    shared_s = needs_mb * fleet.workers / fleet.storage_mb_per_s
    usual_s = max(own_s, shared_s)
    slow = rng.random(fleet.workers) < fleet.slow_share
    queue = list(range(job.n_blocks))
    running: dict[int, float] = {}
    done: set[int] = set()
    events: list[tuple[float, int, int, bool]] = []
    useful_s, redone, copied, now = 0.0, 0, 0, 0.0

    def start(worker: int, at: float) -> bool:
        nonlocal copied
        if queue:
            block = queue.pop()
        elif fleet.copies and running:
            block = min(running, key=lambda b: running[b])
            running.pop(block)  # one copy is enough
            copied += 1
        else:
            return False
        took = usual_s * float(np.exp(rng.normal(0.0, fleet.scatter)))
        took *= fleet.slow_factor if slow[worker] else 1.0
        mean_s = fleet.hours_between_deaths * 3600
        dies = rng.exponential(mean_s) if mean_s else np.inf
        running.setdefault(block, at)
        if dies < took:
            heapq.heappush(events, (at + dies, worker, block, False))
        else:
            heapq.heappush(events, (at + took, worker, block, True))
        return True

    for worker in range(fleet.workers):
        start(worker, 0.0)
    while len(done) < job.n_blocks:
        now, worker, block, finished = heapq.heappop(events)
        running.pop(block, None)
        if finished and block not in done:
            done.add(block)
            useful_s += usual_s
        elif not finished and block not in done:
            queue.append(block)
            redone += 1
        if not start(worker, now if finished else now + fleet.restart_s):
            continue
    return Outcome(now / 3600, useful_s / (now * fleet.workers), redone, copied)


def main() -> None:
    """Print a table: with and without copies, and where storage begins to hold workers up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--area-km2", type=float, default=Job.area_km2)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 20, 100, 400])
    parser.add_argument("--rate", type=float, default=Fleet.megapixels_per_s)
    parser.add_argument("--hourly-cost", type=float, default=0.1, help="of one worker")
    args = parser.parse_args()
    job = Job(area_km2=args.area_km2)
    print(
        f"{job.area_km2:,.0f} km² at {job.pixel_m} m: {job.pixels / 1e9:,.0f} billion pixels, "
        f"{job.n_blocks:,} blocks of {job.block_px} px"
    )
    print("workers   hours  useful  redone  copied  hours without copies  cost per 1000 km²")
    for n in args.workers:
        fleet = Fleet(n, args.rate)
        with_copies = simulate(job, fleet)
        without = simulate(job, Fleet(n, args.rate, copies=False))
        cost = with_copies.hours * n * args.hourly_cost / (job.area_km2 / 1000)
        print(
            f"{n:7d} {with_copies.hours:7.2f} {with_copies.useful:7.0%} {with_copies.redone:7d} "
            f"{with_copies.copied:7d} {without.hours:21.2f} {cost:18.2f}"
        )


if __name__ == "__main__":
    main()

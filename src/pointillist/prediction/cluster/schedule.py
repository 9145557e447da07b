"""Which worker of a cluster does what next. Nothing is sent here: simulations use it as well."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

# A worker has its next group at hand when it ends one.
N_IN_FLIGHT = 2
# Of a long scene so many blocks go to a worker at once; towards the end fewer and fewer, so that
# nobody waits long for the last one.
LARGEST_GROUP = 16
# A group whose workers vanish so often is likely to be the reason.
MOST_LOSSES = 3


@dataclass(frozen=True)
class Group:
    """What a worker is given at once.

    Args:
        scene: Number of the scene.
        blocks: Indices of its blocks; none: its results are to be written.
    """

    scene: int
    blocks: tuple[int, ...] = ()

    @property
    def is_finishing(self) -> bool:
        """Whether the results of the scene are to be written."""
        return not self.blocks


class Schedule:
    """Hands out blocks of scenes, and what is lost once more. Scenes are asked for when needed.

    Args:
        scenes: Number of each scene and its missing blocks, in order.
        n_blocks: Blocks there are, about; decides how large the first groups are.
        largest: Blocks handed out at once at most.
    """

    def __init__(
        self,
        scenes: Iterable[tuple[int, Sequence[int]]],
        n_blocks: int,
        largest: int = LARGEST_GROUP,
    ) -> None:
        self._scenes: Iterator[tuple[int, Sequence[int]]] = iter(scenes)
        self._n_left, self._largest = n_blocks, largest
        self._again: deque[Group] = deque()
        self._scene = -1
        self._missing: deque[int] = deque()
        self._is_open = True
        self._n_open: Counter[int] = Counter()
        self._out: dict[str, list[Group]] = {}
        self._losses: Counter[Group] = Counter()

    @property
    def is_done(self) -> bool:
        """Whether all scenes are finished."""
        nothing_out = not any(self._out.values())
        return not self._is_open and not self._again and not self._missing and nothing_out

    @property
    def workers(self) -> list[str]:
        """Who takes part."""
        return list(self._out)

    def join(self, worker: str) -> None:
        """A worker takes part from now on."""
        self._out.setdefault(worker, [])

    def next_for(self, worker: str) -> Group | None:
        """What a worker is to do next; None where it has enough or nothing is left."""
        if len(self._out[worker]) >= N_IN_FLIGHT:
            return None
        group = self._again.popleft() if self._again else self._cut()
        if group is not None:
            self._out[worker].append(group)
        return group

    def _cut(self) -> Group | None:
        while not self._missing:
            following = next(self._scenes, None)
            if following is None:
                self._is_open = False
                return None
            self._scene, missing = following[0], deque(following[1])
            if not missing:
                return Group(self._scene)
            self._missing, self._n_open[self._scene] = missing, len(missing)
        fair = self._n_left // (2 * N_IN_FLIGHT * max(1, len(self._out)))
        n = max(1, min(self._largest, fair, len(self._missing)))
        self._n_left -= n
        return Group(self._scene, tuple(self._missing.popleft() for _ in range(n)))

    def done(self, worker: str, group: Group) -> None:
        """A worker has finished a group; a scene whose last it was is to be written."""
        self._out[worker].remove(group)
        self._count(group, len(group.blocks))

    def _count(self, group: Group, n: int) -> None:
        self._n_open[group.scene] -= n
        if n and not self._n_open[group.scene]:
            self._again.appendleft(Group(group.scene))

    def lose(self, worker: str, is_kept: Callable[[int, int], bool]) -> list[Group]:
        """A worker has vanished: what it had not finished is done by others.

        Args:
            worker: Which.
            is_kept: Whether a block (scene, index) was finished.

        Returns:
            Groups that have been lost too often.
        """
        cursed = []
        for group in self._out.pop(worker, []):
            left = Group(group.scene, tuple(b for b in group.blocks if not is_kept(group.scene, b)))
            if group.blocks:
                self._count(group, len(group.blocks) - len(left.blocks))
            if left.blocks or group.is_finishing:
                self._again.appendleft(left)
                self._losses[left] = self._losses[group] + 1
                if self._losses[left] >= MOST_LOSSES:
                    cursed.append(left)
        return cursed

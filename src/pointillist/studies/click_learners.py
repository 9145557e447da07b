"""Who learns between two rounds of clicks: a forest whose features are at hand, or a network."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from pointillist.data import estimate_normalisation
from pointillist.features import FeatureSpec
from pointillist.models import TrainedModel
from pointillist.models.forest import ForestArrays
from pointillist.points import LabelledPixels
from pointillist.raster.source import ArraySource
from pointillist.studies.mapping import Lesson, learn, map_place
from pointillist.studies.places import Place
from pointillist.suggestion import Candidates, scout
from pointillist.suggestion.candidates import N_ASKED, NEIGHBOUR_PX
from pointillist.suggestion.scouting import Scouted, largest_of_each_cell
from pointillist.training.config import ForestConfig
from pointillist.training.forest import features_at, grow_forest

N_CANDIDATES = 8_000
N_SCORED = 50_000

RowCol = NDArray[np.int64]


class Learner(ABC):
    """Learns from labels, says what it would map, and where it might be asked to be told.

    Attributes:
        place: The scene.
        lattice: The pixels that are scored, in a row, with their truth.
    """

    place: Place
    lattice: Place

    @abstractmethod
    def learn(self, labels: LabelledPixels, seed: int) -> None:
        """Learn anew from all labels there are."""

    @abstractmethod
    def found(self) -> NDArray[np.int16]:
        """Class indices (1, N) of the lattice."""

    @abstractmethod
    def scout(self, rng: np.random.Generator) -> Scouted:
        """Candidates of the whole scene."""


class NetworkLearner(Learner):
    """A network, trained anew in every round; the scene is mapped in every round.

    Args:
        place: The scene.
        steps: Of every training; None for the recipe's own length.
    """

    def __init__(self, place: Place, steps: int | None) -> None:
        self.place, self.steps = place, steps
        self._rowcol = draw_lattice(place)
        self.lattice = _row_of(place, self._rowcol)
        self._model: TrainedModel | None = None

    def learn(self, labels: LabelledPixels, seed: int) -> None:
        """Train for the same number of steps whatever the labels."""
        lesson = Lesson("unet", seed, steps=self.steps)
        self._model, _ = learn([self.place], [labels], lesson)

    def found(self) -> NDArray[np.int16]:
        """Map the scene."""
        whole = map_place(self._learnt(), self.place)
        return np.asarray(whole[self._rowcol[:, 0], self._rowcol[:, 1]][None])

    def scout(self, rng: np.random.Generator) -> Scouted:
        """As `suggest` does."""
        return scout(self._learnt(), self.place.source, rng)

    def _learnt(self) -> TrainedModel:
        assert self._model is not None, "it learns first"
        return self._model


class ForestLearner(Learner):
    """A forest. Features of the candidates and of the scored pixels are computed once per scene.

    Candidates are those of `suggest`, one at random of each cell, but 8,000 of them, the same in
    every round, and none more of rare classes.
    """

    def __init__(self, place: Place, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.place = place
        self._config = ForestConfig(n_jobs=1)
        self._spec = FeatureSpec(sigmas=self._config.sigmas)
        self._normalisation = estimate_normalisation([place.source], seed=0)
        self._rowcol = draw_lattice(place)
        self.lattice = _row_of(place, self._rowcol)
        self._candidates = _draw_candidates(place, rng)
        steps = (-NEIGHBOUR_PX, 0, NEIGHBOUR_PX)
        around = np.array([(row, col) for row in steps for col in steps])
        asked = np.clip(
            self._candidates[:, None] + around, 0, np.array(place.mask.shape) - 1
        ).reshape(-1, 2)
        self._asked = self._features(asked)
        self._scored = self._features(self._rowcol)
        self._known: dict[tuple[int, int], NDArray[np.float32]] = {}
        self._forest: ForestArrays | None = None

    def learn(self, labels: LabelledPixels, seed: int) -> None:
        """Grow a forest."""
        pixels = [(int(row), int(col)) for row, col in labels.rowcol]
        new = [pixel for pixel in pixels if pixel not in self._known]
        if new:
            self._known.update(zip(new, self._features(np.array(new)), strict=True))
        features = np.stack([self._known[pixel] for pixel in pixels])
        grown = grow_forest(features, labels.index, self._config, seed)
        self._forest = ForestArrays.from_sklearn(grown)

    def found(self) -> NDArray[np.int16]:
        """Map the lattice."""
        return np.asarray(self._shares(self._scored).argmax(axis=1)[None], dtype=np.int16)

    def scout(self, rng: np.random.Generator) -> Scouted:
        """The candidates of the scene with what the forest says of them today."""
        shares = self._shares(self._asked)
        index = shares.argmax(axis=1).reshape(-1, N_ASKED)
        own = N_ASKED // 2
        probabilities = shares.reshape(len(index), N_ASKED, -1)[:, own]
        alike = (index == index[:, own : own + 1]).sum(axis=1)
        candidates = Candidates(
            self._candidates, probabilities, alike, None, np.ones(len(index), dtype=bool)
        )
        n_classes = len(self.place.legend)
        return Scouted(candidates, np.bincount(index[:, own], minlength=n_classes))

    def _features(self, rowcol: RowCol) -> NDArray[np.float32]:
        return features_at(self.place.source, rowcol, self._spec, self._normalisation)[0]

    def _shares(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        assert self._forest is not None, "it learns first"
        shares = np.zeros((len(features), len(self.place.legend)), dtype=np.float32)
        shares[:, self._forest.classes] = self._forest.predict(features)
        return shares


def draw_lattice(place: Place) -> RowCol:
    """Some 50,000 labelled pixels (N, 2) in regular rows and columns."""
    height, width = place.mask.shape
    step = max(1, int(np.sqrt(height * width / N_SCORED)))
    rows, cols = np.arange(step // 2, height, step), np.arange(step // 2, width, step)
    rowcol = np.stack(np.meshgrid(rows, cols, indexing="ij"), axis=-1).reshape(-1, 2)
    return rowcol[place.mask[rowcol[:, 0], rowcol[:, 1]] >= 0]


def _row_of(place: Place, rowcol: RowCol) -> Place:
    """The pixels in a row, with their truth."""
    truth = place.mask[rowcol[:, 0], rowcol[:, 1]][None]
    empty = ArraySource(np.zeros((1, 1, len(rowcol)), dtype=np.uint8))
    return Place(place.name, empty, truth, place.legend)


def _draw_candidates(place: Place, rng: np.random.Generator) -> RowCol:
    """One pixel at random of each cell of a regular grid."""
    height, width = place.mask.shape
    cell_px = max(1, int(np.sqrt(height * width / N_CANDIDATES)))
    return largest_of_each_cell(rng.random((height, width), dtype=np.float32), cell_px)

"""Recipe `forest`: a random forest on multi-scale image features, learnt in seconds."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.data import estimate_normalisation
from pointillist.errors import ConfigError, PointsError
from pointillist.features import FeatureSpec, group_around
from pointillist.models import Normalisation
from pointillist.models.forest import ForestArrays, ForestModel
from pointillist.points import LabelledPixels
from pointillist.raster import PixelSource
from pointillist.training.calibration import calibration_facts
from pointillist.training.class_shares import (
    ClassShares,
    Setting,
    decide_shares,
    wants_estimate,
)
from pointillist.training.config import ForestConfig, TrainConfig, UnetConfig
from pointillist.training.holdout import Holdout
from pointillist.training.recipe import Fitted, Workshop
from pointillist.training.rounds import Judged, places_of
from pointillist.training.task import TrainingTask


@dataclass(frozen=True, eq=False)
class Unseen:
    """What a forest's trees say of the pixels it learnt from, each by those that have not seen it.

    Args:
        shares: (N, C) of the classes, all alike where every tree has seen a pixel; None where
            nobody asked.
        index: (N,) classes of the pixels.
        at: (N, 3) scene, row and column.
        features: (N, F) of the pixels.
    """

    shares: NDArray[np.float64] | None
    index: NDArray[np.int64]
    at: NDArray[np.int64]
    features: NDArray[np.float32]

    @property
    def is_told(self) -> NDArray[np.bool_]:
        """(N,) where there is a tree that has not seen the pixel."""
        assert self.shares is not None, "somebody asked"
        return np.asarray(np.ptp(self.shares, axis=1) > 0, dtype=bool)

    def calibration(self) -> dict[str, Any]:
        """How far the shares are from how often they are right."""
        assert self.shares is not None, "somebody asked"
        return calibration_facts(self.shares[self.is_told], self.index[self.is_told])

    def judge(self, places: NDArray[np.int64] | None = None) -> Judged:
        """Whether they say the right class; at some places (M, 3) only, where given."""
        assert self.shares is not None, "somebody asked"
        told = self.is_told
        if places is not None:
            wanted = {tuple(place) for place in places.tolist()}
            told &= np.array([tuple(place) in wanted for place in self.at.tolist()], dtype=bool)
        right = self.shares.argmax(axis=1) == self.index
        return Judged(self.at[told], right[told])


def fit_forest(
    task: TrainingTask, config: ForestConfig, report: Callable[[str], None] | None = None
) -> ForestModel:
    """Train a random forest on the features of the labelled pixels.

    Args:
        task: Scenes, labelled pixels, legend, seed.
        config: Size of the forest, scales of the features.
        report: Takes lines on what was done; None stays silent.

    Returns:
        The model. Classes of the legend without a labelled pixel get probability 0.

    Raises:
        PointsError: Fewer than two classes among the pixels that have data.
        ConfigError: A setting that scikit-learn refuses.

    References:
        Breiman (2001), Random forests, Machine Learning 45.
    """
    return _fit(task, config, report)[0]


def fit_forest_and_shares(
    task: TrainingTask,
    config: ForestConfig,
    setting: Setting,
    report: Callable[[str], None] | None = None,
) -> tuple[ForestModel, ClassShares, Unseen]:
    """Train a forest and decide the class shares of the scene; the forest is not corrected yet.

    Args:
        task: Scenes, labelled pixels, legend, seed, design.
        config: Size of the forest, scales of the features.
        setting: See `decide_shares`.
        report: Takes lines on what was done; None stays silent.

    Returns:
        The forest, the shares, and the pixels with their features.

    Raises:
        PointsError: As of `fit_forest`.
        ConfigError: As of `fit_forest`.
        InputError: Stated shares that do not fit the classes.
    """
    wanted = wants_estimate(task, setting)
    model, seen = _fit(task, config, report, out_of_bag=wanted)
    shares = _decide(task, setting, model, seen, report)
    return model, shares, seen


def predict_held_out(
    seen: Unseen, holdout: Holdout, config: ForestConfig, n_classes: int
) -> NDArray[np.float32]:
    """What a forest that learns from the rest says at the held-out points; no pixel is read.

    Args:
        seen: All pixels with their features.
        holdout: Which of them are held out; at least two classes are left.
        config: Size of the forest.
        n_classes: Number of classes C.

    Returns:
        (M, C) probabilities at `holdout.validation`'s pixels in their order; NaN on nodata.
    """
    assert holdout.validation is not None, "somebody checked"
    learnt = _find_rows(seen.at, places_of(holdout.train))
    learnt = learnt[learnt >= 0]
    forest = grow_forest(seen.features[learnt], seen.index[learnt], config, holdout.everything.seed)
    rows = _find_rows(seen.at, places_of(holdout.validation))
    out = np.full((len(rows), n_classes), np.nan, dtype=np.float32)
    known = rows >= 0
    if known.any():
        out[known] = 0.0
        found = forest.predict_proba(seen.features[rows[known]])
        out[np.ix_(known, forest.classes_)] = found
    return out


def _find_rows(at: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row of `at` (N, 3) of each of the wanted places (M, 3); −1 where it is not there."""
    rows = {tuple(place): row for row, place in enumerate(at.tolist())}
    return np.array([rows.get(tuple(p), -1) for p in wanted.tolist()], dtype=np.int64)


def _decide(
    task: TrainingTask,
    setting: Setting,
    model: ForestModel,
    seen: Unseen,
    report: Callable[[str], None] | None,
) -> ClassShares:
    shares = decide_shares(task, setting, model, seen.shares, seen.index)
    (report or _silent)(shares.sentence)
    return shares


def fit_corrected_forest(task: TrainingTask, config: TrainConfig, workshop: Workshop) -> Fitted:
    """The recipe `forest`: a forest, corrected to the class shares of the scene.

    It is told nothing of wrong points, which cost it little (docs/decisions/0012), and takes all
    where they lie.
    """
    for told, words in (
        (task.point_radius, "takes points where they lie: --point-radius is"),
        (task.label_noise, "bears some wrong points as it is: --label-noise is"),
        (config.budget, "takes what time it needs: --budget is"),
    ):
        if told:
            workshop.say(f"A forest {words} for networks.")
    if unused := _for_networks(config):
        workshop.say(f"A forest has no use for what is for networks: {', '.join(unused)}.")
    model, seen = _fit(task, config.forest, workshop.say, out_of_bag=True)
    shares = _decide(task, config.class_shares, model, seen, workshop.say)
    if shares.factors is not None:
        model = model.reweigh_classes(shares.factors)
    facts = shares.facts(task.legend.names)
    model.card.provenance.update(facts)
    facts |= seen.calibration()
    seconds = round(time.monotonic() - workshop.start, 1)
    judged_at = None if workshop.begin is None else workshop.begin.judged_at
    return Fitted(model, facts={"seconds": seconds, **facts}, judged=seen.judge(judged_at))


def _for_networks(config: TrainConfig) -> list[str]:
    """Settings of networks that were asked for; a budget sets the number of steps."""
    given, usual = config.unet.model_dump(), UnetConfig().model_dump()
    return [
        f"unet.{name}"
        for name, value in given.items()
        if value != usual[name] and not (name == "steps" and config.budget)
    ]


def _fit(
    task: TrainingTask,
    config: ForestConfig,
    report: Callable[[str], None] | None,
    *,
    out_of_bag: bool = False,
) -> tuple[ForestModel, Unseen]:
    """The model; what its trees say of pixels they have not seen, if asked."""
    rng = np.random.default_rng(task.seed)
    labels = [thin_features(p, config.max_pixels_per_feature, rng) for p in task.labels]
    normalisation = task.normalisation or estimate_normalisation(task.sources, seed=task.seed)
    spec = FeatureSpec(sigmas=config.sigmas)
    features, index, at = _training_table(task, labels, spec, normalisation)
    lines = _describe(task, len(index), spec)
    for line in lines:
        (report or _silent)(line)
    forest = grow_forest(features, index, config, task.seed, out_of_bag=out_of_bag)
    card = task.card("forest", normalisation, _provenance(task, config, spec, forest, len(index)))
    model = ForestModel(ForestArrays.from_sklearn(forest), spec, card)
    shares = _out_of_bag(forest, len(task.legend)) if out_of_bag else None
    return model, Unseen(shares, index, at, features)


def _out_of_bag(forest: Any, n_classes: int) -> NDArray[np.float64]:
    """(N, C) class shares of the trees that have not seen a pixel; even where all have seen it."""
    found = np.zeros((len(forest.oob_decision_function_), n_classes))
    found[:, forest.classes_] = forest.oob_decision_function_
    found[np.isnan(found).any(axis=1)] = 1.0 / n_classes
    return found


def thin_features(pixels: LabelledPixels, most: int, rng: np.random.Generator) -> LabelledPixels:
    """Keep at most `most` pixels of each feature, chosen at random, in their old order.

    So a large polygon does not outweigh all others by its area alone.
    """
    shuffled = rng.permutation(len(pixels))
    by_feature = shuffled[np.argsort(pixels.feature[shuffled], kind="stable")]
    sizes = np.unique(pixels.feature, return_counts=True)[1]
    rank = np.arange(len(pixels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return pixels.subset(np.sort(by_feature[rank < most]))


def features_at(
    source: PixelSource, rowcol: ArrayLike, spec: FeatureSpec, normalisation: Normalisation
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Features of some pixels of a scene, read in windows around them.

    Args:
        source: The scene.
        rowcol: (N, 2) pixels inside it.
        spec: Which features.
        normalisation: Of the scene's bands.

    Returns:
        (N, F) features, and (N,) whether each pixel has data.
    """
    pixels = np.asarray(rowcol, dtype=np.int64).reshape(-1, 2)
    features = np.zeros((len(pixels), spec.n_features(source.n_bands)), dtype=np.float32)
    has_data = np.zeros(len(pixels), dtype=bool)
    for group in group_around(pixels, spec.halo_px):
        read = source.read(group.window)
        computed = spec.compute(normalisation.apply(read.data, read.valid), read.valid)
        rows, cols = group.rowcol.T
        features[group.members] = computed[:, rows, cols].T
        has_data[group.members] = read.valid[rows, cols]
    return features, has_data


def _training_table(
    task: TrainingTask,
    labels: list[LabelledPixels],
    spec: FeatureSpec,
    normalisation: Normalisation,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Features (N, F), class index (N,) and place (N, 3) of all labelled pixels that have data."""
    tables, indices, places = [], [], []
    for scene, (source, pixels) in enumerate(zip(task.sources, labels, strict=True)):
        features, has_data = features_at(source, pixels.rowcol, spec, normalisation)
        tables.append(features[has_data])
        indices.append(pixels.index[has_data])
        at = pixels.rowcol[has_data]
        places.append(np.column_stack([np.full(len(at), scene), at]).astype(np.int64))
    index = np.concatenate(indices)
    if len(np.unique(index)) < 2:
        names = ", ".join(task.legend.names[i] for i in np.unique(index)) or "none"
        raise PointsError(
            f"Expected labelled pixels with data of at least two classes, got {len(index)} "
            f"(classes: {names}). Add points of another class."
        )
    return np.concatenate(tables), index, np.concatenate(places)


def grow_forest(
    features: NDArray[np.float32],
    index: NDArray[np.int64],
    config: ForestConfig,
    seed: int,
    *,
    out_of_bag: bool = False,
) -> Any:
    """Fit scikit-learn's forest."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        n_estimators=config.n_trees,
        max_features=config.max_features,
        min_samples_leaf=config.min_samples_leaf,
        class_weight="balanced" if config.balanced else None,
        n_jobs=config.n_jobs,
        random_state=seed,
        oob_score=out_of_bag,
    )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Some inputs do not have OOB scores")
            return forest.fit(features, index)
    except ValueError as error:  # scikit-learn's own words on a parameter out of range
        raise ConfigError(f"The forest cannot be grown with these settings: {error}") from error


def _describe(task: TrainingTask, n_used: int, spec: FeatureSpec) -> list[str]:
    lines = [
        f"{n_used:,} of {task.n_labels:,} labelled pixels used, "
        f"{spec.n_features(len(task.bands))} features each."
    ]
    missing = [task.legend.names[i] for i in np.flatnonzero(task.class_counts() == 0)]
    if missing:
        lines.append(f"Without any point, so never mapped: {', '.join(missing)}.")
    return lines


def _provenance(
    task: TrainingTask, config: ForestConfig, spec: FeatureSpec, forest: Any, n_used: int
) -> dict[str, Any]:
    """Settings, versions, and the features that the trees leaned on most."""
    import sklearn

    names = spec.names(task.bands)
    importance = forest.feature_importances_
    leading = [int(i) for i in np.argsort(-importance, kind="stable")[:10]]
    return {
        "config": config.model_dump(mode="json"),
        "pixels_used": n_used,
        "scikit_learn": sklearn.__version__,
        "leading_features": {names[i]: round(float(importance[i]), 4) for i in leading},
    }


def _silent(_: str) -> None:
    """Say nothing."""

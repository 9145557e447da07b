"""Cross-validation: folds are spatial, even, reproducible; held-out labels stay unseen."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from pointillist.errors import InputError, PointsError
from pointillist.grid import assign_spatial_blocks
from pointillist.legend import Legend
from pointillist.models import ModelCard, Normalisation, TrainedModel
from pointillist.points import LabelledPixels, read_labels
from pointillist.raster import ArraySource, open_scene
from pointillist.training import ForestConfig, TrainingTask
from pointillist.training.crossvalidation import assign_folds, cross_validate, predict_at
from pointillist.training.forest import fit_forest

LEGEND = Legend.from_names(["low", "high", "rare"])


class Stencil(TrainedModel):
    """Predicts from its own pixel and two neighbours at a distance: low or high."""

    kind = "stencil"

    @property
    def halo_px(self) -> int:
        return 3

    def _class_probabilities(self, data, valid):  # type: ignore[no-untyped-def]
        padded = np.pad(data[0], 3)
        mean = (padded[3:-3, 3:-3] + padded[:-6, 3:-3] + padded[3:-3, 6:]) / 3
        high = (mean > 0).astype(np.float32)
        return np.stack([1 - high, high, np.zeros_like(high)])

    spec_dict = tensors = from_parts = None  # type: ignore[assignment]


def make_task(rng: np.random.Generator, n: int = 150, rare: int = 0) -> TrainingTask:
    image = np.cumsum(rng.normal(size=(1, 90, 120)), axis=2).astype(np.float32)
    image -= image.mean()
    at = rng.choice(90 * 120, n, replace=False)
    rowcol = np.stack(np.unravel_index(at, (90, 120)), axis=1)
    index = (image[0, rowcol[:, 0], rowcol[:, 1]] > 0).astype(np.int64)
    index[:rare] = 2
    labels = LabelledPixels.from_arrays(rowcol, index)
    return TrainingTask((ArraySource(image),), (labels,), LEGEND, 0, ("band",))


def fit_stencil(task: TrainingTask) -> Stencil:
    return Stencil(ModelCard(task.legend, task.bands, Normalisation((0.0,), (1.0,))))


def test_every_label_is_held_out_once_and_unseen_in_training(rng: np.random.Generator) -> None:
    task = make_task(rng)
    seen: list[set[tuple[int, int]]] = []

    def fit(part: TrainingTask) -> Stencil:
        seen.append({tuple(rc) for rc in part.labels[0].rowcol.tolist()})
        return fit_stencil(part)

    result = cross_validate(task, fit, n_folds=4)
    assert sum(result.pixels_per_fold) == task.n_labels
    assert min(result.pixels_per_fold) > 0
    for k, pixels in enumerate(seen):
        held = {tuple(rc) for rc in task.labels[0].rowcol[result.fold == k].tolist()}
        assert not held & pixels
        assert len(held | pixels) == task.n_labels


def test_squares_stay_together(rng: np.random.Generator) -> None:
    task = make_task(rng)
    result = cross_validate(task, fit_stencil, block_px=20)
    block = assign_spatial_blocks(task.labels[0].rowcol, 20)
    for number in np.unique(block):
        assert len(np.unique(result.fold[block == number])) == 1


def test_a_polygon_stays_in_one_fold(rng: np.random.Generator) -> None:
    rowcol = np.argwhere(np.ones((40, 40), dtype=bool))
    feature = rowcol[:, 0] // 4 * 10 + rowcol[:, 1] // 4  # 100 polygons of 4 × 4 pixels
    labels = LabelledPixels.from_arrays(rowcol, feature % 2, feature)
    task = TrainingTask((ArraySource(np.zeros((1, 40, 40))),), (labels,), LEGEND, 0, ("band",))
    result = cross_validate(task, fit_stencil, block_px=3)
    for number in range(100):
        assert len(np.unique(result.fold[feature == number])) == 1


def test_folds_get_their_share_of_every_class(rng: np.random.Generator) -> None:
    counts = rng.integers(0, 4, size=(60, 3)).astype(np.float64)
    fold = assign_folds(counts, 5, np.random.default_rng(0))
    per_fold = np.stack([counts[fold == k].sum(axis=0) for k in range(5)])
    share = counts.sum(axis=0) / 5
    assert np.abs(per_fold - share).max() <= 3
    np.testing.assert_array_equal(fold, assign_folds(counts, 5, np.random.default_rng(0)))


def test_no_fold_is_empty_even_with_one_block_each() -> None:
    counts = np.array([[9.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    assert sorted(assign_folds(counts, 3, np.random.default_rng(1)).tolist()) == [0, 1, 2]


def test_predictions_at_points_equal_those_of_the_whole_scene(rng: np.random.Generator) -> None:
    task = make_task(rng)
    source, rowcol = task.sources[0], task.labels[0].rowcol
    model = fit_stencil(task)
    read = source.read(source.grid.window)
    whole = model.predict(read.data, read.valid)[:, rowcol[:, 0], rowcol[:, 1]].T
    np.testing.assert_array_equal(predict_at(model, source, rowcol), whole)


def test_figures_are_those_of_the_pooled_predictions(rng: np.random.Generator) -> None:
    task = make_task(rng)
    result = cross_validate(task, fit_stencil)
    model = fit_stencil(task)
    predicted = predict_at(model, task.sources[0], task.labels[0].rowcol).argmax(axis=1)
    np.testing.assert_array_equal(result.predicted, predicted)
    assert result.overall_accuracy == pytest.approx((predicted == task.labels[0].index).mean())
    text = "\n".join(result.lines())
    assert f"Overall accuracy {result.overall_accuracy:.3f}" in text
    assert ", ".join(map(str, result.pixels_per_fold)) in text


def test_a_class_all_in_one_fold_is_named(rng: np.random.Generator) -> None:
    result = cross_validate(make_task(rng, rare=1), fit_stencil)
    (note,) = result.notes
    assert "holds out all labels of 'rare' (1)" in note
    assert note in result.lines()


def test_nodata_counts_as_wrong(rng: np.random.Generator) -> None:
    task = make_task(rng)
    valid = np.ones((90, 120), dtype=bool)
    valid[tuple(task.labels[0].rowcol[:15].T)] = False
    data = task.sources[0].read(task.sources[0].grid.window).data
    holed = TrainingTask((ArraySource(data, valid=valid),), task.labels, LEGEND, 0, ("band",))
    result = cross_validate(holed, fit_stencil)
    assert (result.predicted[:15] == -1).all()
    assert result.matrix.unmapped.sum() == 15


def test_several_scenes(rng: np.random.Generator) -> None:
    one, two = make_task(rng), make_task(rng, n=60)
    task = TrainingTask(one.sources + two.sources, one.labels + two.labels, LEGEND, 0, ("band",))
    result = cross_validate(task, fit_stencil)
    assert len(result.fold) == 210
    assert result.overall_accuracy > 0.7


def test_too_few_places_for_the_folds(rng: np.random.Generator) -> None:
    task = make_task(rng, n=20)
    with pytest.raises(PointsError, match="at least 5 squares of 200 px"):
        cross_validate(task, fit_stencil, block_px=200)
    with pytest.raises(InputError, match="at least 2 folds"):
        cross_validate(task, fit_stencil, n_folds=1)
    with pytest.raises(InputError, match="at least 1 px"):
        cross_validate(task, fit_stencil, block_px=0)


@pytest.mark.realdata
def test_leipzig_forest_reaches_085(real_data: Path) -> None:
    """97 real points, five folds of whole squares, pooled (issue 2)."""
    folder = real_data / "leipzig"
    scene = open_scene(folder / "leipzig_raster.tif")
    labels = read_labels(folder / "leipzig_points.gpkg", scene.grid)
    task = TrainingTask((scene,), (labels.pixels,), labels.legend, 0, scene.band_names)
    assert len(labels.pixels) == 97
    result = cross_validate(task, lambda part: fit_forest(part, ForestConfig()))
    assert result.overall_accuracy >= 0.85
    assert not result.notes


@pytest.mark.realdata
def test_the_example_runs(
    real_data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    example = Path(__file__).parents[2] / "examples" / "spatial_crossvalidation.py"
    assert real_data.is_dir()
    options = ["--seeds", "1", "--trees", "10"]
    monkeypatch.setattr("sys.argv", [str(example), *options])
    runpy.run_path(str(example), run_name="__main__")
    assert "forest: overall accuracy 0." in capsys.readouterr().out

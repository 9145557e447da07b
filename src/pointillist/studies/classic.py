"""P-classic: like for like with the reference study.

200/50/50 generated images of 128², 5 epochs that show each training image once, labels only at the
points, no pretraining; mean IoU over all test pixels.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from pointillist.accuracy import (
    ErrorMatrix,
    error_matrix,
    iou,
    mean_iou,
    overall_accuracy,
    producers_accuracy,
    users_accuracy,
)
from pointillist.data import Augmentation, RemoteSensingDataset, TerrainDataset
from pointillist.errors import InputError, MissingFileError
from pointillist.features import FeatureSpec
from pointillist.losses import PartialCrossEntropyLoss
from pointillist.models import build_model
from pointillist.models.views import average_views
from pointillist.scenes import CLASSIC_LEGEND
from pointillist.studies.classic_default import learn_default, predict_images
from pointillist.studies.given import find_given
from pointillist.studies.places import NOWHERE, Folders
from pointillist.training import UnetConfig
from pointillist.training.fitting import EpochSampler, choose_precision, fit_network
from pointillist.training.schedule import Progress

N_TRAIN, N_VALIDATION, N_TEST, SIZE_PX, EPOCHS = 200, 50, 50, 128, 5
RECIPES = ("unet", "forest", "forest-pixels", "stack")
SCENES = ("classic", "terrain")
_OF_THE_NETWORK = (
    "encoder", "batch_size", "learning_rate", "weight_decay", "augment", "views", "weights",
    "optimizer", "warmup", "flips",
)  # fmt: skip


def name_weights(path: Path) -> str:
    """A file of weights as it stands in records: its name and the start of its SHA-256.

    Raises:
        MissingFileError: No such file.
    """
    if not path.is_file():
        raise MissingFileError(f"File of weights '{path}' does not exist. Check --weights.")
    with path.open("rb") as file:
        return f"{path.name}@{hashlib.file_digest(file, 'sha256').hexdigest()[:8]}"


class ScenesWithPoints(Protocol):
    """Images with full masks and point masks."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]: ...

    def set_epoch(self, epoch: int) -> None:
        """Fix the augmentation of the coming epoch."""


Predict = Callable[[Tensor], NDArray[np.integer]]
"""Class indices (B, H, W) of normalised images (B, 3, H, W)."""


@dataclass(frozen=True)
class ClassicCell:
    """One run of the protocol.

    Args:
        n_per_class: Points per class and image.
        strategy: Where points lie, as the reference study names it.
        seed: Seed of scenes, points and network.
        encoder: Encoder of the U-Net.
        batch_size: Images per step.
        learning_rate: Peak of the schedule.
        weight_decay: Of the optimiser.
        augment: Flips and quarter turns.
        n_points: Points per image in total, in place of a number per class.
        views: 8 averages the class probabilities of the eight flips and turns of a test image;
            None predicts each image once.
        supervision: `full` trains on the full masks; None on the points.
        recipe: `forest` (random forest on multi-scale features), `forest-pixels` (on the three
            bands alone); `stack` is the default recipe on a CPU, from the weights
            that come with the package, with as many chips as five epochs, drawn as it draws them;
            None, also called `unet`, is the U-Net.
        weights: Name and digest of the file that the encoder starts from, as `name_weights`
            makes it; None is random initialisation.
        optimizer: `adam` as in the reference study; None is AdamW.
        warmup: Share of the training in which the rate rises; None is 5 %.
        flips: `horizontal` mirrors left–right as the one augmentation; None takes all symmetries.
        trained_on: `terrain` trains on generated terrain; None on classic scenes.
        tested_on: `terrain` tests on generated terrain; None on classic scenes.

    Raises:
        InputError: A value that the protocol does not know.
    """

    n_per_class: int = 10
    strategy: str = "random"
    seed: int = 0
    encoder: str = "resnet34"
    batch_size: int = 4
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    augment: bool = True
    n_points: int | None = None
    views: int | None = None
    supervision: str | None = None
    recipe: str | None = None
    weights: str | None = None
    optimizer: str | None = None
    warmup: float | None = None
    flips: str | None = None
    trained_on: str | None = None
    tested_on: str | None = None

    def __post_init__(self) -> None:
        if self.recipe == RECIPES[0]:
            object.__setattr__(self, "recipe", None)  # one name for each run
        for name, known in (
            ("views", (8,)),
            ("supervision", ("full",)),
            ("recipe", RECIPES[1:]),
            ("optimizer", ("adam",)),
            ("flips", ("horizontal",)),
            ("trained_on", SCENES[1:]),
            ("tested_on", SCENES[1:]),
        ):
            value = getattr(self, name)
            if value is not None and value not in known:
                raise InputError(
                    f"Expected {name} of P-classic to be {' or '.join(map(str, known))}, or to be "
                    f"left out, got {value!r}."
                )
        if self.recipe is not None:
            self._refuse_unused()

    def _refuse_unused(self) -> None:
        """Refuse what only the plain U-Net takes: a row would be named after what did nothing."""
        unused = find_given(self, _OF_THE_NETWORK)
        if unused:
            raise InputError(
                f"Expected no {', '.join(unused)} with the recipe {self.recipe} of P-classic, "
                f"which does not use it; got {', '.join(f'{v!r}' for v in unused.values())}. "
                "Leave it out, or leave out the recipe."
            )

    @property
    def points_per_image(self) -> int:
        """Points of an image that holds all five classes."""
        n_classes = len(CLASSIC_LEGEND)
        return self.n_points if self.n_points is not None else n_classes * self.n_per_class


class OneMask(Dataset[tuple[Tensor, Tensor]]):
    """Images with one of their two masks: full masks stay out of reach of a training on points.

    Args:
        scenes: Images, full masks, point masks.
        full: Give the full mask instead: for the fully supervised baseline only.
    """

    def __init__(self, scenes: ScenesWithPoints, full: bool = False) -> None:
        self.scenes = scenes
        self.full = full

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, full, points = self.scenes[index]
        return image, full if self.full else points

    def set_epoch(self, epoch: int) -> None:
        """Fix the augmentation of the coming epoch."""
        self.scenes.set_epoch(epoch)


def run_classic(cell: ClassicCell, folders: Folders = NOWHERE) -> dict[str, Any]:
    """Train and test one cell.

    Args:
        cell: What to run.
        folders: Where files of weights are.

    Returns:
        Record: protocol, cell, `miou`, `pixel_accuracy`, per-class `iou`, `precision` and `recall`
        on the test set, `seconds` of training and testing together, precision and device. With
        several views, `single_view` holds the figures of the same network without them.
    """
    start = time.monotonic()
    train, test = make_sets(cell)
    record = {"protocol": "P-classic", "cell": asdict(cell)}
    if cell.recipe == "stack":
        steps = EPOCHS * N_TRAIN // UnetConfig().batch_size
        is_full = cell.supervision == "full"
        model, facts = learn_default(train, steps, cell.seed, full=is_full)
        record |= score(partial(predict_images, model), test) | facts
    elif cell.recipe is not None:
        predict, facts = _learn_forest(cell, train)
        record |= score(predict, test) | facts
    else:
        network, facts = train_network(cell, train, folders)
        record |= score(predict_with(network, cell.views), test) | facts
        if cell.views is not None:
            single = score(predict_with(network), test)
            record["single_view"] = {k: single[k] for k in ("miou", "pixel_accuracy", "iou")}
    return {**record, "seconds": round(time.monotonic() - start, 1)}


def make_sets(cell: ClassicCell) -> tuple[RemoteSensingDataset, RemoteSensingDataset]:
    """Training and test images; seeds lie far apart, so that no scene is in both."""
    seeds = [1_000_003 * (cell.seed + 1) + part for part in range(3)]
    points = (cell.n_per_class, cell.strategy)
    kinds: dict[str | None, type[RemoteSensingDataset]]
    kinds = {None: RemoteSensingDataset, "terrain": TerrainDataset}
    augment = Augmentation(flips="horizontal") if cell.flips else cell.augment
    train = kinds[cell.trained_on](
        N_TRAIN, SIZE_PX, *points, augment, seeds[0], num_points=cell.n_points
    )
    test = kinds[cell.tested_on](N_TEST, SIZE_PX, *points, seed=seeds[2], num_points=cell.n_points)
    return train, test


def find_commonest(cells: Iterable[ClassicCell]) -> tuple[str, float]:
    """The class with most of the test pixels of cells, and its share of them."""
    tests = [make_sets(cell)[1] for cell in cells]
    masks = torch.stack([test.unchanged(i)[1] for test in tests for i in range(len(test))])
    shares = masks.flatten().bincount(minlength=len(CLASSIC_LEGEND)) / masks.numel()
    most = int(shares.argmax())
    return CLASSIC_LEGEND.names[most], float(shares[most])


def train_network(
    cell: ClassicCell, train: RemoteSensingDataset, folders: Folders = NOWHERE
) -> tuple[nn.Module, dict[str, Any]]:
    """Train the U-Net of a cell.

    Returns:
        The network in evaluation mode, and `steps`, `precision_of_arithmetic`, `device`.
    """
    torch.manual_seed(cell.seed)
    network = build_model(
        encoder=cell.encoder,
        num_classes=len(CLASSIC_LEGEND),
        weights=_starting_weights(cell, folders),
    )
    config = UnetConfig(
        encoder=cell.encoder,
        weights="none",
        select="last",
        batch_size=cell.batch_size,
        steps=EPOCHS * (N_TRAIN // cell.batch_size),
        learning_rate=cell.learning_rate,
        weight_decay=cell.weight_decay,
        optimizer="adamw" if cell.optimizer is None else "adam",
        warmup=0.05 if cell.warmup is None else cell.warmup,
    )
    loader = DataLoader(
        OneMask(train, cell.supervision == "full"),
        batch_size=cell.batch_size,
        sampler=EpochSampler(train, shuffle=True),
        drop_last=True,
    )
    progress = Progress(config.steps)
    names = CLASSIC_LEGEND.names
    fit = fit_network(network, PartialCrossEntropyLoss(), loader, config, progress, names)
    facts = {"steps": fit.steps, "precision_of_arithmetic": fit.precision, "device": fit.device}
    return network.eval(), facts


def _starting_weights(cell: ClassicCell, folders: Folders) -> str | Path:
    if cell.weights is None:
        return "none"
    if folders.weights is None:
        raise InputError(
            f"Expected the file of weights '{cell.weights}'. Say where it is with --weights."
        )
    given = name_weights(folders.weights)
    if given != cell.weights:
        raise InputError(
            f"Expected the file of weights '{cell.weights}', got '{given}' (--weights). Name the "
            "file that the study states (name@start of its SHA-256), or change the study."
        )
    return folders.weights


def predict_with(network: nn.Module, views: int | None = None) -> Predict:
    """How a network in evaluation mode predicts.

    Args:
        network: Logits (B, C, H, W) from images (B, bands, H, W).
        views: 8 averages over flips and turns, in the arithmetic of the training; None predicts
            each image once, in float32.
    """
    device = next(network.parameters()).device
    reduced = views is not None and choose_precision(UnetConfig()) == "bf16"

    def predict(images: Tensor) -> NDArray[np.integer]:
        given = images.to(device).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=reduced):
            scores = network(given) if views is None else average_views(network, given)
        found: NDArray[np.integer] = scores.argmax(dim=1).cpu().numpy()
        return found

    return predict


def _learn_forest(cell: ClassicCell, train: RemoteSensingDataset) -> tuple[Predict, dict[str, Any]]:
    """A random forest of 100 trees on the labelled pixels of all training images."""
    from sklearn.ensemble import RandomForestClassifier

    spec = FeatureSpec() if cell.recipe == "forest" else FeatureSpec(sigmas=())
    tables, labels = [], []
    for index in range(len(train)):
        image, full, points = train.unchanged(index)
        target = (full if cell.supervision == "full" else points).numpy().ravel()
        tables.append(_features(image, spec)[target >= 0])
        labels.append(target[target >= 0])
    forest = RandomForestClassifier(
        n_estimators=100, random_state=cell.seed, n_jobs=torch.get_num_threads()
    )
    forest.fit(np.concatenate(tables), np.concatenate(labels))

    def predict(images: Tensor) -> NDArray[np.integer]:
        shape = tuple(images.shape[-2:])
        rows = [forest.predict(_features(image, spec)).reshape(shape) for image in images]
        return np.stack(rows).astype(np.int64)

    facts = {"steps": 0, "precision_of_arithmetic": "fp32", "device": "cpu"}
    return predict, {**facts, "n_features": spec.n_features(3)}


def _features(image: Tensor, spec: FeatureSpec) -> NDArray[np.float32]:
    """(H·W, F) features of an image (3, H, W)."""
    computed = spec.compute(image.numpy(), np.ones(tuple(image.shape[1:]), dtype=bool))
    return computed.reshape(len(computed), -1).T.astype(np.float32)


def score(
    predict: Predict, test: ScenesWithPoints, names: Sequence[str] = CLASSIC_LEGEND.names
) -> dict[str, Any]:
    """Figures over the test pixels of all images together.

    Args:
        predict: Class indices of images.
        test: Images with full masks, −1 where a pixel does not count.
        names: Of the classes.

    Returns:
        `miou`, `pixel_accuracy`, and lists by class: `iou`, `precision`, `recall`.
    """
    matrix = ErrorMatrix.empty(tuple(names))
    for images, full, _ in DataLoader(test, batch_size=10):  # type: ignore[arg-type]
        matrix = matrix + error_matrix(predict(images), full.numpy(), tuple(names))
    return {
        "miou": mean_iou(matrix),
        "pixel_accuracy": overall_accuracy(matrix),
        "iou": iou(matrix).tolist(),
        "precision": users_accuracy(matrix).tolist(),
        "recall": producers_accuracy(matrix).tolist(),
    }

"""How to train: one frozen model per stage, from YAML and flags, saved whole in every run."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from pointillist.errors import ConfigError, InputError, MissingFileError, in_one_line

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|sec|m|min|h)?\s*")
_SECONDS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, None: 60.0}


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _number_as_text(value: Any) -> Any:
    """YAML reads `budget: 5` as a number."""
    return f"{value}" if isinstance(value, (int, float)) else value


def _read_shares(value: Any) -> Any:
    """As the option takes them; names of numbered classes, `{1: 0.2, 2: 0.8}`, come as numbers."""
    from pointillist.training.class_shares import parse_class_shares, parse_share

    if isinstance(value, dict):
        return {str(k): parse_share(v) for k, v in value.items()}
    return parse_class_shares(value) if isinstance(value, str) else value


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("Input should be a number of threads, or -1 for every core")
    return value


class ForestConfig(_Frozen):
    """Recipe `forest`: a random forest on multi-scale image features.

    Args:
        n_trees: Trees in the forest.
        sigmas: Scales of the features in pixels, see `FeatureSpec`.
        max_features: Features tried at each split, as scikit-learn names them.
        min_samples_leaf: Smallest leaf in labelled pixels.
        balanced: Weigh every class the same, whatever its number of points.
        max_pixels_per_feature: Labelled pixels taken from one polygon or line.
        n_jobs: Threads; −1 uses every core.
    """

    n_trees: int = Field(100, ge=1)
    sigmas: tuple[Annotated[float, Field(gt=0)], ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    max_features: Literal["sqrt", "log2"] | Annotated[float, Field(gt=0, le=1)] = "sqrt"
    min_samples_leaf: int = Field(1, ge=1)
    balanced: bool = False
    max_pixels_per_feature: int = Field(500, ge=1)
    n_jobs: Annotated[int, Field(ge=-1), AfterValidator(_not_zero)] = -1


class UnetConfig(_Frozen):
    """Recipe `unet`: a segmentation network trained with partial cross-entropy on chips.

    Args:
        architecture: Decoder, any that `build_model` knows.
        encoder: Encoder, any of segmentation-models-pytorch (timm's with `tu-` before the name), or
            `slim`, which a CPU trains several times as fast. `auto` takes `slim` on a CPU without
            ImageNet weights, else `resnet34`.
        weights: Where the network starts: auto, imagenet, generated (slim), none, or a file.
        chip_px: Side of a training chip; a multiple of 32.
        batch_size: Chips per step (per device).
        steps: Optimiser steps of the whole training.
        steps_per_epoch: Steps between two checkpoints.
        optimizer: `adamw`, or `adam` as in the reference study.
        learning_rate: Peak of the schedule (linear warm-up, then cosine to zero); by default
            4e-3 for a network that starts at random or from weights of the package, else 1e-3.
        weight_decay: Decoupled for `adamw`, coupled for `adam`.
        warmup: Share of the training in which the learning rate rises.
        draw: `balanced` builds chips around the points of every class equally often, so that few
            steps teach rare classes too (docs/decisions/0016); `natural` around every labelled
            feature.
        augment: Flips and quarter turns; `horizontal` mirrors left–right and nothing else.
        jitter: Strength of random gain and offset per band, in standard deviations; 0 is none.
        normalisation: How the loss averages, see `PartialCrossEntropyLoss`.
        balanced_loss: Weigh each class by the inverse of its share of the labels.
        grow_px: Points grow over connected pixels of their colour, so far at most; 0 is not at all.
        members: Networks that are trained one after another, each in its share of steps and time,
            and averaged; `None` for what was measured best (docs/decisions/0021).
        gated_crf: Weight of the loss that wants neighbours of one colour to have one class, see
            `GatedCrfLoss`; 0 leaves it out.
        holdout: Share of the points held out, by spatial block, to watch the training.
        select: `last` keeps the final weights, `best` those with the best held-out score,
            `average` a running mean of them (99 % of the mean so far and 1 % of each step's).
        patience: Epochs without a better held-out score after which the rest of the schedule is
            run in a fifth of the steps so far; 0 never ends early.
        refit: Share of the training, at its end, that learns from the held-out points as well.
        calibrate: Soften the probabilities by a temperature that held-out points give.
        precision: `auto` takes bf16 where the hardware has it.
        device: `auto` takes a GPU where there is one.
        workers: Processes that read chips; 0 reads in the training process.
        trainer: Lightning's own flags for several GPUs and nodes (`devices`, `num_nodes`,
            `strategy`, `accumulate_grad_batches`, `gradient_clip_val`).
    """

    architecture: str = "unet"
    encoder: str = "auto"
    weights: str = "auto"
    chip_px: int = Field(128, ge=32, multiple_of=32)
    batch_size: int = Field(8, ge=1)
    steps: int = Field(1500, ge=1)
    steps_per_epoch: int = Field(50, ge=1)
    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: float | None = Field(None, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    warmup: float = Field(0.05, ge=0, lt=1)
    draw: Literal["natural", "balanced"] = "balanced"
    augment: bool | Literal["horizontal"] = True
    jitter: float = Field(0.1, ge=0)
    normalisation: Literal["pixels", "image"] = "pixels"
    balanced_loss: bool = False
    grow_px: int = Field(0, ge=0, le=64)
    members: int | None = Field(None, ge=1, le=16)
    gated_crf: float = Field(0.0, ge=0)
    holdout: float = Field(0.15, ge=0, le=0.5)
    select: Literal["last", "best", "average"] = "average"
    patience: int = Field(60, ge=0)
    refit: float = Field(0.0, ge=0, le=0.8)
    calibrate: bool = True
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int = Field(0, ge=0)
    trainer: dict[
        Literal["devices", "num_nodes", "strategy", "accumulate_grad_batches", "gradient_clip_val"],
        Any,
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_held_out_points(self) -> Self:
        """What held-out points decide takes some."""
        needs = [f"select: {self.select}"] * (self.select == "best") + ["refit"] * (self.refit > 0)
        if needs and self.holdout == 0:
            raise ValueError(f"{' and '.join(needs)} take held-out points, got holdout: 0")
        return self


class TrainConfig(_Frozen):
    """Everything a training needs besides its scenes and points.

    Args:
        recipe: `auto` is the best recipe measured so far.
        seed: Seed of everything random.
        budget: Time for the whole training, e.g. `10m`; None trains for the recipe's steps.
        class_shares: Shares of the classes in the scene, which the map is corrected to: `points`
            (those of the points), `estimate` (from the scene), shares by class name, or `auto`:
            estimated for balanced points, half way to an estimate for purposive ones, else the
            points'.
        label_noise: Share of points whose class is wrong, as far as known: 0.1 for one in ten.
        point_radius: How far points may lie from where they belong, in pixels.
        smooth_px: Radius within which maps are smoothed, but not over the image's edges; 0 for not.
            None for 2 where a forest takes part and pixels are small, else 0.
        unet: The network recipe.
        forest: The classical recipe.
    """

    recipe: Literal["auto", "stack", "unet", "forest"] = "auto"
    seed: int = Field(0, ge=0)
    budget: Annotated[str | None, BeforeValidator(_number_as_text)] = None
    class_shares: Annotated[
        Literal["auto", "points", "estimate"] | dict[str, float], BeforeValidator(_read_shares)
    ] = "auto"
    label_noise: float = Field(0.0, ge=0, lt=0.5)
    point_radius: float = Field(0.0, ge=0, le=16)
    smooth_px: int | None = Field(None, ge=0, le=16)
    unet: UnetConfig = UnetConfig()
    forest: ForestConfig = ForestConfig()

    @property
    def budget_s(self) -> float | None:
        """The budget in seconds, None where there is none."""
        return None if self.budget is None else parse_duration(self.budget)

    def write(self, path: Path) -> None:
        """Save as YAML."""
        text = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)
        path.write_text(text, encoding="utf-8")


def read_config(
    path: str | Path | None = None, overrides: Mapping[str, Any] | None = None
) -> TrainConfig:
    """Resolve a configuration: defaults, then the YAML file, then overrides.

    Args:
        path: YAML file, None for the defaults.
        overrides: Values by dotted key (`unet.steps`); None means not given.

    Raises:
        MissingFileError: No such file.
        ConfigError: Not YAML, unknown keys or impossible values; all are listed at once.
    """
    data: dict[str, Any] = {} if path is None else _read_yaml(Path(path))
    for key, value in (overrides or {}).items():
        if value is not None:
            *parents, leaf = key.split(".")
            place = data
            for name in parents:
                place = place.setdefault(name, {})
            place[leaf] = value
    try:
        config = TrainConfig.model_validate(data)
    except ValidationError as error:
        where = "the options" if path is None else f"'{path}'"
        faults = "; ".join(_describe(error.errors()))
        raise ConfigError(
            f"Expected a valid training configuration in {where}: {faults}."
        ) from error
    if config.budget is not None:
        parse_duration(config.budget)
    return config


def _describe(errors: list[ErrorDetails]) -> list[str]:
    """One clause per setting: what it should be, or that there is none of this name."""
    clauses: dict[str, list[str]] = {}
    got: dict[str, Any] = {}
    for fault in errors:
        place, model = _place(fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(place[-1], list(model.model_fields), n=1)
            message = "there is no such setting" + (f", perhaps {near[0]}" if near else "")
        name = ".".join(place)
        clauses.setdefault(name, []).append(message)
        got[name] = fault["input"]
    return [f"{name}: {', or '.join(said)} (got {got[name]!r})" for name, said in clauses.items()]


def _place(loc: tuple[int | str, ...]) -> tuple[list[str], type[BaseModel]]:
    """Keys as the file has them, and the model of the last: no names of alternative types."""
    model: type[BaseModel] = TrainConfig
    place: list[str] = []
    for part in map(str, loc):
        place.append(part)
        field = model.model_fields.get(part)
        kind = None if field is None else field.annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            break
        model = kind
    return place, model


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `10m`, `1h`; a bare number is minutes.

    Raises:
        InputError: Anything else.
    """
    match = _DURATION.fullmatch(text.lower())
    if match is None or float(match[1]) <= 0:
        raise InputError(
            "Expected a time above 0 like 90s, 10m or 1h (a bare number is minutes), "
            f"got {text!r}. Correct --budget."
        )
    return float(match[1]) * _SECONDS[match[2]]


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise MissingFileError(
            f"Configuration '{path}' does not exist. Check the path after --config."
        )
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"'{path}' cannot be read as YAML: {in_one_line(error)}. Correct it there; "
            "configs/train_config.yaml shows how it should look."
        ) from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"Expected keys and values in '{path}', got a {type(data).__name__}.")
    return data

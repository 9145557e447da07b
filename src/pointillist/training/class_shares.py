"""Class shares of the scene: which they are, and how a model trained on others is corrected.

Points come by a design. Balanced points show a learner five classes of equal size where the scene
may hold one of 60 % and one of 5 %, and its map gets the proportions wrong. The remedy is a factor
per class, share in the scene ÷ share of the points, on the predicted probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.grid import Window
from pointillist.models.forest import ForestModel
from pointillist.training.task import TrainingTask

# Designs whose points hold the classes in the scene's own proportions, or nearly.
PROPORTIONAL = ("simple", "systematic", "stratified", "spread")
# Where nothing says how points were placed, counts as even as this mean one number per class.
_EVEN = 1.25
_N_WINDOWS, _WINDOW_PX = 256, 16
_PSEUDO_SHARE = 0.02
_MAX_ROUNDS, _TOLERANCE = 1000, 1e-6
# From so many points on an estimate is trusted; two or three per class lead it astray.
_ENOUGH_POINTS = 100
# Stated shares that sum to 1 within this are only rounded.
_ROUNDED = 0.02

Setting = str | Mapping[str, float]


@dataclass(frozen=True, eq=False)
class ClassShares:
    """What was decided about the classes' shares.

    Args:
        how: `points` (as they are), `estimated` or `stated`.
        factors: (C,) share in the scene ÷ share of the points; None for `points`.
        sentence: For the person.
        shares: (C,) of the scene; None for `points`.
    """

    how: str
    factors: NDArray[np.float64] | None
    sentence: str
    shares: NDArray[np.float64] | None = None

    def facts(self, names: tuple[str, ...]) -> dict[str, Any]:
        """For the model's card."""
        if self.shares is None:
            return {"class_shares": self.how}
        shares = {n: round(float(s), 4) for n, s in zip(names, self.shares, strict=True)}
        return {"class_shares": self.how, "class_share_values": shares}


def wants_estimate(task: TrainingTask, setting: Setting) -> bool:
    """Whether the shares are to be estimated from the scene, by the setting or by the design.

    `auto` estimates them for balanced points: those that say so, and those of unknown or
    purposive design that have about the same number in each class. For other purposive points it
    goes half of the way.
    """
    if setting != "auto":
        return setting == "estimate"
    return task.design in ("balanced", "purposive") or _is_even(task)


def _is_even(task: TrainingTask) -> bool:
    """Whether nothing is known of the design and counts look as if it were balanced."""
    counts = task.class_counts()
    counts = counts[counts > 0]
    is_known = task.design in PROPORTIONAL
    return not is_known and len(counts) > 1 and int(counts.max()) <= _EVEN * int(counts.min())


def check_shares(task: TrainingTask, setting: Setting) -> None:
    """Refuse stated shares that do not fit the classes.

    Raises:
        InputError: They do not.
    """
    if not isinstance(setting, str):
        _stated_shares(task, setting)


def decide_shares(
    task: TrainingTask,
    setting: Setting,
    forest: ForestModel | None = None,
    out_of_bag: NDArray[np.float64] | None = None,
    index: NDArray[np.int64] | None = None,
) -> ClassShares:
    """Decide the classes' shares in the scene.

    Args:
        task: Scenes, points and their design.
        setting: `auto`, `points`, `estimate`, or shares by class name.
        forest: For an estimate: a forest trained on the points.
        out_of_bag: (N, C) what its trees say of points they have not seen.
        index: (N,) classes of those points.

    Raises:
        InputError: Stated shares that do not fit the classes.
    """
    if not isinstance(setting, str):
        shares = _stated_shares(task, setting)
        total = sum(setting.values())
        scaled = "" if abs(total - 1) < _ROUNDED else f" (they sum to {total:.3g}, scaled to 1)"
        shown = _shown(task)
        lost = [f"'{name}'" for name, share in setting.items() if share and name not in shown]
        lost_too = f" Nothing of {', '.join(lost)} is mapped: no points show it." if lost else ""
        sentence = f"Class shares as stated{scaled}: {_listed(task, shares)}.{lost_too}"
        return ClassShares("stated", _factors(task, shares), sentence, shares)
    if not wants_estimate(task, setting):
        return ClassShares("points", None, "Class shares: those of the points.")
    assert forest is not None, "an estimate needs one"
    assert out_of_bag is not None
    assert index is not None
    counts = task.class_counts()
    calibration = fit_calibration(out_of_bag, index)
    seen = calibrate(predict_sample(forest, task), calibration)
    prior = counts / counts.sum()
    half = setting == "auto" and task.design == "purposive" and not _is_even(task)
    way = 0.5 if half else 1.0
    shares = draw_to_prior(estimate_shares(seen, prior), prior, int(counts.sum()), way)
    listed, undo = _listed(task, shares), "To take the points' shares: --class-shares points."
    if half:
        sentence = (
            "Points that somebody placed need not show the scene's class shares: taken are "
            f"{listed}, half way from theirs to an estimate from the scene. {undo}"
        )
    else:
        why = "The points are balanced, the scene is not: its"
        if setting == "estimate":
            why = "As asked, the scene's"
        sentence = f"{why} class shares are estimated as {listed} and used. {undo}"
    if task.design in PROPORTIONAL:
        sentence += f" Points of design {task.design} hold the scene's shares themselves."
    return ClassShares("estimated", _factors(task, shares), sentence, shares)


def estimate_shares(
    probabilities: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Class shares among unlabelled pixels, by expectation–maximisation.

    A class gets 2 % of the pixels as pseudo-counts, so that a rare class does not vanish.

    Args:
        probabilities: (n, C) calibrated for points of shares `prior`.
        prior: (C,) class shares of the points; classes without points get share 0.

    Returns:
        (C,) with sum 1.

    References:
        Saerens et al. (2002), Adjusting the outputs of a classifier to new a priori probabilities.
        Alexandari et al. (2020), Maximum likelihood with bias-corrected calibration is
        hard-to-beat at label shift adaptation.
    """
    known = prior > 0
    given = probabilities[:, known]
    before = prior[known]
    shares = before.copy()
    for _ in range(_MAX_ROUNDS):
        responsibility = given * (shares / before)
        responsibility /= responsibility.sum(axis=1, keepdims=True)
        found = responsibility.mean(axis=0) + _PSEUDO_SHARE
        found /= found.sum()
        step = float(np.abs(found - shares).max())
        shares = found
        if step < _TOLERANCE:
            break
    out = np.zeros(len(prior))
    out[known] = shares
    return out


def draw_to_prior(
    shares: NDArray[np.float64], prior: NDArray[np.float64], n_points: int, way: float = 1.0
) -> NDArray[np.float64]:
    """Draw estimated shares to those of the points, the fewer points there are the more.

    Fewer than ten points per class calibrate a forest badly, and shares estimated by it make a map
    worse than none (docs/decisions/0010): an estimate counts n / 100, from 100 points on fully.

    Args:
        shares: (C,) estimated.
        prior: (C,) of the points; 0 where a class has none.
        n_points: Labelled pixels n.
        way: How far to go from the points' shares to the estimate, 0…1, on a logarithmic scale.

    Returns:
        (C,) with sum 1.
    """
    trust = way * min(1.0, n_points / _ENOUGH_POINTS)
    drawn = shares**trust * prior ** (1.0 - trust)
    drawn /= drawn.sum()
    return np.asarray(drawn, dtype=np.float64)


def fit_calibration(
    probabilities: NDArray[np.float64], index: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Temperature and bias per class that make held-out probabilities honest.

    Args:
        probabilities: (N, C) of pixels that the model has not seen.
        index: (N,) their classes.

    Returns:
        (1 + C,): log of the inverse temperature, biases. Drawn gently towards none of either.

    References:
        Guo et al. (2017), On calibration of modern neural networks (temperature); Alexandari et
        al. (2020), section 2.3 (bias-corrected temperature scaling).
    """
    from scipy.optimize import minimize

    logs = np.log(np.clip(probabilities, 1e-3, 1.0))
    rows = np.arange(len(index))

    def cost(parameters: NDArray[np.float64]) -> float:
        z = logs * np.exp(parameters[0]) + parameters[1:]
        z = z - z.max(axis=1, keepdims=True)
        loss = np.log(np.exp(z).sum(axis=1)) - z[rows, index]
        return float(loss.mean() + 1e-3 * (parameters**2).sum())

    start = np.zeros(1 + probabilities.shape[1])
    return np.asarray(minimize(cost, start, method="L-BFGS-B").x, dtype=np.float64)


def calibrate(
    probabilities: NDArray[np.float64], calibration: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Apply `fit_calibration` to probabilities (n, C)."""
    z = np.log(np.clip(probabilities, 1e-3, 1.0)) * np.exp(calibration[0]) + calibration[1:]
    z = np.exp(z - z.max(axis=1, keepdims=True))
    out: NDArray[np.float64] = z / z.sum(axis=1, keepdims=True)
    return out


def predict_sample(model: ForestModel, task: TrainingTask) -> NDArray[np.float64]:
    """Probabilities (n, C) at small windows spread at random over all scenes.

    Raises:
        InputError: None of them has data.
    """
    rng = np.random.default_rng([task.seed, 7])
    areas = np.array([s.grid.height * s.grid.width for s in task.sources], dtype=np.float64)
    found = []
    for scene in rng.choice(len(areas), _N_WINDOWS, p=areas / areas.sum()):
        source = task.sources[scene]
        height, width = (min(_WINDOW_PX, side) for side in source.grid.shape)
        row = int(rng.integers(source.grid.height - height, endpoint=True))
        col = int(rng.integers(source.grid.width - width, endpoint=True))
        core = Window(row, col, height, width)
        read = core.expand(model.halo_px)
        pixels = source.read(read)
        if not pixels.valid[core.slices_in(read)].any():
            continue
        predicted = model.predict_part(pixels.data, pixels.valid, core.slices_in(read))
        found.append(predicted[:, pixels.valid[core.slices_in(read)]].T)
    if not found:
        raise InputError(
            "Expected pixels with data to estimate the class shares from, found none in "
            f"{_N_WINDOWS} places. State them with --class-shares."
        )
    return np.concatenate(found).astype(np.float64)


def parse_class_shares(text: str) -> Setting:
    """Read `auto`, `points`, `estimate` or `Water=0.1,Forest=0.6,Urban=0.3`.

    Raises:
        InputError: Anything else.
    """
    if "=" not in text:
        if text in ("auto", "points", "estimate"):
            return text
        raise InputError(
            "Expected --class-shares auto, points, estimate or shares like "
            f"'Water=0.1,Forest=0.9', got {text!r}."
        )
    shares = {}
    for part in filter(str.strip, text.split(",")):
        name, _, value = part.rpartition("=")
        if not name.strip() or ";" in part:
            raise InputError(
                "Expected shares like 'Water=0.1,Forest=0.9' in --class-shares, "
                f"got {part.strip()!r} among them."
            )
        if name.strip() in shares:
            raise InputError(
                f"Expected one share per class in --class-shares, got two for '{name.strip()}'. "
                "Leave one out."
            )
        try:
            shares[name.strip()] = float(parse_share(value))
        except ValueError:
            raise InputError(
                f"Expected a number after '{name.strip()}=' in --class-shares, got {value!r}."
            ) from None
    return shares


def parse_share(value: Any) -> Any:
    """`20%` as .2, other text as it stands; what is no text stays what it is.

    Raises:
        ValueError: A percentage that is no number.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    return float(text[:-1]) / 100 if text.endswith("%") else text


def _stated_shares(task: TrainingTask, stated: Mapping[str, float]) -> NDArray[np.float64]:
    """Shares by class index, made to sum to 1 over the classes that have points."""
    names = task.legend.names
    unknown = [name for name in stated if name not in names]
    has_points = task.class_counts() > 0
    missing = [n for n, has in zip(names, has_points, strict=True) if has and n not in stated]
    if unknown or missing:
        what = f"no class {unknown[0]!r}" if unknown else f"no share for {missing[0]!r}"
        raise InputError(
            f"Expected a share for each of the classes {', '.join(names)}, got {what}. "
            "Correct --class-shares."
        )
    shares = np.array([float(stated.get(name, 0.0)) for name in names])
    bad = ~(np.isfinite(shares) & (shares >= 0)) | (has_points & (shares == 0))
    if bad.any():
        at = int(bad.argmax())
        raise InputError(
            "Expected shares above 0 for all classes with points, none below 0 for others, got "
            f"{shares[at]:g} for '{names[at]}'. Correct --class-shares."
        )
    shares[~has_points] = 0.0
    shares /= shares.sum()
    return shares


def _shown(task: TrainingTask) -> set[str]:
    """Classes with points."""
    pairs = zip(task.legend.names, task.class_counts(), strict=True)
    return {name for name, count in pairs if count}


def _factors(task: TrainingTask, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share in the scene ÷ share of the points; 1 for classes without points."""
    counts = task.class_counts().astype(np.float64)
    prior = counts / counts.sum()
    return np.where(prior > 0, shares / np.where(prior > 0, prior, 1.0), 1.0)


def _listed(task: TrainingTask, shares: NDArray[np.float64]) -> str:
    pairs = zip(task.legend.names, shares, strict=True)
    return ", ".join(f"{name} {share:.1%}" for name, share in pairs if share > 0)

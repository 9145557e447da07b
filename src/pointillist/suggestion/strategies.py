"""Strategies: what makes a place worth a click. Few, named, with the same constants everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.suggestion.candidates import Candidates

Measure = Callable[[Candidates], NDArray[np.float64]]
DEFAULT_STRATEGY = "margin"


@dataclass(frozen=True)
class Strategy:
    """How places are chosen among candidates.

    Args:
        name: As people write it.
        reason: Why such a place is suggested, said at each.
        measure: Uncertainty (N,) 0…1 of candidates; what is written beside each place.
        informed: Whether the uncertain are preferred; else places are drawn whatever the model
            says.
        kind: Of the draw: `places` (anywhere), `cells` (one in each part of the scene), `classes`
            (a share for each class of the map) or `looks` (such as look different).
    """

    name: str
    reason: str
    measure: Measure
    informed: bool = True
    kind: str = "classes"

    @property
    def needs_ensemble(self) -> bool:
        """Whether candidates must say how much an ensemble disagrees."""
        return self.measure is measure_disagreement


def measure_margin(candidates: Candidates) -> NDArray[np.float64]:
    """How close the second class is to the first: 1 − (p₁ − p₂).

    References:
        Scheffer et al. (2001), Active hidden Markov models for information extraction.
    """
    if candidates.probabilities.shape[1] < 2:
        return np.zeros(len(candidates))
    two = np.partition(candidates.probabilities.astype(np.float64), -2, axis=1)[:, -2:]
    return np.asarray(1.0 - (two[:, 1] - two[:, 0]), dtype=np.float64)


def measure_entropy(candidates: Candidates) -> NDArray[np.float64]:
    """Entropy of the classes over that of all alike."""
    return _entropy(candidates.probabilities.astype(np.float64))


def measure_disagreement(candidates: Candidates) -> NDArray[np.float64]:
    """Entropy of the ensemble's mean less the mean entropy of its members, over ln C.

    References:
        Houlsby et al. (2011), Bayesian active learning for classification (BALD).
    """
    if candidates.disagreement is None:
        raise InputError("Expected candidates that an ensemble was asked about, got others.")
    return candidates.disagreement.astype(np.float64)


def _entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    total = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=1)
    share = total / np.log(max(probabilities.shape[1], 2))
    return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float64)


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy("margin", "two classes are nearly even", measure_margin),
        Strategy("entropy", "many classes are likely", measure_entropy),
        Strategy("disagreement", "the model contradicts itself", measure_disagreement),
        Strategy("diverse", "two classes are nearly even, and it looks unlike the others",
                 measure_margin, kind="looks"),
        Strategy("spread", "one of each part of the scene", measure_margin,
                 informed=False, kind="cells"),
        Strategy("random", "drawn at random", measure_margin, informed=False, kind="places"),
    )
}  # fmt: skip
"""All strategies by name."""


def explain(
    probabilities: NDArray[np.float32], strategy: Strategy, names: NDArray[np.object_]
) -> str:
    """Why a place is suggested, such as `two classes are nearly even: Road 41 %, Land 38 %`.

    Args:
        probabilities: (C,) of the place.
        strategy: By what it was chosen.
        names: (C,) of the classes.
    """
    likely = [c for c in np.argsort(-probabilities, kind="stable")[:3] if probabilities[c] > 0.05]
    shares = ", ".join(f"{names[c]} {100 * probabilities[c]:.0f} %" for c in likely)
    return f"{strategy.reason}: {shares}"


def find_strategy(name: str) -> Strategy:
    """A strategy by its name.

    Raises:
        InputError: There is no such strategy.
    """
    if name not in STRATEGIES:
        raise InputError(f"Expected --strategy among {', '.join(STRATEGIES)}, got {name!r}.")
    return STRATEGIES[name]

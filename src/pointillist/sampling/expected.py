"""The user's accuracies that are expected before a sample is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.legend import Legend

Expected = str | float | Mapping[str, float]
_HOW = "Say one for all, one by class, or both: --expected 0.8,Water=0.95."


def read_expected(
    expected: Expected, legend: Legend | None, present: Sequence[int] | NDArray[np.int64]
) -> NDArray[np.float64]:
    """Accuracy (H,) for each stratum.

    Args:
        expected: One number for all strata, a mapping from names, or both as text:
            `0.8,Water=0.95`.
        legend: Names of the strata, None where there is only one without a name.
        present: Indices of the strata that have pixels: each needs a number.

    Raises:
        InputError: An unknown stratum, one without a number, or a number outside 0…1.

    Example:
        >>> read_expected("0.8,Water=0.95", Legend.from_names(["Water", "Forest"]), [0, 1]).tolist()
        [0.95, 0.8]
    """
    for_all, by_name = _parts(expected)
    values = np.full(1 if legend is None else len(legend), np.nan if for_all is None else for_all)
    for name, value in by_name.items():
        at = None if legend is None else legend.index_of(name)
        if at is None:
            known = "it has no classes" if legend is None else f"its classes: {_list(legend.names)}"
            raise InputError(
                f"Expected the name of a class of the raster in --expected, got '{name}' ({known})."
            )
        values[at] = value
    for at in present:
        _check(float(values[at]), "the raster" if legend is None else legend.names[at])
    return np.asarray(np.nan_to_num(values, nan=0.5), dtype=np.float64)


def _parts(expected: Expected) -> tuple[float | None, dict[str, float]]:
    if isinstance(expected, Mapping):
        return None, {str(k): float(v) for k, v in expected.items()}
    for_all, by_name = None, {}
    for part in str(expected).split(","):
        name, _, number = part.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise InputError(
                f"Expected numbers from 0 to 1 in --expected, got '{part.strip()}'. {_HOW}"
            ) from None
        if name:
            by_name[name.strip()] = value
        else:
            for_all = value
    return for_all, by_name


def _check(value: float, name: str) -> None:
    if np.isnan(value):
        raise InputError(f"Expected an accuracy for '{name}' in --expected, got none. {_HOW}")
    if not 0 <= value <= 1:
        raise InputError(
            f"Expected an accuracy from 0 to 1 in --expected, got {value:g} for '{name}'. {_HOW}"
        )


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")

"""Figures as an assessment's JSON states them: plain numbers, or estimates with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

NOTHING = "–"


class HasFigures(Protocol):
    """Whatever can state itself as plain data, such as an `Assessment`."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data with the keys of `assess --json`."""


Assessed = Mapping[str, Any] | HasFigures


def as_dict(assessment: Assessed) -> Mapping[str, Any]:
    """The plain data of an assessment."""
    return assessment if isinstance(assessment, Mapping) else assessment.to_dict()


@dataclass(frozen=True, slots=True)
class Stated:
    """One figure.

    Args:
        value: None where it is not defined or not estimable.
        low: Lower limit of its interval, None where there is none.
        high: Upper limit.
        is_estimate: Whether it comes from a sample, and so should have an interval.
        se: Its standard error, None where there is none.
        bootstrap: Limits by resampling, None where there are none.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    is_estimate: bool = False
    se: float | None = None
    bootstrap: tuple[float, float] | None = None

    @classmethod
    def read(cls, stated: Any) -> Stated:
        """Read a number, null, or `{"estimate", "se", "ci"}`."""
        if not isinstance(stated, Mapping):
            return cls(None if stated is None else float(stated))
        low, high = stated.get("ci") or (None, None)
        resampled = stated.get("bootstrap_ci")
        return cls(
            stated["estimate"], low, high, True, stated.get("se"),
            None if resampled is None else (resampled[0], resampled[1]),
        )  # fmt: skip

    def percent(self, digits: int = 1) -> str:
        """The value in percent, without the sign."""
        return NOTHING if self.value is None else f"{100 * self.value:.{digits}f}"

    def percent_interval(self, digits: int = 1) -> str:
        """The interval in percent; says so where an estimate has none."""
        if self.low is None or self.high is None:
            return "not estimable" if self.is_estimate and self.value is not None else ""
        return f"{100 * self.low:.{digits}f}–{100 * self.high:.{digits}f}"

    def percent_bootstrap(self, digits: int = 1) -> str:
        """The limits by resampling in percent; nothing where there are none."""
        if self.bootstrap is None:
            return ""
        low, high = self.bootstrap
        return f"{100 * low:.{digits}f}–{100 * high:.{digits}f}"

    def percent_se(self, digits: int = 1) -> str:
        """The standard error in percentage points; nothing where there is none."""
        return "" if self.se is None else f"{100 * self.se:.{digits}f}"

    def amount(self) -> str:
        """The value as an amount, e.g. hectares."""
        return amount(self.value)

    def amount_interval(self) -> str:
        """The interval as amounts."""
        if self.low is None or self.high is None:
            return "not estimable" if self.is_estimate and self.value is not None else ""
        return f"{amount(self.low)}–{amount(self.high)}"

    def amount_se(self) -> str:
        """The standard error as an amount; nothing where there is none."""
        return "" if self.se is None else amount(self.se)


def amount(value: float | None) -> str:
    """A number with as many decimals as its size deserves, thousands grouped."""
    if value is None:
        return NOTHING
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def count(value: float) -> str:
    """A whole number, thousands grouped."""
    return f"{round(value):,}"

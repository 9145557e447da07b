"""What labels cost in working time: points by the second, full masks by the minute."""

from __future__ import annotations

from dataclasses import dataclass

from pointillist.errors import InputError


@dataclass(frozen=True)
class CostModel:
    """Time and money of labelling.

    Args:
        seconds_per_point: Time to place one labelled point.
        minutes_per_mask: Time to draw the full mask of one image.
        hourly_wage: Dollars, the currency of the reference study's claim.

    Raises:
        InputError: A number that is not above 0.

    The defaults are those that annotators of everyday photographs were measured at: 2.4 s per
    point and four minutes (239.7 s) per full mask. Nobody has measured them for this study's
    images; state your own.

    References:
        Bearman et al. (2016), What's the point: semantic segmentation with point supervision, ECCV,
        section 4.
    """

    seconds_per_point: float = 2.4
    minutes_per_mask: float = 4.0
    hourly_wage: float = 15.0

    def __post_init__(self) -> None:
        if not min(self.seconds_per_point, self.minutes_per_mask, self.hourly_wage) > 0:
            raise InputError(
                f"Expected times and a wage above 0, got {self.seconds_per_point} s per point, "
                f"{self.minutes_per_mask} min per mask and {self.hourly_wage} per hour."
            )

    def points_seconds(self, n_points: float) -> float:
        """Seconds for the points of one image."""
        return n_points * self.seconds_per_point

    @property
    def mask_seconds(self) -> float:
        """Seconds for the full mask of one image."""
        return 60 * self.minutes_per_mask

    def saved(self, n_points: float) -> float:
        """Share of the time of a full mask that points save; below 0 where they cost more."""
        return 1.0 - self.points_seconds(n_points) / self.mask_seconds

    def money(self, seconds: float) -> float:
        """What some working time costs."""
        return seconds / 3600 * self.hourly_wage

    def points_for(self, money: float) -> float:
        """Points that some money pays for."""
        return money / self.money(self.seconds_per_point)

    @property
    def break_even(self) -> float:
        """Points per image that take as long as a full mask."""
        return self.mask_seconds / self.seconds_per_point

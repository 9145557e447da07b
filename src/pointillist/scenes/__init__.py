"""Generated scenes with known truth: `classic` (easy, of the reference study) and `terrain`."""

from pointillist.scenes.classic import CLASS_MEANS, generate_classic
from pointillist.scenes.legends import CLASSIC_LEGEND, TERRAIN_LEGEND

__all__ = ["CLASSIC_LEGEND", "CLASS_MEANS", "TERRAIN_LEGEND", "generate_classic"]

"""Generated scenes with known truth: `classic` (easy, of the reference study) and `terrain`."""

from pointillist.scenes.classic import CLASS_MEANS, generate_classic
from pointillist.scenes.legends import CLASSIC_LEGEND, TERRAIN_LEGEND
from pointillist.scenes.terrain import EXTRA_BANDS, GeneratedScene, generate_terrain

__all__ = [
    "CLASSIC_LEGEND",
    "CLASS_MEANS",
    "EXTRA_BANDS",
    "TERRAIN_LEGEND",
    "GeneratedScene",
    "generate_classic",
    "generate_terrain",
]

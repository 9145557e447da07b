"""The classes of the generated scenes; both kinds have the same five, in the same order."""

from __future__ import annotations

from pointillist.legend import Legend

URBAN, VEGETATION, WATER, BARE_SOIL, ROAD = range(5)
"""Class indices in masks of generated scenes; the codes in files are one more."""

CLASSIC_LEGEND = Legend.from_names(
    ["Urban", "Vegetation", "Water", "Bare Soil", "Road"],
    colors=[(200, 60, 50), (110, 175, 75), (58, 110, 190), (190, 150, 105), (70, 70, 75)],
)
"""Legend of `classic` scenes."""

TERRAIN_LEGEND = CLASSIC_LEGEND
"""Legend of `terrain` scenes."""

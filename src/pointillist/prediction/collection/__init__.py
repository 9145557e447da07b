"""Many maps as one: a mosaic that GIS programs open, and a STAC collection."""

from pointillist.prediction.collection.map_collection import MapCollection

__all__ = ["MapCollection"]

"""Which scenes are meant: files, a folder of them, a list of STAC items, a GDAL tile index."""

from pointillist.raster.listing.listed import ListedScene
from pointillist.raster.listing.naming import name_files
from pointillist.raster.listing.scenes import SceneList, list_scenes

__all__ = ["ListedScene", "SceneList", "list_scenes", "name_files"]

"""Rasters: windowed reads of scenes, class rasters, and writing of maps.

Rasterio is imported where it is used: arrays as scenes work without it.
"""

from pointillist.raster.classes import ClassRaster, open_class_raster
from pointillist.raster.decoding import decoded_once, in_panels, little_kept
from pointillist.raster.describe import describe
from pointillist.raster.fingerprint import (
    JOB_TAG,
    POINTS_TAG,
    UNREADABLE_TAG,
    fingerprint_contents,
    fingerprint_raster,
    fingerprint_scene,
    made_by_predict,
    read_training_points,
)
from pointillist.raster.opening import same_crs
from pointillist.raster.scene import Scene, open_scene, parse_bands
from pointillist.raster.source import ArraySource, Pixels, PixelSource
from pointillist.raster.stack import stack
from pointillist.raster.writing import (
    BandWriter,
    MapWriter,
    check_output,
    check_style,
    remove_partial_files,
    scale_to_uint8,
    write_array,
)

__all__ = [
    "JOB_TAG",
    "POINTS_TAG",
    "UNREADABLE_TAG",
    "ArraySource",
    "BandWriter",
    "ClassRaster",
    "MapWriter",
    "PixelSource",
    "Pixels",
    "Scene",
    "check_output",
    "check_style",
    "decoded_once",
    "describe",
    "fingerprint_contents",
    "fingerprint_raster",
    "fingerprint_scene",
    "in_panels",
    "little_kept",
    "made_by_predict",
    "open_class_raster",
    "open_scene",
    "parse_bands",
    "read_training_points",
    "remove_partial_files",
    "same_crs",
    "scale_to_uint8",
    "stack",
    "write_array",
]

"""Labelled points, lines and polygons: read from any vector file, laid on scenes, written."""

from pointillist.points.aoi import AreaOfInterest, refuse_no_overlap
from pointillist.points.appending import append_points, check_appendable
from pointillist.points.burning import BurntPixels, burn
from pointillist.points.fields import choose_class_field, merge_legends
from pointillist.points.label import Change, Event, Label
from pointillist.points.labels import (
    LabelledPixels,
    LabelReport,
    Labels,
    Outcome,
    require_two_classes,
)
from pointillist.points.laying import has_data
from pointillist.points.metadata import read_legend, read_metadata
from pointillist.points.placed import PlacedPoints, read_placed
from pointillist.points.placing import place_on_grid
from pointillist.points.reading import derive_legend, read_labels, read_labels_for_scenes
from pointillist.points.store import PointStore
from pointillist.points.summary import FileSummary, summarise_file
from pointillist.points.vectors import read_features
from pointillist.points.writing import write_points

__all__ = [
    "AreaOfInterest",
    "BurntPixels",
    "Change",
    "Event",
    "FileSummary",
    "Label",
    "LabelReport",
    "LabelledPixels",
    "Labels",
    "Outcome",
    "PlacedPoints",
    "PointStore",
    "append_points",
    "burn",
    "check_appendable",
    "choose_class_field",
    "derive_legend",
    "has_data",
    "merge_legends",
    "place_on_grid",
    "read_features",
    "read_labels",
    "read_labels_for_scenes",
    "read_legend",
    "read_metadata",
    "read_placed",
    "refuse_no_overlap",
    "require_two_classes",
    "summarise_file",
    "write_points",
]

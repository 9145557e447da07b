"""Pointillist: from a few hundred labelled points to a trustworthy land-cover map.

The whole path in Python::

    import pointillist

    run = pointillist.train("scene.tif", points="points.gpkg", out="run")
    pointillist.predict(run, "scene.tif", out="map.tif")
    result = pointillist.assess("map.tif", reference="reference.gpkg")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pointillist.accuracy import assess as assess  # type: ignore[no-redef]
    from pointillist.description import describe as describe
    from pointillist.exporting import export as export
    from pointillist.legend import Legend as Legend
    from pointillist.models import load as load
    from pointillist.prediction import predict as predict
    from pointillist.raster import stack as stack
    from pointillist.sampling import sample as sample
    from pointillist.suggestion import suggest as suggest
    from pointillist.training import train as train

# Imported on first use: `pointillist --help` must not wait for torch and GDAL.
_EXPORTS = {
    "Legend": "pointillist.legend",
    "assess": "pointillist.accuracy",
    "describe": "pointillist.description",
    "export": "pointillist.exporting",
    "load": "pointillist.models",
    "predict": "pointillist.prediction",
    "sample": "pointillist.sampling",
    "stack": "pointillist.raster",
    "suggest": "pointillist.suggestion",
    "train": "pointillist.training",
}

__all__ = [
    "Legend", "__version__", "assess", "describe", "export", "load", "predict", "sample", "stack",
    "suggest", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'pointillist' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

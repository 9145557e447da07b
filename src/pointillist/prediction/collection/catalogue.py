"""The STAC collection of several maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pointillist
from pointillist.prediction.collection.items import (
    CLASSIFICATION,
    COG,
    MODEL_KEY,
    MappedScene,
    class_documents,
    collection_id,
)

if TYPE_CHECKING:
    from pointillist.models import TrainedModel


def collection_document(
    folder: Path,
    scenes: Sequence[MappedScene],
    model: TrainedModel,
    digest: str,
    mosaics: Sequence[Path],
) -> dict[str, Any]:
    """The collection as JSON data.

    Args:
        folder: Where it goes.
        scenes: All scenes; at least one with a place.
        model: What made their maps.
        digest: Its fingerprint.
        mosaics: VRTs in the folder.
    """
    import pystac

    names = ", ".join(model.legend.names)
    collection = pystac.Collection(
        id=collection_id(folder),
        title=f"Land cover: {folder.resolve().name}",
        description=f"Maps of {len(scenes)} scenes by Pointillist. Classes: {names}.",
        extent=extent_of(scenes),
        license="other",
        stac_extensions=[CLASSIFICATION],
        extra_fields={
            MODEL_KEY: digest,
            "pointillist:version": pointillist.__version__,
            "item_assets": {
                "map": {
                    "title": "Classes", "type": COG, "roles": ["data"],
                    "classification:classes": class_documents(model.legend),
                }
            },
        },
    )  # fmt: skip
    for mosaic in mosaics:
        collection.add_asset(
            mosaic.stem,
            pystac.Asset(
                f"./{mosaic.name}", "All maps as one raster", media_type="application/xml",
                roles=["data"],
            ),
        )  # fmt: skip
    document = collection.to_dict(include_self_link=False, transform_hrefs=False)
    document["links"] = [
        {"rel": "root", "href": "./collection.json", "type": "application/json"},
        *({"rel": "item", "href": f"./items/{scene.name}.json", "type": "application/geo+json"}
          for scene in scenes),
        {"rel": "derived_from", "href": "./model.json", "type": "application/geo+json",
         "title": "The model that made the maps"},
    ]  # fmt: skip
    return dict(document)


def extent_of(scenes: Sequence[MappedScene]) -> Any:
    """Bounds and times of all scenes; the whole belt if one crosses the antimeridian."""
    import pystac

    boxes = [scene.bbox for scene in scenes if scene.bbox is not None]
    crosses = any(west > east for west, _, east, _ in boxes)
    west = -180.0 if crosses else min(box[0] for box in boxes)
    east = 180.0 if crosses else max(box[2] for box in boxes)
    bbox = [west, min(box[1] for box in boxes), east, max(box[3] for box in boxes)]
    times = [scene.acquired for scene in scenes]
    return pystac.Extent(
        pystac.SpatialExtent([bbox]), pystac.TemporalExtent([[min(times), max(times)]])
    )

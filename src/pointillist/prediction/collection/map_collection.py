"""What lies beside several maps: mosaics, STAC items, the model's item and the collection."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointillist.errors import OutputExistsError
from pointillist.prediction.collection.catalogue import collection_document
from pointillist.prediction.collection.items import MODEL_KEY, MappedScene, item_document
from pointillist.prediction.collection.model_item import model_document
from pointillist.prediction.collection.mosaic import MOSAIC_KEY, write_mosaics
from pointillist.prediction.collection.text_files import write_text
from pointillist.prediction.fingerprint import fingerprint_model
from pointillist.prediction.outputs import Outputs, PathLike
from pointillist.raster.full_disk import writing
from pointillist.raster.listing import SceneList

if TYPE_CHECKING:
    from pointillist.models import TrainedModel

logger = logging.getLogger(__name__)

COLLECTION_FILE, MODEL_FILE, ITEMS_FOLDER = "collection.json", "model.json", "items"
_HEAD_BYTES = 100_000


@dataclass(frozen=True)
class MapCollection:
    """Files that make one thing of several maps; in the folder of the maps.

    `mosaic.vrt` (one per coordinate system) shows them all; `collection.json` is a STAC collection
    with an item per scene in `items/` and the model in `model.json`. Links are relative, so the
    folder can be moved.

    Args:
        folder: Of the maps.
        scenes: What was mapped.
        plans: Where the results of each are.
    """

    folder: Path
    scenes: SceneList
    plans: Sequence[Outputs]

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """Make sure that nothing else is replaced.

        Raises:
            OutputExistsError: A file is there and may not be replaced.
        """
        if overwrite:
            return
        for file in self._existing():
            if not resume:
                raise OutputExistsError(
                    f"'{file}' exists already: it belongs to other maps in this folder. Choose "
                    "another folder with --out, add scenes to the list it was made of with "
                    "--resume, or replace it with --overwrite."
                )
            if not _is_ours(file):
                raise OutputExistsError(
                    f"'{file}' exists already and was not made by Pointillist. Choose another "
                    "folder with --out, or replace it with --overwrite."
                )

    def _existing(self) -> list[Path]:
        items = [self.folder / ITEMS_FOLDER / f"{name}.json" for name in self.scenes.names]
        files = [self.folder / COLLECTION_FILE, self.folder / MODEL_FILE, *items]
        return [file for file in files if file.exists()] + sorted(self.folder.glob("mosaic*.vrt"))

    def write(self, model: TrainedModel, model_file: PathLike | None) -> Path | None:
        """Write all; the collection, which refers to the others, last.

        Args:
            model: What made the maps.
            model_file: Its file; None writes one beside the collection.

        Returns:
            The collection; None where no scene has a place on Earth.

        Raises:
            OutputError: A file cannot be written.
        """
        mosaics = write_mosaics([plan.map for plan in self.plans], model.legend, self.folder)
        mapped = [
            MappedScene.look(scene, name, plan)
            for scene, name, plan in zip(
                self.scenes.scenes, self.scenes.names, self.plans, strict=True
            )
        ]
        if all(scene.bbox is None for scene in mapped):
            logger.warning("No scene has a place on Earth: no STAC collection is written.")
            return None
        digest = fingerprint_model(model)
        items = {
            scene.name: item_document(scene, model.legend, digest, self.folder, ITEMS_FOLDER)
            for scene in mapped
        }
        if model_file is None:
            model_file = self.folder / f"model_{digest[:12]}.safetensors"
            if not model_file.exists():  # else it is this one
                model.save(model_file)
        documents: dict[Path, dict[str, Any]] = {
            self.folder / MODEL_FILE: model_document(
                model, Path(model_file), digest, mapped, self.folder
            )
        }
        with writing(self.folder):
            (self.folder / ITEMS_FOLDER).mkdir(exist_ok=True)
        for name, item in items.items():
            documents[self.folder / ITEMS_FOLDER / f"{name}.json"] = item
        documents[self.folder / COLLECTION_FILE] = collection_document(
            self.folder, mapped, model, digest, mosaics
        )
        for file, document in documents.items():
            write_text(file, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        return self.folder / COLLECTION_FILE


def _is_ours(file: Path) -> bool:
    """Whether an earlier run wrote a file."""
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES).decode("utf-8", errors="replace")
    return MODEL_KEY in head or MOSAIC_KEY in head

"""Peak memory of a map of one scene, and of a mosaic that holds it a hundred times.

    python benchmarks/map_memory.py [--scene SCENE.tif] [--times 10] [--network slim]

The mosaic is a VRT of `--times` × `--times` copies. The model is a threshold, so that reading,
keeping and writing are all there is, or a network with random weights; each map is made in a
process of its own, and a map of 64 px tells what the model itself takes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from map_speed import crop_scene
from recording import record

from pointillist.grid import Grid, Transform
from pointillist.legend import Legend
from pointillist.models import ModelCard, Normalisation, TrainedModel


class Threshold(TrainedModel):
    """Bright or dark."""

    kind = "threshold"
    halo_px = 128

    def _class_probabilities(self, data: Any, valid: Any) -> Any:
        bright = np.clip(data[0], 0, 1)
        return np.stack([1 - bright, bright])

    def spec_dict(self) -> dict[str, Any]:
        return {}

    def tensors(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_parts(cls, spec: Any, tensors: Any, card: ModelCard) -> Threshold:
        return cls(card)


def make_map(scene: str, out: str, encoder: str) -> None:
    """Map a scene; prints the peak of memory."""
    from pointillist.prediction import predict
    from pointillist.raster import open_scene

    names = open_scene(scene).band_names
    norm = Normalisation((0.0,) * len(names), (255.0,) * len(names))
    card = ModelCard(Legend.from_names(["dark", "bright"]), names, norm)
    model: TrainedModel = Threshold(card)
    if encoder != "threshold":
        from pointillist.models import NetworkModel, NetworkSpec, build_model

        spec = NetworkSpec("unet", encoder, len(names), 2)
        network = build_model(
            encoder, weights="none", in_channels=len(names), num_classes=2, seed=0
        )
        model = NetworkModel(network, spec, card)
    start = time.process_time()
    predict(model, scene, out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak_mib": round(peak), "cpu_s": round(time.process_time() - start, 1)}))


def write_mosaic(scene: Path, out: Path, times: int) -> None:
    """A VRT of so many copies of a scene per side."""
    import rasterio

    with rasterio.open(scene) as source:
        height, width, count = source.height, source.width, source.count
    bands = []
    for band in range(1, count + 1):
        copies = "".join(
            f'<SimpleSource><SourceFilename relativeToVRT="0">{scene.resolve()}</SourceFilename>'
            f'<SourceBand>{band}</SourceBand><SrcRect xOff="0" yOff="0" xSize="{width}" '
            f'ySize="{height}"/><DstRect xOff="{col * width}" yOff="{row * height}" '
            f'xSize="{width}" ySize="{height}"/></SimpleSource>'
            for row in range(times)
            for col in range(times)
        )
        bands.append(f'<VRTRasterBand dataType="Byte" band="{band}">{copies}</VRTRasterBand>')
    out.write_text(
        f'<VRTDataset rasterXSize="{times * width}" rasterYSize="{times * height}">'
        "<GeoTransform>3e5, 0.5, 0, 57e5, 0, -0.5</GeoTransform>"
        f"{''.join(bands)}</VRTDataset>",
        encoding="utf-8",
    )


def generated_scene(folder: Path) -> Path:
    from pointillist.raster import write_array

    data = np.random.default_rng(0).integers(0, 256, (3, 96, 96)).repeat(8, 1).repeat(8, 2)
    grid = Grid(768, 768, Transform(0.5, 0, 3e5, 0, -0.5, 57e5))
    return write_array(folder / "scene.tif", data.astype(np.uint8), grid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--network", default="threshold", help="encoder of a U-Net")
    parser.add_argument("--record", type=Path)
    parser.add_argument("--map", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.map:
        make_map(*options.map)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = options.scene or generated_scene(folder)
        figures: dict[str, Any] = {
            "scene": scene.name, "copies": options.times**2, "model": options.network,
        }  # fmt: skip
        write_mosaic(scene, folder / "mosaic.vrt", options.times)
        tiny = crop_scene(scene, folder / "tiny.tif", 64)
        for what, path in (("tiny", tiny), ("scene", scene), ("mosaic", folder / "mosaic.vrt")):
            out = folder / f"{what}_map.tif"
            command = [sys.executable, __file__, "--map", path, out, options.network]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            figures[f"of_the_{what}"] = json.loads(done.stdout.splitlines()[-1])
        peaks = [figures[f"of_the_{what}"]["peak_mib"] for what in ("tiny", "scene", "mosaic")]
        figures["over_the_model_mib"] = [peaks[1] - peaks[0], peaks[2] - peaks[0]]
        figures["ratio"] = round(peaks[2] / peaks[1], 3)
        record("map memory", figures, options.record, "rasterio")


if __name__ == "__main__":
    main()

"""Map whole scenes with a trained model: engines, independent blocks, finished maps."""

from pointillist.prediction.block import (
    BlockPrediction,
    Tiling,
    Wanted,
    normalised_entropy,
    predict_block,
)
from pointillist.prediction.choice import EngineRequest, choose_engine
from pointillist.prediction.engine import Engine, ModelEngine
from pointillist.prediction.mapping import predict_scene
from pointillist.prediction.openvino_engine import OpenVinoEngine
from pointillist.prediction.patches import merge_small_patches
from pointillist.prediction.polygons import write_polygons
from pointillist.prediction.scene_map import predict
from pointillist.prediction.torch_engine import TorchEngine

__all__ = [
    "BlockPrediction",
    "Engine",
    "EngineRequest",
    "ModelEngine",
    "OpenVinoEngine",
    "Tiling",
    "TorchEngine",
    "Wanted",
    "choose_engine",
    "merge_small_patches",
    "normalised_entropy",
    "predict",
    "predict_block",
    "predict_scene",
    "write_polygons",
]

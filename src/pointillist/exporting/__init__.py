"""Models as graphs for other programs: ONNX and OpenVINO, checked before they are left alone."""

from pointillist.exporting.command import export
from pointillist.exporting.contract import GraphContract

__all__ = ["GraphContract", "export"]

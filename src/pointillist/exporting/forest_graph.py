"""A random forest as a graph: features by matrix products in double precision, then the trees.

Trees compare features with thresholds, so features must be the very numbers of
`pointillist.features`, not nearly them: smoothing is computed in double precision and rounded to
float32 after each axis, as it is there. ONNX Runtime has no convolution in double precision; it
has matrix products, and a Gaussian along one axis is a banded matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from pointillist.features.smoothing import gaussian_kernel

if TYPE_CHECKING:
    from pointillist.features import FeatureSpec
    from pointillist.models.forest import ForestArrays, ForestModel

ML_DOMAIN = "ai.onnx.ml"
ML_OPSET = 1  # `TreeEnsembleRegressor` as every runtime since 2018 knows it


class ForestGraph(nn.Module):
    """Normalised bands → class shares of a forest."""

    def __init__(self, model: ForestModel) -> None:
        super().__init__()
        self.features = FeatureGraph(model.features)
        self.forest = model.forest
        self.n_classes = len(model.legend)

    def forward(self, normalised: Tensor, valid: Tensor) -> Tensor:
        """Probabilities (N, C, H, W)."""
        features = self.features(normalised, valid)
        size, height, width = (features.shape[i] for i in (0, 2, 3))
        pixels = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
        shares: Tensor = _Trees.apply(pixels, self.forest, self.n_classes)
        shares = shares / shares.sum(dim=1, keepdim=True)
        return shares.reshape(size, height, width, self.n_classes).permute(0, 3, 1, 2)


class FeatureGraph(nn.Module):
    """`FeatureSpec.compute` on batches."""

    def __init__(self, spec: FeatureSpec) -> None:
        super().__init__()
        self.n_scales = len(spec.sigmas)
        for scale, sigma in enumerate(spec.sigmas):
            kernel = torch.from_numpy(gaussian_kernel(sigma, spec.truncate))
            half = F.pad(kernel[len(kernel) // 2 :], (0, 1))  # the last stands for all beyond
            self.register_buffer(f"half_kernel_{scale}", half)

    def forward(self, normalised: Tensor, valid: Tensor) -> Tensor:
        """Features (N, F, H, W) of bands (N, B, H, W) that are 0 where not valid (N, 1, H, W)."""
        padded, support = F.pad(normalised, (1, 1, 1, 1)), F.pad(valid.float(), (1, 1, 1, 1))
        rows, cols = (_distances(padded.shape[i]) for i in (2, 3))
        features = [normalised[:, :, None]]
        for scale in range(self.n_scales):
            half = getattr(self, f"half_kernel_{scale}")
            down, across = (_band_matrix(half, distances) for distances in (rows, cols))
            weight = _smooth(support, down, across)
            sums = _smooth(padded, down, across)
            smooth = torch.where(weight > 0, sums / weight, torch.zeros_like(sums))
            features.append(_describe(smooth))
        return torch.cat(features, dim=2).flatten(1, 2)


def _distances(side: Any) -> Tensor:
    """|i − j| of every two positions along a side."""
    positions = torch.arange(side)
    return (positions[:, None] - positions[None, :]).abs()


def _band_matrix(half_kernel: Tensor, distances: Tensor) -> Tensor:
    return half_kernel[distances.clamp(max=len(half_kernel) - 1)]


def _smooth(image: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Rows first, rounded in between: the order of `pointillist.features.smoothing`."""
    by_row = (down @ image.double()).float()
    return (by_row.double() @ across).float()


def _describe(smooth: Tensor) -> Tensor:
    """Intensity, gradient and both eigenvalues of the Hessian (N, B, 4, H, W), from (…, H+2, W+2).

    Term by term as in `pointillist.features.spec`: another order would round another way.
    """
    centre = smooth[..., 1:-1, 1:-1]
    left, right = smooth[..., 1:-1, :-2], smooth[..., 1:-1, 2:]
    up, down = smooth[..., :-2, 1:-1], smooth[..., 2:, 1:-1]
    gx, gy = (right - left) * 0.5, (down - up) * 0.5
    hxx, hyy = right + left - 2 * centre, down + up - 2 * centre
    corners = smooth[..., 2:, 2:] - smooth[..., 2:, :-2] - smooth[..., :-2, 2:]
    hxy = (corners + smooth[..., :-2, :-2]) * 0.25
    mean, difference = (hxx + hyy) * 0.5, (hxx - hyy) * 0.5
    spread = torch.sqrt(difference * difference + hxy * hxy)
    gradient = torch.sqrt(gx * gx + gy * gy)
    return torch.stack([centre, gradient, mean + spread, mean - spread], dim=2)


class _Trees(torch.autograd.Function):
    """Computed by the forest itself here, by one node of the ONNX standard in a graph."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, forest: ForestArrays, n_classes: int) -> Tensor:
        shares = np.zeros((len(pixels), n_classes), dtype=np.float32)
        shares[:, forest.classes] = forest.predict(pixels.numpy())
        return torch.from_numpy(shares)

    @staticmethod
    def symbolic(g: Any, pixels: Any, forest: ForestArrays, n_classes: int) -> Any:
        node = g.op(
            f"{ML_DOMAIN}::TreeEnsembleRegressor", pixels, **_describe_trees(forest, n_classes)
        )
        node.setType(pixels.type().with_sizes([None, n_classes]))
        return node


def _describe_trees(forest: ForestArrays, n_classes: int) -> dict[str, Any]:
    """Attributes of the node, with the suffixes by which the tracer knows their types."""
    tree = np.repeat(np.arange(forest.n_trees), forest.tree_sizes)
    node = np.concatenate([np.arange(size) for size in forest.tree_sizes.tolist()])
    is_leaf = forest.left < 0
    leaf, column = np.nonzero((forest.values > 0) & is_leaf[:, None])
    weights = forest.values[leaf, column] / forest.n_trees
    return {
        "n_targets_i": n_classes,
        "nodes_treeids_i": tree.tolist(),
        "nodes_nodeids_i": node.tolist(),
        "nodes_featureids_i": np.where(is_leaf, 0, forest.feature).tolist(),
        "nodes_modes_s": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values_f": np.where(is_leaf, 0, _round_down(forest.threshold)).tolist(),
        "nodes_truenodeids_i": np.where(is_leaf, 0, forest.left).tolist(),
        "nodes_falsenodeids_i": np.where(is_leaf, 0, forest.right).tolist(),
        "target_treeids_i": tree[leaf].tolist(),
        "target_nodeids_i": node[leaf].tolist(),
        "target_ids_i": forest.classes[column].tolist(),
        "target_weights_f": weights.tolist(),
    }


def _round_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 not above: a float32 feature is at most the one iff at most the other."""
    nearest = thresholds.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > thresholds, below, nearest)

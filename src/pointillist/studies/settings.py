"""The ingredients of the default recipe, by name, so that a study can leave each out or add one.

A setting is what a training's configuration says otherwise than the default. The plain network is
the yardstick: partial cross-entropy, a ResNet-34, nothing else.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

PLAIN: dict[str, Any] = {
    "unet.encoder": "resnet34",
    "unet.weights": "none",
    "unet.members": 1,
    "unet.learning_rate": 1e-3,
    "unet.draw": "natural",
    "unet.select": "last",
    "unet.grow_px": 0,
    "unet.gated_crf": 0.0,
    "unet.refit": 0.0,
    "unet.patience": 0,
    "unet.calibrate": False,
    "smooth_px": 0,
}
"""Plain partial cross-entropy; what cells without a setting mean."""

_BASE: dict[str, Any] = {
    "unet.encoder": "slim", "unet.weights": "generated", "unet.members": 1, "smooth_px": 0,
}  # fmt: skip
"""What `auto` would choose by the machine is said here: a record must mean the same everywhere.

When most records were made, maps were not smoothed and one network was trained: what `auto` does
now is the setting `smoothed` in two minutes and `networks, smoothed` where time is longer.
"""

_RANDOM: dict[str, Any] = {"unet.weights": "none"}

SETTINGS = MappingProxyType[str, dict[str, Any]](
    {
        "default": {},
        "smoothed": {"smooth_px": 2},
        "networks": {"unet.members": 4},
        "networks, smoothed": {"unet.members": 4, "smooth_px": 2},
        "random start": _RANDOM,
        "large encoder": {"unet.encoder": "resnet34", **_RANDOM},
        "wide encoder": {"unet.encoder": "slim-wide", **_RANDOM},
        "natural draw": {"unet.draw": "natural"},
        "random start, natural draw": {"unet.draw": "natural", **_RANDOM},
        "rate 1e-3": {"unet.learning_rate": 1e-3},
        "last weights": {"unet.select": "last"},
        "best weights": {"unet.select": "best"},
        "points grown": {"unet.grow_px": 6},
        "gated crf": {"unet.gated_crf": 0.3},
        "refit": {"unet.refit": 0.3},
        "no calibration": {"unet.calibrate": False},
        "small chips": {"unet.chip_px": 64},
        "label noise": {"label_noise": 0.1},
        "point radius": {"point_radius": 2.0},
    }
)
"""What a training says otherwise than the default on a CPU, by name."""

FOR_DISTURBED = ("label noise", "point radius")
"""Settings that clean points have no use for."""

FOR_LONG = ("networks", "networks, smoothed")
"""Settings that a short training has no time for."""


def setting_of(name: str | None) -> dict[str, Any]:
    """The configuration of a setting; the plain network's where none is named.

    Raises:
        InputError: No such setting.
    """
    from pointillist.errors import InputError

    if name is None:
        return dict(PLAIN)
    if name not in SETTINGS:
        raise InputError(f"Expected a setting of {', '.join(SETTINGS)}, got {name!r}.")
    return {**_BASE, **SETTINGS[name]}

"""A name for what the runs of a row have in common, in the words of the project."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from pointillist.studies.protocols import Cell, protocol_of

_STRATEGIES = {
    "random": "",
    "simple": "",
    "stratified": "spread",
    "spread": "spread",
    "interior": "interior",
    "pseudo-stratified": "pseudo-stratified",
}
_WORDS = {
    ("supervision", "full"): "full masks",
    ("recipe", "forest"): "forest",
    ("recipe", "unet"): "network",
    ("recipe", "stack"): "network and forest",
    ("class_shares", "auto"): "shares estimated",
    ("recipe", "forest-pixels"): "forest on pixel values",
    ("trained_on", "terrain"): "trained on terrain",
    ("tested_on", "terrain"): "tested on terrain",
    ("flips", "horizontal"): "horizontal flips",
    ("views", 8): "",
}
_PHRASES = {
    "batch_size": "{} a step",
    "n_points": "",
    "n_per_class": "",
    "strategy": "",
    "design": "{}",
    "scene": "",
    "data": "",
    "optimizer": "{}",
    "learning_rate": "rate {:g}",
    "weight_decay": "decay {:g}",
    "warmup": "warm-up {:g}",
    "weights": "from {}",
    "encoder": "{}",
    "augment": "no augmentation",
    "budget": "{}",
    "setting": "{}",
    "steps": "{} steps",
    "wrong_share": "{:.0%} of the points wrong",
    "off_px": "points off by up to {:g} px",
    "unsure_px": "unsure within {} px of borders",
    "first_points": "{} points first",
    "round_points": "rounds of {}",
    "turn_deg": "turned by {:g}°",
    "stretch": "step × {:g}",
    "tile_px": "tiles of {} px",
    "n_train": "{} training tiles",
    "n_test": "{} test tiles",
    "epochs": "{} epochs",
}
OURS: dict[str, Any] = {"views": 8, "learning_rate": 4e-3, "warmup": 0.1}
"""The project's own recipe of the day on P-classic, where it differs from plain training."""

REFERENCE: dict[str, Any] = {
    "batch_size": 8, "weight_decay": 1e-4, "optimizer": "adam", "warmup": 0.0,
    "flips": "horizontal",
}  # fmt: skip
"""The set-up of the reference study, but for its ImageNet weights."""

OWN_POINTS = "200 per image, recipe of the reference, one view"
OWN_MASKS = "recipe of the reference, full masks, one view"
"""Rows of `baselines` that are trained as the reference study does."""
LONGER_POINTS = "200 per image, 2 a step"
LONGER_MASKS = "2 a step, full masks"
"""Rows of `baselines` with twice the steps."""

ON_SCENES = {"forest": "forest", "unet": "plain network", "stack": "default recipe"}
"""What recipes are called where they are compared on real scenes."""

_PLAIN: dict[str, Any] = {
    "recipe": None, "batch_size": 4, "learning_rate": 1e-3, "optimizer": None, "warmup": None,
}  # fmt: skip
_RECIPES = ((OURS, ""), (REFERENCE, "recipe of the reference"), (_PLAIN, "plain training"))


def is_main(cell: Cell) -> bool:
    """Whether a run on a real scene is one of those compared, not a forest left uncorrected."""
    return cell.recipe == "unet" or cell.class_shares is not None


def name_variant(cell: Cell) -> str:
    """What of a run on a real scene is not scene, points and design: recipe, setting, damage."""
    name = ON_SCENES[cell.recipe]
    if cell.recipe == "unet" and cell.setting is not None:
        name = "network alone"
    parts = [name] if cell.setting in (None, "default") else [cell.setting]
    if cell.wrong_share:
        parts.append(f"{100 * cell.wrong_share:g} % of the points wrong")
    if cell.off_px:
        parts.append(f"points off by up to {cell.off_px:g} px")
    return ", ".join(parts)


def name_cell(cell: Cell) -> str:
    """Points, strategy, and whatever differs from the defaults of the protocol; not the seed."""
    values = asdict(cell)
    parts = [str(values[key]) for key in ("scene", "data") if key in values]
    if protocol_of(cell).name == "P-blocks":
        parts.append("even squares")
    if protocol_of(cell).name == "P-transfer":
        parts = [f"others to {parts[0]}"]
    if not ("n_per_class" not in values and values.get("supervision") == "full"):
        parts.append(_name_points(values))
    if "strategy" in values:
        parts.append(_STRATEGIES.get(values["strategy"], values["strategy"]))
    one_view = values.get("recipe") is None and values.get("views", 0) is None
    for recipe, words in _RECIPES if "views" in values else ():
        if recipe.items() <= values.items():
            parts.append(words)
            values = {key: value for key, value in values.items() if key not in recipe}
            break
    plain = {item.name: item.default for item in fields(cell)}
    always = ("design", "recipe") if "design" in values else ()
    for key, value in values.items():
        if key == "seed" or value is None or (value == plain[key] and key not in always):
            continue
        word = _WORDS.get((key, value))
        if (key, value) == ("recipe", "stack") and "views" in values:
            word = "pretrained network and forest"  # on P-classic nothing else is pretrained
        parts.append(_PHRASES.get(key, "{}").format(value) if word is None else word)
    if one_view:
        parts.append("one view")
    return ", ".join(part for part in parts if part)


def _name_points(values: dict[str, object]) -> str:
    if "n_per_class" not in values:
        return f"{values['n_points']} points"
    if values.get("supervision") == "full":
        return ""
    on_tiles = "tile_px" in values  # P-benchmark: images are cut
    if values["n_points"] is not None:
        return f"{values['n_points']} per {'tile' if on_tiles else 'image'}"
    return f"{values['n_per_class']} per class" + " and tile" * on_tiles

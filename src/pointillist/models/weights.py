"""Starting weights for encoders: ImageNet from the hub or its cache, a local file, or none."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointillist.errors import MissingFileError, WeightsError
from pointillist.models.hub import fetch_imagenet

if TYPE_CHECKING:
    from torch import Tensor, nn

_logger = logging.getLogger(__name__)

WEIGHTS_CHOICES = ("auto", "imagenet", "generated", "none")
WEIGHTS_SUFFIXES = (".safetensors", ".pth", ".pt")
RANDOM_NOTE = "random initialisation"

_SMALLEST_SHARE = 0.5
_PREFIX_DEPTH = 4


@dataclass(frozen=True)
class Fit:
    """How well a file's tensors fit an encoder.

    Args:
        tensors: Encoder tensors that were found, ready to load, by the encoder's name.
        n_expected: Number of tensors the encoder has.
        n_left_over: Tensors of the file that belong to its encoder but have no place in ours.
        adapted_from: Bands of the file's first convolution where it had to be adapted.
    """

    tensors: dict[str, Tensor]
    n_expected: int
    n_left_over: int
    adapted_from: int | None

    @property
    def n_found(self) -> int:
        """Number of tensors found."""
        return sum(not _is_counter(name) for name in self.tensors)


def load_encoder_weights(encoder: nn.Module, name: str, weights: str | Path) -> str:
    """Fill an encoder with starting weights and say what was loaded.

    Args:
        encoder: Encoder of an SMP network, changed in place.
        name: Its name in SMP, `tu-` for timm.
        weights: "auto", "imagenet", "none", or a file.

    Returns:
        A note for people and for the model's provenance.

    Raises:
        WeightsError: "imagenet" cannot be had, or a file does not fit the encoder.
        MissingFileError: There is no such file.
    """
    if weights == "none":
        return RANDOM_NOTE
    if weights == "auto":
        return _load_imagenet_or_go_on(encoder, name)
    return _load_into(encoder, name, *_asked_for(name, weights))


def check_encoder_weights(encoder: nn.Module, name: str, weights: str | Path) -> None:
    """Refuse what `load_encoder_weights` would refuse, and change nothing.

    Raises:
        WeightsError: As of `load_encoder_weights`.
        MissingFileError: As of `load_encoder_weights`.
    """
    if weights in ("auto", "none"):
        return
    tensors, source = _asked_for(name, weights)
    _fit_or_refuse(encoder, name, tensors, source)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a file by name; nested dictionaries become dotted names. No code is run.

    Raises:
        MissingFileError: There is no such file.
        WeightsError: Not a file of weights.
    """
    if path.suffix.lower() not in WEIGHTS_SUFFIXES:
        raise WeightsError(
            f"Expected weights as {', '.join(WEIGHTS_CHOICES)} or a file "
            f"({', '.join(WEIGHTS_SUFFIXES)}), got '{path}'. Correct --weights."
        )
    if not path.is_file():
        raise MissingFileError(f"Weights '{path}' do not exist. Check the path after --weights.")
    try:
        return dict(_flatten(_read_file(path)))
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        if reason.startswith("Weights only load failed"):  # torch goes on with how to run it
            reason = "it holds pickled code, or is damaged"
        raise WeightsError(
            f"'{path}' cannot be read as weights ({reason}). Only plain tensors are read, never "
            "pickled code: save the state dict alone, best as .safetensors."
        ) from error


def fit_tensors(encoder: nn.Module, tensors: dict[str, Tensor]) -> Fit:
    """Find an encoder's tensors among those of a file, whatever prefix they carry.

    All leading name parts are tried as prefix (`module.`, `encoder.`, `model.backbone.` …) and the
    one under which most tensors fit in name and shape wins. Dots and underscores count as equal,
    since timm flattens names of feature extractors.

    Args:
        encoder: Encoder of an SMP network.
        tensors: Tensors by name.
    """
    wanted = _wanted_tensors(encoder)
    best: dict[str, str] = {}
    best_prefix = ""
    for prefix in _prefixes(tensors):
        found = _match(wanted, tensors, prefix)
        if len(found) > len(best):
            best, best_prefix = found, prefix
    ready, adapted_from = {}, None
    for own, theirs in best.items():
        target, given = wanted[own], tensors[theirs]
        if given.shape != target.shape:
            adapted_from = given.shape[1]
            given = adapt_bands(given, target.shape[1])
        ready[own] = given
    return Fit(
        tensors=ready,
        n_expected=sum(not _is_counter(name) for name in wanted),
        n_left_over=_count_left_over(wanted, tensors, best_prefix, set(best.values())),
        adapted_from=adapted_from,
    )


def adapt_bands(weight: Tensor, n_bands: int) -> Tensor:
    """Adapt a first convolution (out, K, h, w) to `n_bands` inputs, as SMP does.

    Bands are repeated in turn and scaled by K / n_bands, so that the response to equal bands stays
    what it was; a single band gets the sum.
    """
    n_given = weight.shape[1]
    if n_bands == 1:
        return weight.sum(dim=1, keepdim=True)
    repeated = weight[:, [i % n_given for i in range(n_bands)]]
    return repeated * (n_given / n_bands)


def _asked_for(name: str, weights: str | Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of "imagenet" or of a file, and where they come from."""
    if weights != "imagenet":
        path = Path(weights)
        return read_weights(path), path.name
    try:
        return _imagenet(name)
    except WeightsError as error:
        raise WeightsError(
            f"{error}; give a local file with --weights FILE or start at random with "
            "--weights none."
        ) from error


def _load_imagenet_or_go_on(encoder: nn.Module, name: str) -> str:
    try:
        return _load_into(encoder, name, *_imagenet(name))
    except WeightsError as error:
        note = f"{RANDOM_NOTE}, because {error}"
        _logger.warning(
            "Encoder starts from %s. Give a file with --weights FILE to start better.", note
        )
        return note


def _imagenet(name: str) -> tuple[dict[str, Tensor], str]:
    tensors, source = fetch_imagenet(name)
    return tensors, f"ImageNet ({source})"


def _load_into(encoder: nn.Module, name: str, tensors: dict[str, Tensor], source: str) -> str:
    """Load what fits; refuse where less than half does."""
    from torch.nn import Module

    fit = _fit_or_refuse(encoder, name, tensors, source)
    share = f"{fit.n_found} of {fit.n_expected} encoder tensors"
    # SMP's own load_state_dict renames and drops keys, which ours no longer need.
    Module.load_state_dict(encoder, {**encoder.state_dict(), **fit.tensors})
    note = f"{source}: {share}"
    if fit.adapted_from is not None:
        note += f", first convolution adapted from {fit.adapted_from} bands"
    if fit.n_left_over:
        note += f", {fit.n_left_over} tensors left over (weights of a larger encoder?)"
    if fit.n_left_over or fit.n_found < fit.n_expected:
        _logger.warning("Weights fit only in part: %s.", note)
    return note


def _fit_or_refuse(encoder: nn.Module, name: str, tensors: dict[str, Tensor], source: str) -> Fit:
    fit = fit_tensors(encoder, tensors)
    if fit.n_found < _SMALLEST_SHARE * fit.n_expected:
        raise WeightsError(
            f"Expected weights of encoder {name}, but only {fit.n_found} of {fit.n_expected} "
            f"encoder tensors fit those of {source}. Name the encoder these weights belong to "
            "with --encoder, or other weights with --weights."
        )
    broken = next((key for key, t in fit.tensors.items() if not t.isfinite().all()), None)
    if broken is not None:
        raise WeightsError(
            f"Expected finite numbers in the weights of {source}, but tensor '{broken}' holds NaN "
            "or infinity: their training has diverged. Take others with --weights."
        )
    return fit


def _wanted_tensors(encoder: nn.Module) -> dict[str, Tensor]:
    return {name: t for name, t in encoder.state_dict().items() if t.numel()}


def _prefixes(tensors: dict[str, Tensor]) -> list[str]:
    """The empty prefix, then all leading name parts, shortest first."""
    found = {""}
    for name in tensors:
        parts = name.split(".")[:-1]
        found.update(
            ".".join(parts[:n]) + "." for n in range(1, min(len(parts), _PREFIX_DEPTH) + 1)
        )
    return sorted(found, key=lambda prefix: (prefix.count("."), prefix))


def _match(wanted: dict[str, Tensor], tensors: dict[str, Tensor], prefix: str) -> dict[str, str]:
    """Encoder name → file name of the tensors under a prefix that fit in name and shape."""
    offered = {_plain(n.removeprefix(prefix)): n for n in tensors if n.startswith(prefix)}
    n_bands = next((t.shape[1] for t in wanted.values() if t.ndim == 4), 0)
    found = {}
    for own, target in wanted.items():
        theirs = offered.get(_plain(_without_wrapper(own)))
        if theirs is not None and _shapes_fit(target, tensors[theirs], n_bands):
            found[own] = theirs
    return found


def _shapes_fit(target: Tensor, given: Tensor, n_bands: int) -> bool:
    """Equal shapes, or a first convolution over another number of bands."""
    if given.shape == target.shape:
        return True
    return (
        target.ndim == given.ndim == 4
        and target.shape[1] == n_bands
        and (given.shape[0], *given.shape[2:]) == (target.shape[0], *target.shape[2:])
    )


def _count_left_over(
    wanted: dict[str, Tensor], tensors: dict[str, Tensor], prefix: str, used: set[str]
) -> int:
    """Unused tensors of the file in parts that our encoder has too (so no heads, no decoders)."""
    parts = {_without_wrapper(name).split(".")[0] for name in wanted}
    unused = (n for n in tensors if n.startswith(prefix) and n not in used and not _is_counter(n))
    return sum(n.removeprefix(prefix).split(".")[0] in parts for n in unused)


def _without_wrapper(name: str) -> str:
    """SMP keeps timm's encoders one level down, under `model.`."""
    return name.removeprefix("model.")


def _plain(name: str) -> str:
    return re.sub(r"[._]", "", name)


def _is_counter(name: str) -> bool:
    """Batch norm's step counter: older files lack it, and it carries nothing learned."""
    return name.endswith("num_batches_tracked")


def _read_file(path: Path) -> Any:
    if path.suffix.lower() == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _flatten(values: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors in nested dictionaries with dotted names."""
    import torch

    if isinstance(values, torch.Tensor):
        yield prefix.removesuffix("."), values
    elif isinstance(values, dict):
        for key, value in values.items():
            yield from _flatten(value, f"{prefix}{key}.")

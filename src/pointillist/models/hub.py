"""ImageNet weights from the hub's cache or the hub itself, without long waits where it is away."""

from __future__ import annotations

import ssl
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from pointillist.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

# The hub's client retries for half a minute when there is no network, so ask first.
_PROBE_SECONDS = 3.0


def fetch_imagenet(name: str) -> tuple[dict[str, Tensor], str]:
    """ImageNet weights of an encoder.

    Args:
        name: Encoder of SMP, or of timm with prefix `tu-`.

    Returns:
        Tensors by name, for three bands, and the repository they come from.

    Raises:
        WeightsError: There are none, or they are neither cached nor to be downloaded.
    """
    if name.startswith("tu-"):
        return _timm_imagenet(name.removeprefix("tu-"))
    return _smp_imagenet(name)


def _smp_imagenet(name: str) -> tuple[dict[str, Tensor], str]:
    """ImageNet weights of an SMP encoder and where they come from."""
    import segmentation_models_pytorch as smp
    from safetensors.torch import load_file

    known = smp.encoders.encoders.get(name, {}).get("pretrained_settings", {})
    tag = next((tag for tag in known if tag.startswith("imagenet")), None)
    if tag is None:
        raise WeightsError(f"there are no ImageNet weights for encoder {name}")
    source = known[tag]
    file = _from_hub(name, source["repo_id"], "model.safetensors", source["revision"])
    return load_file(file), source["repo_id"]


def _timm_imagenet(name: str) -> tuple[dict[str, Tensor], str]:
    """ImageNet weights of a timm encoder in the names of its feature extractor."""
    import timm

    config = timm.get_pretrained_cfg(name)
    if config is None or not config.hf_hub_id:
        raise WeightsError(f"there are no ImageNet weights for encoder tu-{name}")
    file = _from_hub(f"tu-{name}", config.hf_hub_id, config.hf_hub_filename or "model.safetensors")
    if file.suffix != ".safetensors":
        raise WeightsError(f"the weights for encoder tu-{name} are published as pickle only")
    network = timm.create_model(
        name, pretrained=True, features_only=True, pretrained_cfg_overlay={"file": str(file)}
    )
    return network.state_dict(), config.hf_hub_id


def _from_hub(encoder: str, repository: str, filename: str, revision: str | None = None) -> Path:
    """A file of the Hugging Face hub: from the cache, else downloaded if the hub answers."""
    from huggingface_hub import constants, hf_hub_download

    if cached := _cached(repository, filename, revision):
        return cached
    if constants.HF_HUB_OFFLINE or not _is_reachable(constants.ENDPOINT):
        raise WeightsError(
            f"ImageNet weights for encoder {encoder} are not cached and {constants.ENDPOINT} "
            "cannot be reached"
        )
    try:
        return Path(hf_hub_download(repository, filename, revision=revision))
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise WeightsError(
            f"ImageNet weights for encoder {encoder} cannot be downloaded from {repository} "
            f"({reason})"
        ) from error


def _cached(repository: str, filename: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, filename, revision=revision)
    return Path(found) if isinstance(found, str) else None


def _is_reachable(url: str) -> bool:
    """Whether a server answers within a few seconds, name lookup included; any answer counts."""
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(
                urllib.request.Request(url, method="HEAD"), timeout=_PROBE_SECONDS
            ).close()
        except urllib.error.HTTPError:
            answered.set()
        except (OSError, ValueError) as error:
            if isinstance(getattr(error, "reason", None), ssl.SSLError):
                answered.set()
        else:
            answered.set()
        done.set()

    done = threading.Event()
    threading.Thread(target=ask, daemon=True).start()
    done.wait(_PROBE_SECONDS + 1)
    return answered.is_set()

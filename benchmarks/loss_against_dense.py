"""Partial against dense cross-entropy: time and extra memory of forward + backward.

Run `python benchmarks/loss_against_dense.py` for the table. The case is that of sparse points: 200
labels per image of 512 × 512, 8 images, 6 classes. Both losses run by turns in one process; extra
memory is the growth of peak resident memory over the resident memory before, each measured in a
fresh process, and includes the gradient of the logits that no loss can avoid.
"""

from __future__ import annotations

import multiprocessing
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from pointillist.losses import PartialCrossEntropyLoss

N_IMAGES, N_CLASSES, SIDE_PX, LABELS_PER_IMAGE = 8, 6, 512, 200
LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
MIB = 2**20

LossFunction = Callable[[Tensor, Tensor], Tensor]
LOSSES: dict[str, LossFunction] = {
    "dense": lambda z, t: F.cross_entropy(z, t, ignore_index=-1),
    "partial": PartialCrossEntropyLoss(ignore_index=-1),
}


def make_case(layout: str = "NCHW") -> tuple[Tensor, Tensor]:
    """Logits that need a gradient, and targets with a few labels."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(N_IMAGES, N_CLASSES, SIDE_PX, SIDE_PX, generator=generator)
    targets = torch.full((N_IMAGES, SIDE_PX * SIDE_PX), -1)
    for image in targets:
        chosen = torch.randperm(SIDE_PX * SIDE_PX, generator=generator)[:LABELS_PER_IMAGE]
        image[chosen] = torch.randint(0, N_CLASSES, (LABELS_PER_IMAGE,), generator=generator)
    logits = logits.contiguous(memory_format=LAYOUTS[layout]).requires_grad_()
    return logits, targets.view(N_IMAGES, SIDE_PX, SIDE_PX)


def run_once(loss: LossFunction, logits: Tensor, targets: Tensor) -> None:
    logits.grad = None
    loss(logits, targets).backward()


def measure_seconds(layout: str, n_rounds: int = 25) -> dict[str, float]:
    """Seconds of forward + backward, the losses taking turns; the best of all rounds.

    The best is what the code costs: whatever else the machine does only adds to it.
    """
    logits, targets = make_case(layout)
    seconds: dict[str, list[float]] = {name: [] for name in LOSSES}
    for round_number in range(n_rounds + 2):
        for name, loss in LOSSES.items():
            start = time.perf_counter()
            run_once(loss, logits, targets)
            if round_number >= 2:
                seconds[name].append(time.perf_counter() - start)
    return {name: min(values) for name, values in seconds.items()}


def measure_extra_bytes(name: str, layout: str) -> int:
    """Growth of peak resident memory during one forward + backward, in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_extra_bytes_here, (name, layout))


def _extra_bytes_here(name: str, layout: str) -> int:
    logits, targets = make_case(layout)
    # Threads, allocator and autograd engine are set up before anything is measured.
    small = logits[:1, :, :8, :8].detach().requires_grad_()
    run_once(LOSSES[name], small, targets[:1, :8, :8])
    before = _resident_bytes()
    run_once(LOSSES[name], logits, targets)
    return _peak_bytes() - before


def _resident_bytes() -> int:
    """Resident memory now; where the system allows it, the peak is reset to it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status_kib("VmRSS") * 1024
    except OSError:
        return _peak_bytes()


def _peak_bytes() -> int:
    try:
        return _status_kib("VmHWM") * 1024
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status_kib(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise OSError(f"no {field} in /proc/self/status")


def main() -> None:
    print(
        f"{LABELS_PER_IMAGE} labels per {SIDE_PX}×{SIDE_PX} image, {N_IMAGES} images, {N_CLASSES} "
        f"classes; torch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"{platform.processor() or platform.machine()}"
    )
    print(f"{'layout':<14} {'loss':<8} {'forward+backward':>17} {'extra memory':>13}")
    for layout in LAYOUTS:
        seconds = measure_seconds(layout)
        extra = {name: measure_extra_bytes(name, layout) for name in LOSSES}
        for name in LOSSES:
            ms, mib = 1e3 * seconds[name], extra[name] / MIB
            print(f"{layout:<14} {name:<8} {ms:>14.1f} ms {mib:>9.0f} MiB")
        print(
            f"{'':<14} {'ratio':<8} {seconds['dense'] / seconds['partial']:>13.1f} × "
            f"{extra['partial'] / extra['dense']:>12.2f}"
        )


if __name__ == "__main__":
    main()

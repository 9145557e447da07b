"""What a GPU adds to the PyTorch engine: order of events, all values.

Most is pinned down with a GPU that is pretended, as it would be wrong on any: a buffer that is
filled again before it was sent, computing that does not wait, a recorded graph used for another
shape. What needs a real one is skipped where there is none.
"""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from prediction_cases import colour_scene

from pointillist.grid import Block, Window
from pointillist.prediction import (
    EngineRequest,
    Tiling,
    TorchEngine,
    Wanted,
    choice,
    choose_engine,
)
from pointillist.prediction.block import predict_block
from pointillist.prediction.mapping import predict_scene
from pointillist.prediction.torch_engine import _N_BUFFERS, Lane, RecordedForward
from pointillist.raster import ArraySource, Pixels

CPU = torch.device("cpu")


class _Event:
    def __init__(self, log: list[str], number: int) -> None:
        self.log, self.number = log, number

    def record(self, stream: _Stream) -> None:
        self.log.append(f"record {self.number}")

    def synchronize(self) -> None:
        self.log.append(f"synchronize {self.number}")


class _Stream:
    def __init__(self, log: list[str]) -> None:
        self.log = log

    def wait_event(self, event: _Event) -> None:
        self.log.append(f"wait {event.number}")


class _Cuda:
    """Stands for `torch.cuda`: does all at once, and keeps what was asked of it in order."""

    def __init__(self, *, fails: bool = False) -> None:
        self.log: list[str] = []
        self.fails = fails
        self._n = 0

    def Stream(self, device):  # noqa: N802 - the names of torch.cuda
        return _Stream(self.log)

    def Event(self):  # noqa: N802
        self._n += 1
        return _Event(self.log, self._n)

    def current_stream(self, device):
        return _Stream(self.log)

    @contextmanager
    def stream(self, stream):
        self.log.append("begin sending")
        yield
        self.log.append("end sending")

    def synchronize(self) -> None:
        self.log.append("synchronize all")

    def CUDAGraph(self):  # noqa: N802
        return _Graph(self)

    @contextmanager
    def graph(self, graph, capture_error_mode):
        assert capture_error_mode == "thread_local"  # another thread sends meanwhile
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.log.append("record graph")
        yield


class _Graph:
    def __init__(self, cuda: _Cuda) -> None:
        self.cuda = cuda

    def replay(self) -> None:
        self.cuda.log.append("replay")


def test_what_is_sent_arrives_and_a_buffer_waits_for_its_last_use(rng) -> None:
    cuda = _Cuda()
    lane = Lane(CPU, cuda, pin=False)
    sides = range(8, 8 - _N_BUFFERS - 1, -1)
    images = [rng.random((1, 3, 12, 4 + side), dtype=np.float32) for side in sides]
    sent = [lane.send(image) for image in images]
    for image, one in zip(images, sent, strict=True):
        np.testing.assert_array_equal(lane.receive(one).numpy(), image)
        assert lane.receive(one).is_contiguous(memory_format=torch.channels_last)
    sending = ["begin sending", "record {0}", "end sending"]
    n = _N_BUFFERS
    expected = [step.format(i) for i in range(1, n + 1) for step in sending]
    # one image more than buffers: it waits for the first
    expected += ["synchronize 1", *(step.format(n + 1) for step in sending)]
    assert cuda.log[: len(expected)] == expected
    assert cuda.log[len(expected) :: 2] == [f"wait {i}" for i in range(1, n + 2)]


def test_a_larger_image_gets_a_larger_buffer(rng) -> None:
    lane = Lane(CPU, _Cuda(), pin=False)
    for side in (4, 4, 16, 8):
        image = rng.random((1, 2, side, side), dtype=np.float32)
        np.testing.assert_array_equal(lane.receive(lane.send(image)).numpy(), image)


def test_the_shape_most_blocks_have_is_recorded_and_replayed() -> None:
    cuda = _Cuda()
    forward = RecordedForward(lambda image: 2 * image, cuda)
    usual, other = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 4)
    for image in (usual, other, usual, usual):
        assert torch.equal(forward(image), 2 * image)
    assert cuda.log == ["synchronize all", "record graph"]
    assert forward(usual).shape == usual.shape
    assert cuda.log[2:] == ["replay"]
    assert torch.equal(forward(other), 2 * other)  # other shapes run as they are
    assert cuda.log[2:] == ["replay"]


def test_a_network_that_cannot_be_recorded_runs_all_the_same(caplog) -> None:
    caplog.set_level("INFO")
    forward = RecordedForward(lambda image: 2 * image, _Cuda(fails=True))
    image = torch.ones(1, 1, 4, 4)
    for _ in range(5):
        assert torch.equal(forward(image), 2 * image)
    assert caplog.text.count("without a CUDA graph: operation not permitted") == 1


@pytest.fixture
def with_lane(tiny_network):
    """A PyTorch engine on the CPU that behaves as if it were on a GPU."""
    engine = TorchEngine(tiny_network)
    cuda = _Cuda()
    engine._lane = Lane(CPU, cuda, pin=False)
    engine._run = RecordedForward(engine._forward, _Cuda(fails=True))
    return engine


def test_blocks_of_a_gpu_are_those_of_the_cpu(with_lane, tiny_network) -> None:
    image, _ = colour_scene(96, 160, np.random.default_rng(1))
    pixels = Pixels(image, np.ones((96, 160), dtype=bool))
    block = Block(0, Window(10, 20, 70, 100), Window(0, 0, 96, 160))
    pixels.data[:, 50:60, 70:90] = 0
    pixels.valid[50:60, 70:90] = False
    mapped = np.ones((70, 100), dtype=bool)
    mapped[3, 4] = False
    plain = TorchEngine(tiny_network)
    for wanted in (Wanted(), Wanted(probabilities=True)):
        here, there = (
            predict_block(engine, engine.prepare(pixels), block, mapped, wanted)
            for engine in (plain, with_lane)
        )
        np.testing.assert_array_equal(here.index, there.index)
        assert here.index[3, 4] == -1
        assert (here.probabilities is None) == (there.probabilities is None)
    np.testing.assert_array_equal(here.probabilities, there.probabilities)


@pytest.mark.parametrize(("bf16", "precision"), [(True, "bf16"), (False, "fp16")])
def test_the_gpus_own_half_precision_is_tried_first(
    tiny_network, monkeypatch, bf16, precision
) -> None:
    built: list[tuple[str, str]] = []

    class Pretended(TorchEngine):
        def __init__(self, model, precision="fp32", device="cpu"):
            built.append((precision, device))
            super().__init__(model)
            self.name = f"torch {precision} on {device}"

    monkeypatch.setattr(choice, "TorchEngine", Pretended)
    monkeypatch.setattr(choice, "has_gpu_driver", lambda: True)
    monkeypatch.setattr(choice, "gpu_has_bf16", lambda: bf16)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    image, _ = colour_scene(64, 64, np.random.default_rng(1))
    pixels = Pixels(image, np.ones((64, 64), dtype=bool))
    engine = choose_engine(tiny_network, EngineRequest(), 10**9, lambda: pixels)
    assert engine.name == f"torch {precision} on cuda"
    assert built == [(precision, "cuda"), ("fp32", "cuda")]  # the second to compare with


def test_without_a_driver_pytorch_need_not_be_asked(monkeypatch) -> None:
    def none(name):
        raise OSError("cannot open shared object file")

    monkeypatch.setattr(choice.ctypes, "CDLL", none)
    monkeypatch.setattr("torch.cuda.is_available", lambda: pytest.fail("was asked"))
    assert choice._device("auto") == "cpu"


def test_a_block_is_begun_before_the_last_one_is_fetched(with_lane, tiny_network) -> None:
    image, _ = colour_scene(96, 160, np.random.default_rng(1))
    source = ArraySource(image)
    source.data[:, :64, 64:128] = np.nan  # a block with nothing to map in between
    blocks = Tiling(64, 0, 32).plan((96, 160))
    with_lane.n_readers, fetched = 3, []
    begin = with_lane.begin_classes

    def begin_and_tell(prepared, crop):
        wait, number = begin(prepared, crop), len(fetched)
        fetched.append(f"begin {number}")
        return lambda: fetched.append(f"fetch {number}") or wait()

    with_lane.begin_classes = begin_and_tell
    found = list(predict_scene(source, blocks, with_lane, Wanted()))
    expected = list(predict_scene(source, blocks, TorchEngine(tiny_network), Wanted()))
    for (block, here), (other, there) in zip(found, expected, strict=True):
        assert block == other
        assert (here is None) == (there is None)
        if here is not None:
            np.testing.assert_array_equal(here.index, there.index)
    assert fetched[:3] == ["begin 0", "fetch 0", "begin 2"]
    assert fetched[3] == "begin 3"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_real_gpu_maps_like_the_cpu(tiny_network, precision) -> None:
    image, _ = colour_scene(500, 700, np.random.default_rng(1))
    source = ArraySource(image)
    source.data[:, 100:200, 300:400] = np.nan
    blocks = Tiling(128, 32, 32).plan((500, 700))
    maps = []
    for engine in (TorchEngine(tiny_network), TorchEngine(tiny_network, precision, "cuda")):
        classes = np.full((500, 700), -1)
        for block, result in predict_scene(source, blocks, engine, Wanted()):
            if result is not None:
                classes[block.core.slices] = result.index
        maps.append(classes)
    np.testing.assert_array_equal(maps[0] < 0, maps[1] < 0)
    assert (maps[0] == maps[1]).mean() >= (0.9999 if precision == "fp32" else 0.995)

from __future__ import annotations

import json

import pytest
from prediction_cases import grey

from pointillist.errors import OutputError, OutputExistsError
from pointillist.prediction import predict
from pointillist.prediction.tracing import Trace, recorded, span


def _spans(path, name):
    events = json.loads(path.read_text())["traceEvents"]
    return [e for e in events if e["ph"] == "X" and e["name"] == name]


def test_a_trace_tells_of_every_block(write_scene, thresholder, tmp_path) -> None:
    scene = write_scene(grey(130, 200))
    predict(thresholder, scene, tmp_path / "map.tif", block=64, trace=tmp_path / "trace.json")
    for name in ("read", "prepare", "infer", "keep", "write"):
        spans = _spans(tmp_path / "trace.json", name)
        assert sorted(e["args"]["block"] for e in spans) == list(range(12)), name
        assert all(e["dur"] >= 0 for e in spans)
    reading = {e["tid"] for e in _spans(tmp_path / "trace.json", "read")}
    computing = {e["tid"] for e in _spans(tmp_path / "trace.json", "infer")}
    assert len(reading) == len(computing) == 1
    assert reading != computing
    memory = [
        e["args"]["MiB"]
        for e in json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
        if e["name"] == "memory"
    ]
    assert min(memory) > 10


def test_a_failed_run_leaves_its_trace(tmp_path) -> None:
    file = tmp_path / "trace.json"
    with pytest.raises(RuntimeError, match="broken"), recorded(file), span("read", block=7):
        raise RuntimeError("broken")
    assert [e["args"] for e in _spans(file, "read")] == [{"block": 7}]


def test_nothing_is_recorded_unasked(tmp_path) -> None:
    with recorded(None), span("read"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_trace_that_cannot_be_written_is_told_before_any_work(tmp_path) -> None:
    said = r"Trace '.*missing.*' cannot be written: No such file"
    with pytest.raises(OutputError, match=said), recorded(tmp_path / "missing" / "trace.json"):
        raise AssertionError("no work was to be done")


def test_a_file_that_is_no_trace_is_not_replaced(tmp_path) -> None:
    image, trace = tmp_path / "image.tif", tmp_path / "trace.json"
    image.write_bytes(b"II*\x00")
    with (
        pytest.raises(OutputExistsError, match=r"image\.tif' exists already and is no trace"),
        recorded(image),
    ):
        pass
    assert image.read_bytes() == b"II*\x00"
    for _ in range(2):  # an earlier trace is
        with recorded(trace):
            pass


def test_threads_have_names() -> None:
    trace = Trace()
    with trace.span("infer"):
        pass
    names = [e["args"]["name"] for e in trace.to_dict()["traceEvents"] if e["ph"] == "M"]
    assert names == ["compute"]

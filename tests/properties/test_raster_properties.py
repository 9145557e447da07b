"""What is written comes back, whatever its type, size and codes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pointillist.grid import Grid, Window, iter_windows
from pointillist.legend import Legend
from pointillist.raster import (
    ArraySource,
    BandWriter,
    MapWriter,
    open_class_raster,
    open_scene,
    write_array,
)

SIDES = st.integers(1, 70)
TYPES = st.sampled_from(["uint8", "int8", "uint16", "int16", "int32", "float32", "float64"])
WINDOWS = st.builds(
    Window, st.integers(-80, 80), st.integers(-80, 80), st.integers(1, 90), st.integers(1, 90)
)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32), dtype=TYPES, count=st.integers(1, 5), height=SIDES, width=SIDES,
    window=WINDOWS,
)  # fmt: skip
def test_arrays_come_back_in_any_window(seed, dtype, count, height, width, window) -> None:
    array = np.random.default_rng(seed).integers(1, 127, (count, height, width)).astype(dtype)
    array[0, 0, 0] = 0
    with TemporaryDirectory() as folder:
        path = write_array(Path(folder) / "a.tif", array, Grid(height, width), nodata=0)
        with open_scene(path) as scene:
            assert scene.dtype == dtype
            pixels = scene.read(window)
    valid = np.ones((height, width), dtype=bool)
    valid[0, 0] = False
    expected = ArraySource(array, valid).read(window)
    np.testing.assert_array_equal(pixels.data, expected.data)
    np.testing.assert_array_equal(pixels.valid, expected.valid)


@settings(max_examples=20)
@given(
    data=st.data(), count=st.integers(1, 5), height=SIDES, width=SIDES, block=st.integers(1, 80),
    dtype=st.sampled_from(["uint8", "float32"]),
)  # fmt: skip
def test_probabilities_come_back(data, count, height, width, block, dtype) -> None:
    elements = st.one_of(st.just(np.nan), st.floats(0, 1, width=32))
    values = data.draw(hnp.arrays(np.float32, (count, height, width), elements=elements))
    names = [f"class {i}" for i in range(count)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "p.tif"
        with BandWriter(path, Grid(height, width), names, dtype=dtype) as writer:
            for window in iter_windows((height, width), block):
                writer.write(window, values[:, *window.slices])
        with open_scene(path) as scene:
            assert scene.band_names == tuple(names)
            raw = scene.read_raw(scene.grid.window)
    if dtype == "float32":
        np.testing.assert_array_equal(raw, values)
    else:
        np.testing.assert_array_equal(raw == 255, np.isnan(values))
        known = ~np.isnan(values)
        assert np.abs(raw[known] / 250 - values[known]).max(initial=0) <= 0.5 / 250 + 1e-6


@settings(max_examples=20)
@given(
    data=st.data(), codes=st.lists(st.integers(0, 65534), min_size=1, max_size=6, unique=True),
    height=SIDES, width=SIDES, block=st.integers(1, 50),
)  # fmt: skip
def test_maps_come_back(data, codes, height, width, block) -> None:
    legend = Legend.from_names([f"class {c}" for c in codes], codes)
    index = data.draw(
        hnp.arrays(np.int16, (height, width), elements=st.integers(-1, len(codes) - 1))
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.tif"
        with MapWriter(path, Grid(height, width), legend) as writer:
            for window in iter_windows((height, width), block):
                writer.write(window, legend.to_codes(index[window.slices]))
        with open_class_raster(path) as raster:
            assert set(raster.legend.classes) == set(legend.classes)
            found = raster.read(raster.grid.window)
            assert ((found < 0) == (index < 0)).all()
            codes_found = np.array([*raster.legend.codes, -1])[found]
            np.testing.assert_array_equal(codes_found, np.array([*codes, -1])[index])


@given(
    array=hnp.arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
                     elements=st.floats(width=32, allow_nan=True, allow_infinity=True)),
    window=st.tuples(*[st.integers(-12, 12)] * 2, *[st.integers(1, 20)] * 2),
)  # fmt: skip
def test_a_window_is_finite_and_zero_where_invalid(array, window) -> None:
    source = ArraySource(array)
    pixels = source.read(Window(*window))
    assert pixels.data.shape == (len(array), *window[2:])
    assert np.isfinite(pixels.data).all()
    assert (pixels.data[:, ~pixels.valid] == 0).all()
    whole = source.read(Window(-40, -40, 100, 100))
    rows, cols = (
        slice(window[0] + 40, window[0] + 40 + window[2]),
        slice(window[1] + 40, window[1] + 40 + window[3]),
    )
    np.testing.assert_array_equal(pixels.data, whole.data[:, rows, cols])

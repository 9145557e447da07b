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
    MapWriter,
    open_class_raster,
    open_scene,
    write_array,
)

SIDES = st.integers(1, 40)
TYPES = st.sampled_from(["uint8", "uint16", "int16", "int32", "float32"])


@settings(max_examples=25)
@given(data=st.data(), dtype=TYPES, count=st.integers(1, 5), height=SIDES, width=SIDES)
def test_arrays_come_back(data, dtype, count, height, width) -> None:
    elements = st.integers(0, 200)
    array = data.draw(hnp.arrays(dtype, (count, height, width), elements=elements))
    with TemporaryDirectory() as folder:
        path = write_array(Path(folder) / "a.tif", array, Grid(height, width))
        with open_scene(path) as scene:
            pixels = scene.read(scene.grid.window)
    np.testing.assert_array_equal(pixels.data, array.astype(np.float32))
    assert pixels.valid.all()


@settings(max_examples=20)
@given(
    data=st.data(), codes=st.lists(st.integers(0, 400), min_size=1, max_size=6, unique=True),
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

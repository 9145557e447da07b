"""Features: what they measure, that nodata does not bleed, that blocks do not show."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pointillist.errors import InputError
from pointillist.features import FeatureSpec
from pointillist.grid import Window, plan_blocks

SPEC = FeatureSpec(sigmas=(0.5, 1.0, 3.0))


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(2, 60, 70)).astype(np.float32)


def test_names_and_counts_agree_with_what_is_computed(image: np.ndarray) -> None:
    names = SPEC.names(["red", "nir"])
    assert len(names) == len(set(names)) == SPEC.n_features(2) == 26
    assert names[0] == "red_raw"
    assert names[13:16] == ["nir_raw", "nir_intensity_0.5", "nir_gradient_0.5"]
    features = SPEC.compute(image)
    assert features.shape == (26, 60, 70)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features[[0, 13]], image)


def test_default_has_25_features_per_band_and_sees_49_pixels() -> None:
    assert FeatureSpec().n_features(3) == 75
    assert FeatureSpec().halo_px == 49


def test_no_scales_leave_the_raw_bands(image: np.ndarray) -> None:
    spec = FeatureSpec(sigmas=())
    assert spec.halo_px == 0
    np.testing.assert_array_equal(spec.compute(image), image)


def test_smoothing_equals_scipy_inside(image: np.ndarray) -> None:
    names = SPEC.names(["a", "b"])
    features = SPEC.compute(image)
    inside = (slice(12, -12), slice(12, -12))
    for band, name in ((0, "a"), (1, "b")):
        for sigma in SPEC.sigmas:
            expected = ndimage.gaussian_filter(image[band], sigma, truncate=SPEC.truncate)
            got = features[names.index(f"{name}_intensity_{sigma:g}")]
            np.testing.assert_allclose(got[inside], expected[inside], atol=2e-3)


def test_derivatives_of_a_quadratic_surface_are_exact() -> None:
    y, x = np.mgrid[:64, :64].astype(np.float32) - 32
    surface = (3 * x**2 + x * y - y**2)[None] / 100
    features = FeatureSpec(sigmas=(2.0,)).compute(surface)
    gradient, larger, smaller = features[2:]
    inside = (slice(8, -8), slice(8, -8))
    expected = np.hypot(6 * x + y, x - 2 * y) / 100
    np.testing.assert_allclose(gradient[inside], expected[inside], atol=1e-3)
    eigenvalues = np.linalg.eigvalsh([[0.06, 0.01], [0.01, -0.02]])
    np.testing.assert_allclose(larger[inside], eigenvalues[1], atol=1e-3)
    np.testing.assert_allclose(smaller[inside], eigenvalues[0], atol=1e-3)


def test_a_constant_scene_stays_constant_up_to_its_edges_and_holes() -> None:
    valid = np.ones((40, 50), dtype=bool)
    valid[10:20, 5:30] = False
    data = np.where(valid, np.float32(7), np.float32(-9999))[None]
    features = SPEC.compute(data, valid)
    intensity = features[[0, 1, 5, 9]]
    derived = np.delete(features, [0, 1, 5, 9], axis=0)
    np.testing.assert_allclose(intensity[:, valid], 7, rtol=1e-6)
    np.testing.assert_allclose(derived[:, valid], 0, atol=1e-5)
    assert not features[:, ~valid].any()


def test_values_of_invalid_pixels_are_not_looked_at(
    image: np.ndarray, rng: np.random.Generator
) -> None:
    valid = rng.random((60, 70)) > 0.3
    filled = image.copy()
    filled[:, ~valid] = np.nan
    np.testing.assert_array_equal(SPEC.compute(image, valid), SPEC.compute(filled, valid))


def test_nothing_valid_gives_zeros(image: np.ndarray) -> None:
    assert not SPEC.compute(image, np.zeros((60, 70), dtype=bool)).any()


@pytest.mark.parametrize("holes", ["none", "rectangle", "scattered"])
@pytest.mark.parametrize("block_px", [1, 17, 32])
def test_blocks_with_halo_give_the_same_bits_as_the_whole(
    image: np.ndarray, rng: np.random.Generator, holes: str, block_px: int
) -> None:
    valid = np.ones((60, 70), dtype=bool)
    if holes == "rectangle":
        valid[:, :25] = False
    if holes == "scattered":
        valid = rng.random((60, 70)) > 0.2
    whole = SPEC.compute(image, valid)
    blocks = plan_blocks((60, 70), block_px, SPEC.halo_px)
    for block in blocks[:: max(1, len(blocks) // 60)]:
        data, inside_valid = _read(image, valid, block.read)
        core = SPEC.compute(data, inside_valid)[:, *block.core.slices_in(block.read)]
        np.testing.assert_array_equal(core, whole[:, *block.core.slices])


def _read(image: np.ndarray, valid: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """A boundless read: outside is invalid."""
    m = 20
    padded = np.pad(image, ((0, 0), (m, m), (m, m)))
    padded_valid = np.pad(valid, m)
    at = Window(window.row + m, window.col + m, window.height, window.width).slices
    return padded[:, *at], padded_valid[at]


def test_threads_change_nothing(image: np.ndarray) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as threads:
        np.testing.assert_array_equal(SPEC.compute(image, None, threads), SPEC.compute(image))


def test_spec_survives_json() -> None:
    import json

    assert FeatureSpec.from_dict(json.loads(json.dumps(SPEC.to_dict()))) == SPEC


@pytest.mark.parametrize("sigmas", [(0.0,), (-1.0, 2.0), (float("nan"),)])
def test_impossible_scales_are_refused(sigmas: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="Expected feature scales"):
        FeatureSpec(sigmas=sigmas)


def test_shapes_that_do_not_fit_are_refused(image: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"array \(B, h, w\)"):
        SPEC.compute(image[0])
    with pytest.raises(InputError, match="valid mask"):
        SPEC.compute(image, np.ones((5, 5), dtype=bool))

"""What every test may ask for: the development scenes, and seeded randomness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the development scenes; skips where they are absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"development scenes are not at {REAL_DATA.name}/ beside the repository")
    return REAL_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260101)

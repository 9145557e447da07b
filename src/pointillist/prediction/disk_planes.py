"""Arrays on the disk beside a map, for what needs the whole map at once and may not fill memory."""

from __future__ import annotations

import math
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from pointillist.raster.full_disk import writing

_ZEROS = bytes(2**20)


class DiskPlanes:
    """Makes arrays in nameless files, which are gone when the block or the process ends.

    Args:
        output: The map they are for; they lie in its folder.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._files = ExitStack()

    def new(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """An array of zeros. Its place on the disk is taken at once.

        Raises:
            OutputError: There is not enough of it.
        """
        size = math.prod(shape) * np.dtype(dtype).itemsize
        with writing(self._output):
            nameless = tempfile.TemporaryFile(dir=self._output.parent)  # noqa: SIM115
            file = self._files.enter_context(nameless)
            if size == 0:
                return np.zeros(shape, dtype=dtype)
            _take_place(file, size)
            return np.memmap(file, dtype=dtype, mode="r+", shape=shape)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.close()


def _take_place(file: IO[bytes], size: int) -> None:
    """A file with holes would end the process when the disk is full: take all of it now."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for _ in range(-(-size // len(_ZEROS))):
        file.write(_ZEROS)
    file.truncate(size)
    file.flush()

"""Write a result so that what stands under its name is always complete."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pointillist.errors import OutputError


def write_file(
    path: str | os.PathLike[str], content: str | bytes, *, overwrite: bool = False
) -> Path:
    """Write a file beside its name and move it into place.

    Args:
        path: Where to; its folder must exist.
        content: Text (as UTF-8) or bytes.
        overwrite: Replace what is there.

    Returns:
        The path.

    Raises:
        OutputExistsError: The file exists and `overwrite` is not set.
        OutputError: It cannot be written.
    """
    from pointillist.raster import check_output

    target = Path(path)
    check_output(target, overwrite)
    data = content.encode("utf-8") if isinstance(content, str) else content
    partial: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        partial = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        partial.chmod(0o666 & ~_umask())
        partial.replace(target)
    except OSError as error:
        raise OutputError(
            f"'{target}' cannot be written: {error.strerror or error}. "
            "Check the folder's permissions and the space left on the disk."
        ) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

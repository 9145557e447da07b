"""Where the results of each scene go, decided and checked before any work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pointillist.errors import InputError, OutputError

PathLike = str | os.PathLike[str]

MAP_SUFFIXES = (".tif", ".tiff")
POLYGON_SUFFIXES = (".gpkg", ".geojson", ".json", ".fgb")


def is_folder(path: PathLike) -> bool:
    """Whether a destination is a folder: one that exists, ends with a slash or has no suffix."""
    text = os.fspath(path)
    slash = text.endswith(("/", os.sep))
    return slash or Path(text).is_dir() or Path(text).suffix == ""


@dataclass(frozen=True)
class Destination:
    """What `--out`, `--probabilities`, `--uncertainty` or `--polygons` said.

    Args:
        option: Name for messages.
        path: A file, or a folder: one that exists, ends with a slash or has no suffix.
        ending: How files in a folder are named, after the scene's name.
        suffixes: Suffixes a file may have.
    """

    option: str
    path: PathLike
    ending: str
    suffixes: tuple[str, ...] = MAP_SUFFIXES

    @property
    def is_folder(self) -> bool:
        """Whether files are named by us."""
        return is_folder(self.path)

    def files(self, stems: Sequence[str]) -> list[Path]:
        """One file per scene; makes the folder.

        Raises:
            InputError: A file for several scenes, or of a kind we do not write.
            OutputError: The folder cannot be made.
        """
        path = Path(self.path)
        if self.is_folder:
            _make_folder(path, self.option)
            return [path / f"{stem}{self.ending}" for stem in stems]
        if len(stems) != 1:
            raise InputError(
                f"Expected a folder after {self.option} for {len(stems)} scenes, got file '{path}'."
            )
        if path.suffix.lower() not in self.suffixes:
            raise InputError(
                f"Expected {self.option} to end with {' or '.join(self.suffixes)}, got '{path}'."
            )
        return [path]


@dataclass(frozen=True)
class Outputs:
    """The files of one scene's results; None where not asked for.

    Args:
        map: Class raster.
        probabilities: A band per class.
        uncertainty: Normalised entropy.
        polygons: Patches as polygons.
    """

    map: Path
    probabilities: Path | None = None
    uncertainty: Path | None = None
    polygons: Path | None = None

    @property
    def files(self) -> list[Path]:
        """All that will be written."""
        return [
            path
            for path in (self.map, self.probabilities, self.uncertainty, self.polygons)
            if path is not None
        ]


def plan_outputs(
    scenes: Sequence[PathLike],
    out: PathLike,
    *,
    probabilities: PathLike | None = None,
    uncertainty: PathLike | None = None,
    polygons: PathLike | None = None,
    names: Sequence[str] | None = None,
    inputs: Sequence[PathLike] = (),
    overwrite: bool = False,
) -> list[Outputs]:
    """Name every output and make sure that it can be written.

    For one scene each option names a file, or a folder (one that exists, ends with a slash or has
    no suffix). For several scenes each is a folder. In folders files are named after the scene
    (see `name_files`): `<scene>_map.tif`, `<scene>_probabilities.tif`, `<scene>_uncertainty.tif`,
    `<scene>_polygons.gpkg`.

    Args:
        scenes: The scenes.
        out: Where maps go.
        probabilities: Where probabilities go, if anywhere.
        uncertainty: Where uncertainties go, if anywhere.
        polygons: Where polygons go, if anywhere.
        names: What files in folders are named after, for each scene; None for the scenes.
        inputs: Other files that are read and must not be replaced.
        overwrite: Whether files that exist may be replaced.

    Raises:
        InputError: Two results in one file, or a result in place of an input.
        OutputExistsError: A file exists and may not be replaced.
        OutputError: A folder that is missing or cannot be written to.
    """
    from pointillist.raster import check_output, check_style
    from pointillist.raster.listing import name_files

    if not scenes:
        raise InputError("Expected at least one scene to map, got none.")
    stems = list(names or name_files([os.fspath(scene) for scene in scenes]))
    destinations = (
        Destination("--out", out, "_map.tif"),
        Destination("--probabilities", probabilities or "", "_probabilities.tif"),
        Destination("--uncertainty", uncertainty or "", "_uncertainty.tif"),
        Destination("--polygons", polygons or "", "_polygons.gpkg", POLYGON_SUFFIXES),
    )
    columns = [d.files(stems) if d.path else [None] * len(stems) for d in destinations]
    plans = [Outputs(m, p, u, g) for m, p, u, g in zip(*columns, strict=True) if m is not None]
    files = [file for plan in plans for file in plan.files]
    _refuse_clashes(files, [*scenes, *inputs])
    for file in files:
        check_output(file, overwrite)
    for plan in plans:
        check_style(plan.map, overwrite)
    return plans


def _make_folder(path: Path, option: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Folder '{path}' ({option}) cannot be made: {error.strerror}. Choose another place."
        ) from error


def _refuse_clashes(files: Sequence[Path], inputs: Sequence[PathLike]) -> None:
    """No file may be written twice, nor over what is being read."""
    places = [file.resolve() for file in files]
    twice = sorted({str(file) for file, place in zip(files, places, strict=True)
                    if places.count(place) > 1})  # fmt: skip
    if twice:
        raise InputError(
            f"Expected a file of its own for every result, but '{twice[0]}' would be written more "
            "than once. Give each scene once, and options other names."
        )
    read = {Path(path).resolve() for path in inputs}
    for file, place in zip(files, places, strict=True):
        if place in read:
            raise InputError(
                f"'{file}' is read from and cannot be written to. Choose another name."
            )

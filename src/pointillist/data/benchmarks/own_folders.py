"""Images and masks of one's own in two folders, as in the reference study's ISPRS example.

Files are matched by name. Masks hold class colours or codes of a legend beside the folders
(`legend.yaml`, `.csv` or `.qml`); without one, the colours of the ISPRS data sets. A fifth of the
images, chosen by their names, is `test`, a tenth `val`.
"""

from __future__ import annotations

from pathlib import Path

from pointillist.data.benchmarks.isprs import BOUNDARY, CLUTTER
from pointillist.data.benchmarks.isprs import LEGEND as ISPRS_LEGEND
from pointillist.data.benchmarks.labels import IGNORED, CodedLabels, ColoredLabels, LabelFiles
from pointillist.data.benchmarks.layout import (
    Benchmark,
    Sample,
    SplitFiles,
    WrongLayoutError,
    share_of,
)
from pointillist.data.pairs import Pair, find_pairs
from pointillist.data.reading import count_bands
from pointillist.errors import MissingFileError
from pointillist.legend import Legend
from pointillist.models import Normalisation

_LEGENDS = ("legend.yaml", "legend.yml", "legend.csv", "legend.qml")
_LEAST = 3  # images: one of each split
_NODATA = 255


def _find(root: Path, split: str) -> SplitFiles:
    try:
        pairs = find_pairs(root)
    except MissingFileError as error:
        told = str(error).removesuffix(".")
        raise WrongLayoutError(f"its files do not match: {told}") from error
    if len(pairs) < _LEAST:
        raise WrongLayoutError(
            f"it holds {len(pairs)} image{'s' * (len(pairs) != 1)} with a mask, and {_LEAST} are "
            "needed, one of each split"
        )
    file = next((root / name for name in _LEGENDS if (root / name).exists()), None)
    legend = ISPRS_LEGEND if file is None else Legend.read(file)
    samples = [
        Sample(pair.name, ((pair.image, (1, 2, 3)),), _labels(pair, legend, named=file is not None))
        for pair in _of_split(pairs, split)
    ]
    return SplitFiles(legend, tuple(samples), (_NOTICE,))


def _of_split(pairs: list[Pair], split: str) -> list[Pair]:
    """A fifth is `test` and a tenth `val`, at least one each."""
    order = sorted(pairs, key=lambda pair: share_of(f"folders/{pair.name}"))
    n_test, n_val = (max(1, round(share * len(pairs))) for share in (0.2, 0.1))
    parts = {
        "test": order[:n_test],
        "val": order[n_test : n_test + n_val],
        "train": order[n_test + n_val :],
    }
    return sorted(parts[split], key=lambda pair: pair.name)


def _labels(pair: Pair, legend: Legend, *, named: bool) -> LabelFiles:
    if count_bands(pair.mask) == 3:
        ignored = (BOUNDARY,) if named else (BOUNDARY, CLUTTER)
        colors = dict.fromkeys(ignored, IGNORED) | {c: i for i, c in enumerate(legend.colors)}
        return ColoredLabels(pair.mask, colors)
    if not named:
        raise WrongLayoutError(
            f"{pair.mask.name} holds codes, and no {_LEGENDS[0]} beside the folders says which "
            "class each is"
        )
    codes = {_NODATA: IGNORED} | {code: i for i, code in enumerate(legend.codes)}
    return CodedLabels(pair.mask, codes)


_NOTICE = "Images are divided by their names: a fifth is test, a tenth val, the others train."

OWN_FOLDERS = Benchmark(
    name="folders",
    title="images and masks",
    publisher="",
    tree="""
images/
  a.png   (or .jpg, .tif: three bands of 8 bits)
  …
masks/
  a.png   (or a_mask.png, a_label.tif: class colours, or codes)
  …
legend.yaml   (or .csv, .qml; not needed where masks have the colours of ISPRS Potsdam)
""",
    bands=("red", "green", "blue"),
    normalisation=Normalisation.imagenet(255),
    find=_find,
)

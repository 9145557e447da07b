"""Pictures in documents: what kind they are, and how large."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from xml.etree import ElementTree

from pointillist.report.document.errors import DocumentError

_PNG = b"\x89PNG\r\n\x1a\n"
_SVG_ROOT = re.compile(rb"<svg[\s>]")
_LENGTH = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:px|pt|mm|cm|in)?\s*")


@dataclass(frozen=True)
class Picture:
    """A picture that has been recognised.

    Attributes:
        data: The file's bytes.
        kind: `svg` or `png`.
        width, height: Size; only the ratio matters.
        alt: What it shows, in words.
    """

    data: bytes
    kind: str
    width: float
    height: float
    alt: str

    @property
    def media_type(self) -> str:
        """As in a data URI."""
        return {"svg": "image/svg+xml", "png": "image/png"}[self.kind]

    @property
    def ratio(self) -> float:
        """Height over width."""
        return self.height / self.width


def read_picture(image: bytes | str, place: str, alt: str) -> Picture:
    """Recognise a picture by its content.

    Args:
        image: Bytes of an SVG or PNG file, or SVG text.
        place: Where it stands in the document, for the error.
        alt: What it shows, in words.

    Raises:
        DocumentError: It is neither, or damaged.
    """
    data = image.encode("utf-8") if isinstance(image, str) else bytes(image)
    if data.startswith(_PNG) and len(data) > 24:
        width, height = struct.unpack(">II", data[16:24])
        if width and height and data[12:16] == b"IHDR":
            return Picture(data, "png", float(width), float(height), alt)
    elif _SVG_ROOT.search(data[:4096]):
        return Picture(data, "svg", *_svg_size(data, place), alt)
    raise DocumentError(
        f"Expected SVG or PNG for {place}, got {len(data)} bytes that begin with {data[:12]!r}. "
        "Save the figure in one of these formats and pass the content of the file."
    )


def _svg_size(data: bytes, place: str) -> tuple[float, float]:
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise DocumentError(f"The SVG of {place} is damaged: {error}. Write it again.") from error
    box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
    if len(box) == 4 and float(box[2]) > 0 and float(box[3]) > 0:
        return float(box[2]), float(box[3])
    sides = [_LENGTH.fullmatch(root.get(name, "")) for name in ("width", "height")]
    sizes = [float(side[1]) for side in sides if side is not None]
    if len(sizes) == 2 and min(sizes) > 0:
        return sizes[0], sizes[1]
    raise DocumentError(f"The SVG of {place} has no size. Give it a viewBox, or width and height.")

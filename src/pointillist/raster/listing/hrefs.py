"""References of lists to files: relative ones, URLs, object stores."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlparse

from pointillist.errors import MissingFileError

_STORES = {
    "http": "/vsicurl/http://",
    "https": "/vsicurl/https://",
    "s3": "/vsis3/",
    "gs": "/vsigs/",
    "az": "/vsiaz/",
    "abfs": "/vsiadls/",
}


def is_remote(href: str) -> bool:
    """Whether a reference leads away from this machine's files."""
    return href.startswith("/vsi") or urlparse(href).scheme.lower() in _STORES


def resolve(href: str, folders: Sequence[Path], said_by: str) -> str:
    """A reference as a path GDAL opens.

    Args:
        href: A path, relative or not, a URL, or GDAL's own `/vsi…` path.
        folders: What relative paths may be relative to, the likeliest first.
        said_by: What refers to it, for messages.

    Raises:
        MissingFileError: It names a file here that does not exist.
    """
    scheme = urlparse(href).scheme.lower()
    if scheme in _STORES:
        return _STORES[scheme] + href.split("://", 1)[1]
    if is_remote(href) or re.match(r"[A-Za-z0-9_]{2,}:(?!//)", href):  # NETCDF:file:variable
        return href
    name = unquote(urlparse(href).path) if scheme == "file" else href
    places = [folder / name for folder in folders]
    for place in places:
        if place.exists():
            return str(place)
    looked = " or ".join(dict.fromkeys(f"'{place}'" for place in places))
    raise MissingFileError(
        f"{said_by} names '{href}', but there is no {looked}. Put the file there, or correct the "
        "list."
    )

"""The labelling app in the browser: a page, and the calls it makes. Thin over `labelling`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pointillist.web.serving import ServeOptions, serve

if TYPE_CHECKING:
    from pointillist.web.application import create_app

__all__ = ["ServeOptions", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    if name == "create_app":  # FastAPI takes as long to import as the first view to make
        from pointillist.web.application import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The labelling app in the browser: a page, and the calls it makes. Thin over `labelling`."""

from __future__ import annotations

from pointillist.web.application import create_app
from pointillist.web.serving import ServeOptions, serve

__all__ = ["ServeOptions", "create_app", "serve"]

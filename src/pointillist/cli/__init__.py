"""The command `pointillist`."""

from __future__ import annotations

from pointillist.cli.app import main

__all__ = ["main"]

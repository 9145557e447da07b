"""What can be wrong with a document, said before anything is written."""

from __future__ import annotations

from pointillist.errors import InputError


class DocumentError(InputError):
    """A block, label, citation or picture of a document cannot be used as it is."""


class FormulaError(DocumentError):
    """A formula uses LaTeX that is not understood here, or is incomplete."""

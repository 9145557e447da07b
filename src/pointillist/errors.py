"""Everything that can go wrong for a user, each with a sentence that says how to put it right."""

from __future__ import annotations


class PointillistError(Exception):
    """Base of all errors meant for users: rule, value, place and remedy in a sentence or two."""


class InputError(PointillistError, ValueError):
    """A value, option or array breaks a stated rule."""


class MissingFileError(PointillistError, FileNotFoundError):
    """A file that was named does not exist."""


class LayoutError(MissingFileError):
    """Files lie otherwise than expected: a sentence, and below it, line by line, how they should.

    The first line of the message is the sentence, the others are the tree.
    """


class UnreadableFileError(PointillistError, OSError):
    """A file exists but is damaged, truncated or of another kind."""


class GridError(PointillistError, ValueError):
    """Rasters, masks or points do not fit together in space (size, CRS, transform, bands)."""


class PointsError(PointillistError, ValueError):
    """Labelled points cannot be used as they are."""


class ClassFieldError(PointsError, KeyError):
    """The field that holds the class is missing or ambiguous."""

    def __str__(self) -> str:
        """The plain sentence: KeyError alone would show its repr."""
        return str(self.args[0]) if self.args else ""


class BusyPointsError(PointsError):
    """A file of points cannot be written now; nothing was changed, and trying again may help."""


class ConflictError(PointsError):
    """Somebody else has changed the same point meanwhile; nothing was overwritten."""


class LegendError(PointillistError, ValueError):
    """Classes, codes and colours contradict each other."""


class ModelFileError(PointillistError, ValueError):
    """A model file is not one, is damaged, or comes from a version that cannot be read."""


class WeightsError(PointillistError, RuntimeError):
    """Starting weights for an encoder cannot be had or do not fit."""


class DivergedError(PointillistError, RuntimeError):
    """A training's loss or weights are no finite numbers any more."""


class ConfigError(PointillistError, ValueError):
    """A configuration holds unknown keys or impossible values; all of them are listed."""


class ClusterError(PointillistError, RuntimeError):
    """Workers cannot be reached or started, take no part, or have gone."""


class OutputError(PointillistError, OSError):
    """A result cannot be written (folder, permissions, disk full)."""


class OutputExistsError(OutputError, FileExistsError):
    """A result is already there and overwriting was not asked for."""


class WorkerError(PointillistError, RuntimeError):
    """A process that was given work ended without a result."""


class StudyRunningError(PointillistError, RuntimeError):
    """Another process adds records to the same folder."""


class ExportError(PointillistError, RuntimeError):
    """An exported graph does not do what the model does."""


def in_one_line(error: Exception) -> str:
    """What a parser says, without its picture of the place: of YAML what is wrong, and the line."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"{getattr(error, 'problem', None) or 'it is broken'} in line {mark.line + 1}"

"""All that is wrong with a study file, told at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pointillist.errors import ConfigError, InputError


class SeveralFaultsError(ConfigError):
    """Several faults at once: a sentence or two each, none twice."""

    def __init__(self, told: Sequence[str]) -> None:
        super().__init__(" ".join(told))
        self.told = tuple(told)


class Faults:
    """Collects what is wrong, so that a person corrects a file once and not fault by fault."""

    def __init__(self) -> None:
        self.found: dict[str, InputError | ConfigError] = {}

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Keep an error of the block for later."""
        try:
            yield
        except SeveralFaultsError as error:
            self.found |= dict.fromkeys(error.told, error)
        except (InputError, ConfigError) as error:
            self.found[str(error)] = error

    def raise_all(self) -> None:
        """Raise what was collected.

        Raises:
            InputError: The one fault.
            ConfigError: The one fault, or several.
        """
        if len(self.found) > 1:
            raise SeveralFaultsError(tuple(self.found))
        for error in self.found.values():
            raise error

"""`assess --model RUN --cv blocks`: how well a recipe learns from the run's points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointillist.cli import console
from pointillist.errors import InputError


@dataclass(frozen=True)
class CrossValidationRequest:
    """What was asked for.

    Args:
        model: Run folder.
        cv: Kind of folds; only `blocks`.
        folds: Number of folds.
        block: Side of the squares in pixels; None to choose it.
        budget: Time for all folds together.
        seed: Of folds and trainings.
    """

    model: Path | None
    cv: str | None
    folds: int | None
    block: int | None
    budget: str | None
    seed: int | None

    @property
    def is_made(self) -> bool:
        """Whether anything of it was asked for."""
        own = {name: value for name, value in vars(self).items() if name != "seed"}
        return any(value is not None for value in own.values())


def cross_validate(
    request: CrossValidationRequest,
    others: dict[str, Any],
    json: Path | None,
    overwrite: bool,
) -> None:
    """Check what was asked for, run it, show it.

    Args:
        request: What was asked for.
        others: Options that have no meaning here, by name, with what was given.
        json: File to write to.
        overwrite: Replace a file that exists.

    Raises:
        InputError: Options that do not go together.
    """
    from pointillist.raster import check_output
    from pointillist.report.crossvalidation import render_crossvalidation
    from pointillist.training.run_crossvalidation import cross_validate_run

    if request.model is None or request.cv is None:
        raise InputError(
            "Expected --model RUN and --cv blocks together: they cross-validate the run's recipe. "
            "To judge a map, name it and its --reference."
        )
    if request.cv != "blocks":
        raise InputError(f"Expected --cv blocks, got '{request.cv}'. Other folds flatter.")
    given = [name for name, value in others.items() if value not in (None, False)]
    if given:
        raise InputError(
            f"Expected no {given[0]} with --cv: it judges the learner on the run's own points, "
            "and no map. Leave it out."
        )
    if json is not None:
        check_output(json, overwrite)
    with console.progress("Cross-validating") as step:
        found = cross_validate_run(
            request.model,
            n_folds=5 if request.folds is None else request.folds,
            block_px=request.block,
            budget=request.budget,
            seed=request.seed,
            say=console.say,
            step=step,
        )
    console.out.print(render_crossvalidation(found.to_dict()))
    if json is not None:
        console.say(f"Written: {found.write_json(json, overwrite=overwrite)}")

"""What a study file may say of a run: types and ranges, all faults at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Annotated, Any, get_type_hints

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from pointillist.errors import ConfigError, InputError
from pointillist.studies.protocols import Protocol
from pointillist.training.config import parse_duration


def _check_duration(text: str | None) -> str | None:
    if text is not None:
        try:
            parse_duration(text)
        except InputError as error:
            raise ValueError("Input should be a time above 0 like 90s, 10m or 1h") from error
    return text


_COUNT, _SHARE = Field(ge=1), Field(ge=0, le=1)
_RANGES: dict[str, Any] = {
    **dict.fromkeys(
        (
            "n_per_class", "n_points", "batch_size", "tile_px", "n_train", "n_test", "epochs",
            "steps", "first_points", "round_points", "draws",
        ),
        _COUNT,
    ),
    **dict.fromkeys(("warmup", "wrong_share"), _SHARE),
    **dict.fromkeys(("learning_rate", "stretch"), Field(gt=0)),
    **dict.fromkeys(("weight_decay", "off_px", "unsure_px"), Field(ge=0)),
    "budget": AfterValidator(_check_duration),
}  # fmt: skip


def check_values(protocol: Protocol, stated: Mapping[str, Any], where: str) -> None:
    """Refuse values that a cell of the protocol cannot have; keys that it lacks are not judged.

    Args:
        protocol: Of the run.
        stated: Values by name, as in the file.
        where: Row and study, for the message.

    Raises:
        ConfigError: Values of another type or out of range, needed ones that are missing, or a
            seed; all are listed at once.
    """
    faults = [*_missing(protocol, stated), *_wrong(protocol, stated)]
    if faults:
        raise ConfigError(
            f"Expected values that {protocol.name} knows in {where}: {'; '.join(faults)}. "
            "Correct them and start again."
        )


def _missing(protocol: Protocol, stated: Mapping[str, Any]) -> Iterator[str]:
    for field in fields(protocol.cell):
        if field.default is MISSING and field.name not in stated:
            yield f"{field.name}: is needed"


def _wrong(protocol: Protocol, stated: Mapping[str, Any]) -> Iterator[str]:
    kinds = get_type_hints(protocol.cell)
    for name, value in stated.items():
        if name == "seed":
            yield "seed: belongs to the study (seeds: 3), every row gets them all"
        elif name in kinds:
            kind: Any = Annotated[kinds[name], _RANGES[name]] if name in _RANGES else kinds[name]
            try:
                TypeAdapter(kind, config=ConfigDict(strict=True)).validate_python(value)
            except ValidationError as error:
                said = dict.fromkeys(fault["msg"] for fault in error.errors())
                yield f"{name}: {', or '.join(said)} (got {value!r})"

"""What decides the pixels of a map. Blocks of another run are used only where it is the same."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import pointillist
from pointillist.errors import OutputError

_FORMAT = 1
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class JobRecord:
    """What decides the pixels of one scene's map.

    Args:
        scene_name: For messages.
        model: Its fingerprint.
        scene: Its fingerprints.
        options: As on the command line, by name; areas by fingerprint.
        engine: What `describe_engine` says; None as long as none is chosen.
        overwrite: Whether the run may replace files that exist.
        version: Of Pointillist.
        format: Of this record and the blocks kept with it.
    """

    scene_name: str
    model: str
    scene: dict[str, str]
    options: dict[str, Any]
    engine: dict[str, str] | None = None
    overwrite: bool = False
    version: str = pointillist.__version__
    format: int = _FORMAT

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> JobRecord:
        """Read what `to_dict` gave.

        Raises:
            OutputError: It is no such record.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise OutputError(
                "The interrupted run was begun by another version of Pointillist and cannot go on "
                f"with {pointillist.__version__}. Start again with --overwrite."
            ) from error

    def changes(self, now: JobRecord) -> list[str]:
        """What is no longer as it was, in words; empty if the same pixels come out."""
        changed = []
        if (self.version, self.format) != (now.version, now.format):
            changed.append(f"Pointillist (was {self.version}, is {now.version})")
        if self.model != now.model:
            changed.append("the model")
        if any(self.scene.get(part) != now.scene[part] for part in ("raster", "contents")):
            changed.append(f"the scene {now.scene_name}")
        names = sorted({*self.options, *now.options})
        changed += [
            _change(name, self.options.get(name), now.options.get(name))
            for name in names
            if self.options.get(name) != now.options.get(name)
        ]
        return changed

    def was_touched(self, now: JobRecord) -> bool:
        """Whether the scene's files have another time stamp."""
        return self.scene.get("modified") != now.scene["modified"]


def _change(name: str, was: Any, now: Any) -> str:
    if any(_DIGEST.fullmatch(str(value)) for value in (was, now)):
        return f"what {name} names"
    return f"{name} (was {_shown(was)}, is {_shown(now)})"


def _shown(value: Any) -> str:
    if value is None:
        return "not given"
    return " ".join(str(v) for v in value) if isinstance(value, list) else str(value)

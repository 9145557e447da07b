"""What the page sends and gets, checked and described for the API's own page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
ClassName = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$"
    ),
]
Uid = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_{}:.-]{1,128}$")]
"""Name of a label: that of the page, or one that another program gave it (QGIS with braces)."""
Source = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,40}$")]
Author = Annotated[str, StringConstraints(max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")]
Position = Annotated[
    list[Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]],
    Field(min_length=2, max_length=2),
]
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
Version = Annotated[int, Field(ge=0, le=2**53)]


class Strict(BaseModel):
    """A body in which unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What went wrong, in a sentence for the person."""

    detail: str


class Action(Strict):
    """One thing done to one label."""

    uid: Uid
    base_version: Version = 0
    delete: bool = False
    kind: Literal["Point", "LineString", "Polygon"] = "Point"
    positions: list[Position] = Field(default_factory=list, max_length=10_000)
    name: ClassName | None = None
    source: Source = "click"
    round: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class ActionBatch(Strict):
    """Things done together: all are stored, or none."""

    request: Identifier
    author: Author = ""
    actions: Annotated[list[Action], Field(min_length=1, max_length=1000)]


class LabelOut(BaseModel):
    """A label on the page: positions are (column, row) of the scene, continuous."""

    uid: str
    kind: str
    positions: list[list[float]]
    name: str | None
    author: str
    source: str
    created: str
    round: int
    version: int


class Stored(BaseModel):
    """The labels as they are after an action, and those that are gone."""

    seq: int
    labels: list[LabelOut]
    deleted: list[str]


class LabelsOut(BaseModel):
    """Labels that changed after `since`; all of them where that is 0."""

    seq: int
    labels: list[LabelOut]
    deleted: list[str]


class ClassIn(Strict):
    """One class; `was` names the one it comes from."""

    name: ClassName
    color: Color
    was: ClassName | None = None
    code: Annotated[int, Field(ge=0, le=65534)] | None = None


class KnownClass(Strict):
    """One class as the page was told it; taken as it stands."""

    code: int
    name: str
    color: str


class LegendIn(Strict):
    """All classes, in order; `merged` says which class takes over the points of another.

    Where `known` is given, nothing is done when the classes are no longer these.
    """

    request: Identifier
    author: Author = ""
    classes: Annotated[list[ClassIn], Field(min_length=1, max_length=64)]
    merged: dict[ClassName, ClassName] = Field(default_factory=dict)
    known: Annotated[list[KnownClass], Field(max_length=64)] | None = None


class ClassOut(BaseModel):
    """One class with the number of its labels."""

    code: int
    name: str
    color: str
    count: int


class LegendOut(BaseModel):
    """The classes in the order of their index."""

    classes: list[ClassOut]
    unlabelled: int


class AboutOut(BaseModel):
    """Before a scene is shown; `author` is who labels where the page says nothing."""

    version: str
    author: str
    n_scenes: int


class JobOut(BaseModel):
    """How far a job has come."""

    kind: str
    state: Literal["idle", "running", "done", "failed", "cancelled"]
    share: float
    message: str
    seconds: float
    left: float | None


class ClassCountOut(BaseModel):
    """A class and the number of its labels."""

    name: str
    color: str
    count: int


class SceneSummary(BaseModel):
    """A scene of the list and how far it is."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    stamp: str
    state: Literal["new", "begun", "mapped", "assessed", "unreadable"]
    width: int
    height: int
    n_bands: int
    n_labels: int
    classes: list[ClassCountOut]
    authors: list[tuple[str, int]]
    changed: str
    can_resume: bool
    accuracy: float | None
    interval: tuple[float, float] | None
    problem: str
    job: JobOut | None


class SceneOut(BaseModel):
    """What the page must know of a scene."""

    id: int
    name: str
    stamp: str
    points: str
    points_key: str
    width: int
    height: int
    n_levels: int
    tile_px: int
    bands: list[str]
    usual_bands: list[int]
    transform: list[float]
    crs: str | None
    is_geographic: bool
    unit_m: float | None
    seq: int
    is_sketch: bool


class PixelOut(BaseModel):
    """Values of a pixel, one per band; null where there is no data."""

    values: list[float] | None


class ViewIn(Strict):
    """The tiles in view, so that their features can be made ready."""

    level: Annotated[int, Field(ge=0, le=40)]
    tiles: Annotated[
        list[tuple[Annotated[int, Field(ge=0, le=10**6)], Annotated[int, Field(ge=0, le=10**6)]]],
        Field(max_length=64),
    ]


class RestoreIn(Strict):
    """Which line of the history to go back to."""

    request: Identifier
    author: Author = ""
    seq: Annotated[int, Field(ge=0, le=2**53)]


class HistoryLine(BaseModel):
    """One action of the history, newest first."""

    seq: int
    at: str
    author: str
    what: str
    name: str | None


class HistoryOut(BaseModel):
    """The last actions."""

    lines: list[HistoryLine]


class MapIn(Strict):
    """How to map the scene: the recipe, and how long it may train."""

    recipe: Literal["forest", "unet", "stack"] = "forest"
    minutes: Annotated[float, Field(ge=0.5, le=600)] = 10.0


class SampleIn(Strict):
    """How large a reference sample to draw."""

    n: Annotated[int, Field(ge=2, le=2000)] = 50


class AnswerIn(Strict):
    """What is at a point of the reference sample; no name where one cannot tell."""

    request: Identifier
    author: Author = ""
    uid: Identifier
    name: ClassName | None = None
    base_version: Version | None = None


class ReferencePoint(BaseModel):
    """A place to look at; what the map says there is not told."""

    uid: str
    position: list[float]
    name: str | None
    is_answered: bool
    version: int


class SuggestIn(Strict):
    """How many places to suggest."""

    n: Annotated[int, Field(ge=1, le=200)] = 20


class PlaceOut(BaseModel):
    """A pixel worth a click, and why."""

    row: int
    col: int
    why: str


class SuggestionsOut(BaseModel):
    """Places to click next; their points belong to this round."""

    round: int
    places: list[PlaceOut]


class CurvePointOut(BaseModel):
    """How right the live map is after so many labels."""

    labels: int
    accuracy: float


class ProgressOut(BaseModel):
    """The learning curve, and what 50 more labels would add to it."""

    curve: list[CurvePointOut]
    judged: int
    ahead: list[CurvePointOut]
    sentence: str


class VerdictOut(BaseModel):
    """What points held out of the training say of the finished and of the live map."""

    recipe: str
    labels: int
    judged: int
    full: float
    quick: float
    is_better: bool
    sentence: str


class FinishOut(BaseModel):
    """What there is of the finished map."""

    job: JobOut
    has_map: bool
    can_resume: bool
    verdict: VerdictOut | None
    downloads: list[str]
    reference: list[ReferencePoint]
    accuracy: dict[str, Any] | None

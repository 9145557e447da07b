"""The calls of the page: each asks one thing of the project."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from pointillist import __version__
from pointillist.errors import InputError, MissingFileError
from pointillist.labelling import (
    LabelSession,
    Project,
    encode_classes,
    encode_uncertainty,
)
from pointillist.legend import Legend, parse_color
from pointillist.web.broadcast import Broadcast
from pointillist.web.schemas import (
    AboutOut,
    ActionBatch,
    AnswerIn,
    FinishOut,
    HistoryOut,
    LabelsOut,
    LegendIn,
    LegendOut,
    MapIn,
    PixelOut,
    Problem,
    ProgressOut,
    RestoreIn,
    SampleIn,
    SceneOut,
    SceneSummary,
    Stored,
    SuggestIn,
    SuggestionsOut,
    ViewIn,
)

SceneId = Annotated[int, Path(ge=0, le=100_000)]
Level = Annotated[int, Path(ge=0, le=40)]
Index = Annotated[int, Path(ge=0, le=10**7)]
_FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
_NEVER = {"cache-control": "no-store"}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "No token, or a wrong one"},
    403: {"model": Problem, "description": "Called from elsewhere"},
    404: {"model": Problem, "description": "There is no such thing"},
    409: {"model": Problem, "description": "Somebody else has changed it meanwhile"},
    413: {"model": Problem, "description": "Too large"},
    422: {"model": Problem, "description": "Not as expected; the sentence says what"},
}
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}, "image/jpeg": {}}, "description": "A tile of 256 px"},
    204: {"description": "There is no map yet: it needs points of two classes"},
}


def make_router(project: Project, broadcast: Broadcast) -> APIRouter:
    """All calls under `/api`."""
    router = APIRouter(responses=_PROBLEMS)

    def session(scene: int) -> LabelSession:
        return project.session(scene)

    def who(stated: str) -> str:
        author = stated.strip() or project.author
        if not author:
            raise InputError("Expected the name of whoever labels. Fill in 'Your name'.")
        return author

    @router.get("/about")
    def about() -> AboutOut:
        """What the page must know before it shows a scene."""
        return AboutOut(version=__version__, author=project.author, n_scenes=len(project.places))

    @router.get("/scenes")
    def list_scenes() -> list[SceneSummary]:
        """The scenes of the project, and how far each is."""
        return [SceneSummary.model_validate(row) for row in project.list()]

    @router.get("/scenes/{scene}/picture", responses=_PICTURE, response_class=Response)
    def get_picture(scene: SceneId) -> Response:
        """A small picture of a scene; its address holds the scene's stamp."""
        tile = project.picture(scene)
        return Response(tile.content, media_type=tile.media_type, headers=_FOREVER)

    @router.get("/scenes/{scene}")
    def get_scene(scene: SceneId) -> SceneOut:
        """Size, bands and place of a scene."""
        return SceneOut(id=scene, **project.describe(scene))

    @router.get("/scenes/{scene}/labels")
    def get_labels(scene: SceneId, since: Annotated[int, Query(ge=0, le=2**53)] = 0) -> LabelsOut:
        """Labels that changed after a line of the history; all of them from 0."""
        return LabelsOut(**_changed(session(scene), since))

    @router.post("/scenes/{scene}/actions")
    def act(scene: SceneId, batch: ActionBatch) -> Stored:
        """Add, change or delete labels. When this answers, they are on disk."""
        opened = session(scene)
        actions = [action.model_dump() for action in batch.actions]
        opened.act(batch.request, who(batch.author), actions)
        return Stored(**_as_now(opened, {a.uid for a in batch.actions}))

    @router.get("/scenes/{scene}/legend")
    def get_legend(scene: SceneId) -> LegendOut:
        """The classes with their counts."""
        return LegendOut(**_legend(session(scene)))

    @router.put("/scenes/{scene}/legend")
    def put_legend(scene: SceneId, body: LegendIn) -> LegendOut:
        """Replace the classes; points of renamed and merged ones follow."""
        opened = session(scene)
        renamed = {c.was: c.name for c in body.classes if c.was and c.was != c.name}
        legend = Legend.from_dict(_rows(body, opened.store.legend))
        known = None if body.known is None else [c.model_dump() for c in body.known]
        opened.set_legend(body.request, who(body.author), legend, renamed | body.merged, known)
        return LegendOut(**_legend(opened))

    @router.get("/scenes/{scene}/history")
    def get_history(scene: SceneId, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> HistoryOut:
        """The last actions, newest first."""
        return HistoryOut.model_validate({"lines": session(scene).history(limit)})

    @router.post("/scenes/{scene}/restore")
    def restore(scene: SceneId, body: RestoreIn) -> LabelsOut:
        """Go back to the state after a line of the history."""
        opened = session(scene)
        opened.restore(body.request, who(body.author), body.seq)
        return LabelsOut(**_changed(opened, 0))

    @router.get("/scenes/{scene}/pixel")
    def get_pixel(
        scene: SceneId,
        row: Annotated[int, Query(ge=0, le=10**9)],
        col: Annotated[int, Query(ge=0, le=10**9)],
    ) -> PixelOut:
        """Values of one pixel."""
        return PixelOut(**session(scene).pixel(row, col))

    @router.post("/scenes/{scene}/view", status_code=202)
    def look_at(scene: SceneId, view: ViewIn) -> dict[str, int]:
        """Say what is in view, so that its quick map is ready when it is asked for."""
        session(scene).look_at(view.level, view.tiles)
        return {"tiles": len(view.tiles)}

    @router.get(
        "/scenes/{scene}/image/{level}/{row}/{col}", responses=_PICTURE, response_class=Response
    )
    def get_image(
        scene: SceneId,
        level: Level,
        row: Index,
        col: Index,
        bands: Annotated[str | None, Query(pattern=r"^\d{1,4}(,\d{1,4}){0,2}$")] = None,
        cut: Annotated[
            str, Query(pattern=r"^\d{1,2}(\.\d{1,3})?(,\d{1,2}(\.\d{1,3})?){0,2}$")
        ] = "2",
    ) -> Response:
        """A tile of the image; its address holds the scene's stamp, so that it may be kept."""
        opened = session(scene)
        chosen = [int(b) for b in bands.split(",")] if bands else None
        look = opened.pictures.look(chosen, [float(c) for c in cut.split(",")])
        is_sketch = opened.pyramid.is_sketch(level)
        tile = opened.pictures.tile(level, row, col, look)
        kept = _NEVER if is_sketch else _FOREVER
        return Response(tile.content, media_type=tile.media_type, headers=kept)

    @router.get(
        "/scenes/{scene}/map/{level}/{row}/{col}", responses=_PICTURE, response_class=Response
    )
    def get_map(
        scene: SceneId,
        level: Level,
        row: Index,
        col: Index,
        kind: Annotated[str, Query(pattern="^(classes|uncertainty|finished)$")] = "classes",
    ) -> Response:
        """A tile of the live map, of how unsure it is, or of the finished map."""
        opened = session(scene)
        if kind == "finished":
            finished = opened.finishing.tile(level, row, col)
            if finished is None:
                return Response(status_code=204)
            tile = encode_classes(*finished)
            return Response(tile.content, media_type=tile.media_type)
        found = opened.map_tile(level, row, col)
        if found is None:
            return Response(status_code=204)
        if kind == "uncertainty":
            tile = encode_uncertainty(found.uncertainty, found.valid)
        else:
            tile = encode_classes(found.index, opened.colors)
        return Response(tile.content, media_type=tile.media_type)

    @router.post("/scenes/{scene}/suggestions")
    def suggest(scene: SceneId, body: SuggestIn) -> SuggestionsOut:
        """Places to click next, by the points as they are now; no place comes twice."""
        round_, places = session(scene).suggest(body.n)
        return SuggestionsOut.model_validate(
            {"round": round_, "places": [vars(place) for place in places]}
        )

    @router.get("/scenes/{scene}/progress")
    def get_progress(scene: SceneId) -> ProgressOut:
        """How right the live map is at points it has not seen, and what more would bring."""
        return ProgressOut.model_validate(asdict(session(scene).progress()))

    @router.get("/scenes/{scene}/finish")
    def get_finish(scene: SceneId) -> FinishOut:
        """What there is of the finished map, its accuracy, and the job that runs."""
        return FinishOut.model_validate(_finish(session(scene)))

    @router.post("/scenes/{scene}/finish/map", status_code=202)
    def make_map(scene: SceneId, body: MapIn) -> FinishOut:
        """Train on the labels as they are, and map the whole scene."""
        session(scene).finishing.make_map(body.recipe, body.minutes)
        return FinishOut.model_validate(_finish(session(scene)))

    @router.post("/scenes/{scene}/finish/resume", status_code=202)
    def resume_map(scene: SceneId) -> FinishOut:
        """Go on with a map that was interrupted."""
        session(scene).finishing.resume_map()
        return FinishOut.model_validate(_finish(session(scene)))

    @router.post("/scenes/{scene}/finish/cancel", status_code=202)
    def cancel(scene: SceneId) -> FinishOut:
        """Stop what runs."""
        session(scene).finishing.jobs.cancel()
        return FinishOut.model_validate(_finish(session(scene)))

    @router.post("/scenes/{scene}/finish/sample", status_code=202)
    def draw_sample(scene: SceneId, body: SampleIn) -> FinishOut:
        """Draw a blind probability sample of the map."""
        session(scene).finishing.checking.draw(body.n, secrets.randbelow(2**31))
        return FinishOut.model_validate(_finish(session(scene)))

    @router.post("/scenes/{scene}/finish/answer")
    def answer(scene: SceneId, body: AnswerIn) -> FinishOut:
        """Say what is at a point of the sample; stored when it answers."""
        opened = session(scene)
        opened.finishing.checking.answer(
            body.request, who(body.author), body.uid, body.name, body.base_version
        )
        return FinishOut.model_validate(_finish(opened))

    @router.post("/scenes/{scene}/finish/assess", status_code=202)
    def assess(scene: SceneId) -> FinishOut:
        """Judge the map by the answers."""
        session(scene).finishing.checking.assess()
        return FinishOut.model_validate(_finish(session(scene)))

    @router.get("/events", response_class=StreamingResponse)
    async def events() -> StreamingResponse:
        """What happens, as server-sent events."""
        return StreamingResponse(
            broadcast.listen(),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
        )

    @router.get("/scenes/{scene}/export/{what}", response_class=Response)
    def export(scene: SceneId, what: Annotated[str, Path(pattern="^[a-z-]{1,20}$")]) -> Response:
        """A file to keep: the points, the map, the model, the report."""
        path = project.export(scene, what)
        if path is None:
            raise MissingFileError(f"There is no '{what}' to download yet.")
        from fastapi.responses import FileResponse

        return FileResponse(path, filename=path.name)

    return router


def _as_now(opened: LabelSession, uids: set[str]) -> dict[str, Any]:
    seq = opened.store.seq  # first: what happens while the labels are looked up is told again
    found = [(uid, opened.store.get(uid)) for uid in sorted(uids)]
    return {
        "seq": seq,
        "labels": [opened.describe_label(label) for _, label in found if label is not None],
        "deleted": [uid for uid, label in found if label is None],
    }


def _finish(opened: LabelSession) -> dict[str, Any]:
    finishing = opened.finishing
    return {
        "job": finishing.jobs.status.as_dict(),
        "has_map": finishing.has_map,
        "downloads": finishing.available(),
        "can_resume": finishing.can_resume,
        "verdict": finishing.verdict(),
        "reference": finishing.checking.describe(opened.placement),
        "accuracy": finishing.checking.accuracy(),
    }


def _changed(opened: LabelSession, since: int) -> dict[str, Any]:
    if since == 0:
        seq = opened.store.seq
        labels = [opened.describe_label(label) for label in opened.store.labels()]
        return {"seq": seq, "labels": labels, "deleted": []}
    seq = opened.store.seq
    events = opened.store.events_since(since, limit=10**9)
    return {**_as_now(opened, {event.uid for event in events if event.uid}), "seq": seq}


def _legend(opened: LabelSession) -> dict[str, Any]:
    legend = opened.store.legend
    names = [opened.class_name(label.name) for label in opened.store.labels()]
    rows = [] if legend is None else legend.to_dict()
    return {
        "classes": [{**row, "count": names.count(row["name"])} for row in rows],
        "unlabelled": names.count(None),
    }


def _rows(body: LegendIn, known: Legend | None) -> list[dict[str, Any]]:
    """Classes with codes: those they have, else the next free ones."""
    codes = {} if known is None else dict(zip(known.names, known.codes, strict=True))
    given = [c.code if c.code is not None else codes.get(c.was or c.name) for c in body.classes]
    taken = {code for code in given if code is not None}
    free = iter(code for code in range(1, 65535) if code not in taken)
    return [
        {
            "name": c.name.strip(),
            "code": next(free) if code is None else code,
            "color": "#{:02x}{:02x}{:02x}".format(*parse_color(c.color)),
        }
        for c, code in zip(body.classes, given, strict=True)
    ]

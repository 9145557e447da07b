"""The application: routes under `/api/`, the page, errors as sentences."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from pointillist import __version__
from pointillist.errors import BusyPointsError, ConflictError, MissingFileError, PointillistError
from pointillist.labelling import Project
from pointillist.web.broadcast import Broadcast
from pointillist.web.guard import Guard, GuardMiddleware
from pointillist.web.routes import make_router

logger = logging.getLogger(__name__)

STATIC = Path(__file__).with_name("static")
_POLL_S = 1.0
_STATUS: tuple[tuple[type[PointillistError], int], ...] = (
    (ConflictError, 409),
    (BusyPointsError, 503),  # the page keeps what it wanted to store, and tries again
    (MissingFileError, 404),
    (PointillistError, 422),
)


def create_app(project: Project, guard: Guard, root_path: str = "") -> FastAPI:
    """The app for a project.

    Args:
        project: The scenes and their labels.
        guard: What every call must bring.
        root_path: Path prefix under which a proxy shows it.
    """
    broadcast = Broadcast()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        broadcast.bind(asyncio.get_running_loop())
        watcher = asyncio.create_task(_watch(project))
        yield
        watcher.cancel()
        await asyncio.to_thread(project.close)

    app = FastAPI(
        title="Pointillist labelling app",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    project.listen(broadcast.tell)
    app.state.broadcast = broadcast
    app.include_router(make_router(project, broadcast), prefix="/api")
    _answer_errors(app)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    @app.get("/reference", include_in_schema=False)
    def reference() -> FileResponse:
        return FileResponse(STATIC / "reference.html", headers={"cache-control": "no-cache"})

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(GuardMiddleware, guard=guard, root_path=root_path)
    return app


def _answer_errors(app: FastAPI) -> None:
    """The one table from errors to answers: a sentence for the person, a trace for the log."""

    @app.exception_handler(PointillistError)
    async def known(_: Request, error: PointillistError) -> JSONResponse:
        status = next(code for kind, code in _STATUS if isinstance(error, kind))
        return JSONResponse({"detail": str(error)}, status)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return JSONResponse({"detail": f"{place}: {first['msg']}."}, 422)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        sentence = "Something went wrong on the server; its log has the details. Try again."
        return JSONResponse({"detail": sentence}, 500)


async def _watch(project: Project) -> None:
    """Take in what other programs write to the points files."""
    while True:
        await asyncio.sleep(_POLL_S)
        try:
            await asyncio.to_thread(project.poll)
        except PointillistError as error:
            logger.warning("%s", error)
        except Exception:  # what another program left there may be mended: look again
            logger.exception("The points files could not be looked at.")

"""Start the server and say where it is."""

from __future__ import annotations

import getpass
import logging
import secrets
import socket
import sys
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pointillist.errors import InputError
from pointillist.labelling import Project, find_places
from pointillist.legend import Legend

_FIRST_PORT, _N_PORTS = 8765, 40


@dataclass(frozen=True)
class ServeOptions:
    """What to label, and where the page is to be had.

    Args:
        scene: A raster or a folder of them.
        points: GeoPackage of the labels; beside the scene where None.
        legend: File with the classes to begin with.
        host: Address to listen on.
        port: Port; a free one where None.
        browser: Whether to open the page.
        allow_hosts: Further host names to answer to, of a proxy for instance.
        root_path: Path prefix under which a proxy shows the page.
        author: Name that points carry where the page does not say one; that of whoever started
            the server where None and nobody else can connect.
        class_field: Column with the classes in a points file that has none named `class`.
    """

    scene: Path
    points: Path | None = None
    legend: Path | None = None
    host: str = "127.0.0.1"
    port: int | None = None
    browser: bool = True
    allow_hosts: tuple[str, ...] = ()
    root_path: str = ""
    author: str | None = None
    class_field: str | None = None

    @property
    def is_private(self) -> bool:
        """Whether only people on this machine can connect."""
        is_loopback = self.host in ("127.0.0.1", "::1", "localhost")
        return is_loopback and not self.allow_hosts and not self.root_path


def serve(options: ServeOptions, say: Callable[[str], None] = print) -> None:
    """Serve the page until Ctrl-C.

    Args:
        options: What, and where.
        say: Takes the line with the link.

    Raises:
        InputError: The port is taken, or the address is not this machine's.
        PointillistError: Scene, points or legend cannot be used.
    """
    legend = None if options.legend is None else Legend.read(options.legend)
    author = options.author
    if author is None:
        author = _own_name() if options.is_private else ""
    places = find_places(options.scene, options.points)
    project = Project(places, legend, author, options.class_field)
    if len(project.places) == 1:
        project.session(0)  # a scene that cannot be read is said at once; its views are begun
    import uvicorn  # meanwhile

    from pointillist.web.application import create_app
    from pointillist.web.guard import Guard

    listener = _listen(options.host, options.port)
    token = secrets.token_urlsafe(24)
    names = {options.host, socket.gethostname(), *options.allow_hosts}
    guard = Guard(token, frozenset(name.casefold() for name in names))
    app = create_app(project, guard, options.root_path)
    port = listener.getsockname()[1]
    link = f"http://{_shown(options.host)}:{port}{options.root_path}/?token={token}"
    say(f"Open {link}")
    sys.stdout.flush()
    if options.browser:
        webbrowser.open(link)
    logging.getLogger("uvicorn.access").disabled = True
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=2, server_header=False
    )
    server = uvicorn.Server(config)
    end = server.handle_exit

    def let_go(sig: int, frame: FrameType | None) -> None:
        app.state.broadcast.end()  # else the long answers to open pages would be waited for
        end(sig, frame)

    server.handle_exit = let_go  # type: ignore[method-assign]
    server.run(sockets=[listener])


def _listen(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    tried = [port] if port is not None else [*range(_FIRST_PORT, _FIRST_PORT + _N_PORTS), 0]
    for candidate in tried:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(128)  # who follows the link at once waits instead of being refused
            return listener
        except OSError as error:
            listener.close()
            reason = error.strerror or str(error)
    raise InputError(
        f"Expected a free port at {host}, but {tried[0]} is not ({reason}). Choose another --port."
    )


def _own_name() -> str:
    """Of whoever started the server; empty where the system does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _shown(host: str) -> str:
    """The address as it stands in a link."""
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host

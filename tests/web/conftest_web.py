"""What the tests of the app share: the scene, a server as a process, waiting for the page."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from pointillist.legend import Legend

PATIENCE_MS = 150_000
"""How long a page may take on a machine that has other things to do."""


@dataclass(frozen=True)
class TerrainScene:
    path: Path
    mask: np.ndarray
    legend: Legend


class Server:
    """`pointillist label` as a person starts it."""

    def __init__(self, scene: Path, points: Path, *options: str, port: int = 0) -> None:
        command = [
            sys.executable,
            "-m",
            "pointillist",
            "label",
            str(scene),
            "--points",
            str(points),
        ]
        self.process = subprocess.Popen(
            [*command, "--no-browser", "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("Open "):
            assert self.process.stderr is not None
            raise AssertionError(f"No link but {line!r}: {self.process.stderr.read()}")
        self.link = line.split()[1]
        self.port = int(self.link.split(":")[2].split("/")[0])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def wait_saved(page: Any, timeout_ms: float = PATIENCE_MS) -> None:
    """Wait until the page says that everything is stored."""
    page.wait_for_selector("#saved[data-state=saved]", timeout=timeout_ms)


def wait_count(page: Any, n: int) -> None:
    """Wait until the page shows so many labels."""
    text = "1 label" if n == 1 else f"{n} labels"
    page.wait_for_selector(f"#points-count:text-is('{text}')")


def place_on_screen(page: Any, col: float, row: float) -> tuple[float, float]:
    """Where a pixel of the scene is on the screen."""
    box = page.locator("#map").bounding_box()
    x, y = page.evaluate(
        """([c, r]) => {
            const { map } = window.pointillist.view;
            map.renderSync(); // the image may have moved since it was drawn
            return map.getPixelFromCoordinate([c, -r]);
        }""",
        [col, row],
    )
    return box["x"] + x, box["y"] + y


class Proxy:
    """A reverse proxy that shows a server under a path, as nginx would.

    Args:
        to: Port of the server.
        prefix: The path.
        strips: Whether the server is asked without the path.
    """

    def __init__(self, to: int, prefix: str, *, strips: bool) -> None:
        class Handler(BaseHTTPRequestHandler):
            def forward(self) -> None:
                if not self.path.startswith(prefix):
                    self.send_error(404)
                    return
                path = self.path.removeprefix(prefix) if strips else self.path
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                upstream = http.client.HTTPConnection("127.0.0.1", to, timeout=60)
                try:
                    upstream.request(self.command, path, body, dict(self.headers))
                    answer = upstream.getresponse()
                    self.send_response(answer.status)
                    for key, value in answer.getheaders():
                        if key.lower() not in ("transfer-encoding", "connection", "date"):
                            self.send_header(key, value)
                    self.send_header("connection", "close")
                    self.end_headers()
                    while part := answer.read1(65536):
                        self.wfile.write(part)
                        self.wfile.flush()
                except OSError:  # the page or the server has gone
                    self.close_connection = True
                finally:
                    upstream.close()

            do_GET = do_POST = do_PUT = forward  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Quietly."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]

    def __enter__(self) -> Proxy:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

"""Long work beside the page: the same commands a person would type, each in a process of its own.

So the page never waits, a cancelled command stops as Ctrl-C stops it, and nothing of training,
mapping or assessing is done a second way.
"""

from __future__ import annotations

import logging
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pointillist.errors import InputError

logger = logging.getLogger(__name__)

State = Literal["idle", "running", "done", "failed", "cancelled"]
_PROGRESS = re.compile(r"^(\w[\w ]*): +(\d+) % ?(.*)$")


def _nothing() -> None:
    """There is nothing to do before or after it."""


@dataclass(frozen=True)
class Step:
    """One command of a job.

    Args:
        title: What the person reads.
        arguments: After `pointillist`.
        share: Part of the job's time that it takes.
    """

    title: str
    arguments: Sequence[str]
    share: float


@dataclass(frozen=True)
class JobStatus:
    """How far a job has come.

    Args:
        kind: What it makes.
        state: Where it is.
        share: 0…1.
        message: What it does, or why it ended.
        seconds: Since it began.
        left: Seconds still to go, None where unknown.
    """

    kind: str = ""
    state: State = "idle"
    share: float = 0.0
    message: str = ""
    seconds: float = 0.0
    left: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the page."""
        return {
            "kind": self.kind,
            "state": self.state,
            "share": round(self.share, 3),
            "message": self.message,
            "seconds": round(self.seconds, 1),
            "left": None if self.left is None else round(self.left),
        }


@dataclass
class JobRunner:
    """Runs one job at a time.

    Args:
        tell: Told the status whenever it changes.
    """

    tell: Callable[[JobStatus], None]
    status: JobStatus = field(default_factory=JobStatus)
    _process: subprocess.Popen[str] | None = None
    _is_cancelled: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_running(self, kind: str | None = None) -> bool:
        """Whether a job runs; one of a kind where that is given."""
        status = self.status
        return status.state == "running" and kind in (None, status.kind)

    def start(
        self,
        kind: str,
        steps: Sequence[Step],
        finish: Callable[[], None] = _nothing,
        begin: Callable[[], None] = _nothing,
    ) -> None:
        """Begin a job.

        Args:
            kind: What it makes.
            steps: Its commands, one after the other.
            finish: Called when all have succeeded.
            begin: Called before the first, once it is certain that no other job runs.

        Raises:
            InputError: One is running.
        """
        with self._lock:
            if self.status.state == "running":
                raise InputError("Something is being computed already. Wait for it, or cancel it.")
            self._is_cancelled = False
            self.status = JobStatus(kind, "running", message=steps[0].title)
        try:
            begin()
        except BaseException:
            self.status = JobStatus()
            raise
        threading.Thread(target=self._run, args=(kind, steps, finish), daemon=True).start()

    def cancel(self) -> None:
        """Stop the running job as Ctrl-C would."""
        self._is_cancelled = True
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """End what runs when the server ends."""
        self.cancel()
        process = self._process
        if process is not None:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()

    def _run(self, kind: str, steps: Sequence[Step], finish: Callable[[], None]) -> None:
        start, done = time.monotonic(), 0.0
        total = sum(step.share for step in steps)
        try:
            for step in steps:
                error = self._run_step(step, kind, start, done / total, step.share / total)
                if self._is_cancelled:
                    self._say(JobStatus(kind, "cancelled", message="Cancelled."), start)
                    return
                if error is not None:
                    self._say(JobStatus(kind, "failed", message=error), start)
                    return
                done += step.share
            finish()
            self._say(JobStatus(kind, "done", 1.0, "Finished."), start)
        except Exception as error:
            logger.exception("%s failed", kind)
            self._say(JobStatus(kind, "failed", message=str(error)), start)

    def _run_step(
        self, step: Step, kind: str, start: float, before: float, share: float
    ) -> str | None:
        """Run one command; its error in a sentence, None where it succeeded."""
        self._say(JobStatus(kind, "running", before, step.title), start)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pointillist.labelling.child", *step.arguments],
            stdin=subprocess.PIPE,  # it ends with the server
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if self._is_cancelled:  # between two commands
            self._process.send_signal(signal.SIGINT)
        assert self._process.stderr is not None
        last = ""
        for line in self._process.stderr:
            found = _PROGRESS.match(line.strip())
            if found:
                within = int(found[2]) / 100
                message = f"{step.title} · {found[2]} %"
                self._say(JobStatus(kind, "running", before + share * within, message), start)
            elif line.strip():
                last = line.strip()
        code = self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        if code == 0:
            return None
        return last.removeprefix("Error:").strip() or "The command failed without a word."

    def _say(self, status: JobStatus, start: float) -> None:
        seconds = time.monotonic() - start
        running = status.state == "running" and status.share > 0.05
        left = seconds * (1 - status.share) / status.share if running else None
        self.status = replace(status, seconds=seconds, left=left)
        self.tell(self.status)

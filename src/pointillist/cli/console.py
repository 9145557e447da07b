"""What the commands say: lines, progress with time left, errors in one sentence."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

# a pipe or a file has no width of its own: leave room for a whole row of a table
_WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 110
out = Console(highlight=False, soft_wrap=True, width=_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)

StepReport = Callable[[float, str], None]


def say(line: str) -> None:
    """Print a line for the person; goes to stderr, so that results on stdout stay clean."""
    err.print(line, markup=False)


@contextmanager
def progress(title: str) -> Iterator[StepReport]:
    """Show a bar with time left; without a terminal, a line every tenth of the way."""
    if not err.is_terminal:
        yield _plain_progress(title)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[beside]}"),
    )
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(title, total=1.0, beside="")

        def step(fraction: float, beside: str = "") -> None:
            bar.update(task, completed=fraction, beside=beside)

        yield step


def _plain_progress(title: str) -> StepReport:
    shown = 0

    def step(fraction: float, beside: str = "") -> None:
        nonlocal shown
        tenth = int(fraction * 10 + 1e-9)
        if tenth > shown:
            shown = tenth
            say(f"{title}: {tenth * 10} % {beside}".rstrip())

    return step


@contextmanager
def errors_in_one_line(debug: bool, after_interruption: str) -> Iterator[None]:
    """Turn every failure into one readable line on stderr and an exit status.

    1 for failures, 130 for Ctrl-C. With `debug`, tracebacks come through.

    Args:
        debug: Let exceptions through.
        after_interruption: What is left after Ctrl-C and how to go on.
    """
    from pointillist.errors import LayoutError, PointillistError

    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    except KeyboardInterrupt:
        if debug:
            raise
        err.print(f"\nInterrupted. {after_interruption}", style="yellow")
        sys.exit(130)
    except PointillistError as error:
        if debug:
            raise
        if isinstance(error, LayoutError):
            sentence, _, tree = str(error).partition("\n")
            fail(sentence, tree)
        fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except MemoryError:
        if debug:
            raise
        fail("Out of memory. Use a smaller --block, or fewer --bands.")
    except ImportError as error:
        if debug:
            raise
        fail(
            f"A package that this needs is missing ({error}). Install it; without rasterio only "
            "studies of arrays and of PNG and JPEG files run (docs/studies.md)."
        )
    except OSError as error:
        if debug:
            raise
        place = f"'{error.filename}': " if error.filename else ""
        fail(f"{place}{error.strerror or error}.")
    except Exception as error:
        if debug:
            raise
        fail(f"Unexpected {type(error).__name__}: {error}. Run again with --debug and report it.")


def fail(message: str, below: str = "") -> None:
    """Print an error in one line, what is shown below it as it is, and end with status 1."""
    err.print(f"[bold red]Error:[/] {_escape(' '.join(message.split()))}")
    if below:
        err.print(below, markup=False)
    sys.exit(1)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    """Show this program's own warnings; those of libraries are for their developers."""
    if issubclass(category, UserWarning) and "pointillist" in filename:
        err.print(f"[yellow]Warning:[/] {_escape(str(message))}")


def show_logs(debug: bool) -> None:
    """Show this program's log lines; all of them with --debug."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("pointillist")
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False

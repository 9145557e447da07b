"""What an interrupted run left of a map, looked at without touching it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from pointillist.errors import OutputError
from pointillist.prediction.ledger import read_entries
from pointillist.prediction.output_lock import refuse_if_held
from pointillist.prediction.work_folder import (
    JOB_FILE,
    LEDGER_FILE,
    LOCK_FILE,
    share_ledgers,
    work_path,
)

logger = logging.getLogger(__name__)


def count_leftovers(output: Path) -> int:
    """Finished blocks that an interrupted run left of a map.

    Raises:
        OutputError: A process that runs is writing it.
    """
    folder = work_path(output)
    refuse_if_held(folder / LOCK_FILE, output)
    if not (folder / JOB_FILE).exists():
        return 0
    ledgers = [folder / LEDGER_FILE, *share_ledgers(folder)]
    return len({block for ledger in ledgers for block in read_entries(ledger)})


def tell_lost(output: Path) -> None:
    """Say which ledgers an interrupted run left that name no block any more."""
    folder = work_path(output)
    for ledger in [folder / LEDGER_FILE, *share_ledgers(folder)]:
        has_lines = ledger.exists() and b"\n" in ledger.read_bytes()
        if has_lines and not read_entries(ledger):
            logger.warning(
                "'%s' is damaged, no finished block can be told from it: '%s' is begun afresh.",
                ledger, output,
            )  # fmt: skip


def read_leftover_job(output: Path) -> tuple[dict[str, Any], bool]:
    """What decided the pixels of the leftovers, and whether results were being written.

    Raises:
        OutputError: It cannot be read.
    """
    folder = work_path(output)
    try:
        job: dict[str, Any] = json.loads((folder / JOB_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(
            f"The interrupted run of '{output}' cannot go on: '{folder / JOB_FILE}' is damaged. "
            "Start again with --overwrite."
        ) from error
    ledger = folder / LEDGER_FILE
    return job, ledger.exists() and b'"finishing"' in ledger.read_bytes()

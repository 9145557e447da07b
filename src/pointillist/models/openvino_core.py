"""The one OpenVINO runtime of this process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openvino

_lock = threading.Lock()
_core: openvino.Core | None = None


def openvino_core() -> openvino.Core:
    """OpenVINO's runtime, the same one for the life of the process.

    Each `Core` gives its thread a stack for signals. One that goes while another is there leaves a
    stack that no longer exists, and the next signal ends the process: SIGCHLD, for which PyTorch's
    data loaders leave a handler, when any child process ends. Seen with OpenVINO 2026.4.

    Files of weights are read, not mapped into memory: a mapped one that another process shortens
    ends this process too.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    global _core
    with _lock:
        if _core is None:
            import openvino

            core = openvino.Core()
            core.set_property({"ENABLE_MMAP": False})
            _core = core
        return _core

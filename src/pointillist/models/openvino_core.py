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

    With its last `Core` OpenVINO unloads its CPU plugin, whose threads and compiled networks may
    still be in use: processes that made several crashed now and then (ultralytics/ultralytics
    #25864, openvinotoolkit/openvino #35338). Files of weights are read, not mapped into memory: a
    mapped one that another process removes or writes anew takes this one with it.

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

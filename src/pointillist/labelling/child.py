"""A command that ends when the server that started it is gone.

    python -m pointillist.labelling.child train scene.tif --points …

A killed server cannot stop what it started; a map that goes on by itself would hold the folder that
the next server wants to go on with. The command's standard input is a pipe from the server: when it
ends, the command is interrupted as by Ctrl-C and keeps what it has finished.
"""

from __future__ import annotations

import os
import runpy
import signal
import threading


def stop_when_left_alone() -> None:
    """Interrupt this process when its standard input ends."""
    stdin = 0
    while os.read(stdin, 4096):  # not through sys.stdin, whose lock the end of Python needs
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    threading.Thread(target=stop_when_left_alone, daemon=True).start()
    runpy.run_module("pointillist", run_name="__main__", alter_sys=True)

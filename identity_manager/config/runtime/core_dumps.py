"""No core dump of a process that holds keys, whatever its container or unit allows."""

import contextlib
import ctypes
import resource
import sys

from identity_manager.config.runtime import process_kind

PR_SET_DUMPABLE = 4  # prctl(2)


def forbid() -> None:
    """Set the limit of core dumps to none, for this process and all that it starts.

    A kernel that pipes dumps to a program leaves it to that program to heed the limit (core(5)), so what
    serves for long is made undumpable, too; then nobody of the same user attaches a debugger either. Commands
    are not: the files below /proc/self would belong to root, and /dev/stdin could not be opened.
    """
    # The units' filter of system calls refuses it, and they set LimitCORE=0 themselves.
    with contextlib.suppress(OSError):
        _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux" and process_kind.kind() in {
        process_kind.WEB,
        process_kind.WORKER,
        process_kind.BEAT,
    }:
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)

"""Disable core dumps of processes that hold keys, independent of container and systemd unit."""

import contextlib
import ctypes
import resource
import sys

from identity_manager.config.runtime import process_kind

PR_SET_DUMPABLE = 4  # prctl(2)


def forbid() -> None:
    """Set RLIMIT_CORE to 0 for this process and its children; daemons also get PR_SET_DUMPABLE 0.

    If the kernel pipes dumps to a program, that may ignore the limit (core(5)); an undumpable process is
    never dumped, and no debugger of the same user can attach. Commands stay dumpable: else files below
    /proc/self would belong to root, and /dev/stdin could not be opened.
    """
    # The system call filter of our systemd units refuses it; they set LimitCORE=0 themselves.
    with contextlib.suppress(OSError):
        _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux" and process_kind.kind() in {
        process_kind.WEB,
        process_kind.WORKER,
        process_kind.BEAT,
    }:
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)

"""Liveness file of a worker or beat, and the probe command of a container that checks its age.

    python -I -S identity_manager/config/observability/liveness_file.py [SECONDS]

A worker touches a file with each heartbeat, every two seconds while it is connected to the broker; the beat
does each minute. Ends with 1 when it was not touched in the last SECONDS (300).
Only the standard library is imported: a probe runs every half minute and must not take a second of processor
time.
"""

import os
import sys
import time
from pathlib import Path

SECONDS = 300.0
FILE_NAME = "alive"


def touch(var: Path) -> None:
    """Touch the file. Errors of a full or read-only disk are ignored here; the doctor reports them."""
    run = var / "run"
    try:
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        (run / FILE_NAME).touch()
    except OSError:
        return


def is_alive(var: Path, *, within: float = SECONDS) -> bool:
    """Whether the file was touched within that many seconds."""
    sign = var / "run" / FILE_NAME
    return sign.exists() and time.time() - sign.stat().st_mtime <= within


def main(arguments: list[str]) -> int:
    """Return the exit status of the probe."""
    var = Path(os.environ["VAR_DIR"])
    return 0 if is_alive(var, within=float(arguments[0]) if arguments else SECONDS) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

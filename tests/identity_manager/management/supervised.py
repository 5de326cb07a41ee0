"""A supervisor to be started as a process of its own: python supervised.py MANNER PROGRAM...

PROGRAM: one of BEHAVIOURS. MANNER: "stays", or "hands-over" to the program that only watches.
"""

import os
import sys
from pathlib import Path

from identity_manager.management.supervisor import Program, StartError, Supervisor

SLEEPER = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(600)"
# Ignores SIGTERM, and so does what it started.
STUBBORN = (
    "import os, signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    f"child = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]);"
    "print('pid', os.getpid(), flush=True); time.sleep(600)"
)
QUITTER = (
    "import os, time; print('pid', os.getpid(), flush=True); time.sleep(0.5);"
    "print('no newline', end=''); exit(3)"
)
BEHAVIOURS = {"sleeper": SLEEPER, "stubborn": STUBBORN, "quitter": QUITTER}


def main(manner: str, names: list[str]) -> int:
    supervisor = Supervisor(Path.cwd())
    supervisor.catch_signals()
    try:
        for name in names:
            code = BEHAVIOURS[name]
            supervisor.start(Program(name, (sys.executable, "-c", code), os.environ, stop_seconds=1))
        if manner == "hands-over":
            supervisor.hand_over()
        supervisor.run_until_stopped()
    except StartError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    finally:
        supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

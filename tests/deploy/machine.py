"""A machine with systemd as its first process: namespaces over this machine's files, which stay as they are.

What it writes lies in memory and is gone with it. It has no network but its own loopback. It takes root, and
systemd 250 or newer.
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.architecture.source import ROOT
from tests.tools.running import until

CODE = "/opt/identity-manager"
NAMESPACES = ("--mount", "--pid", "--cgroup", "--uts", "--net", "--ipc")
# Hardware and real networks are this machine's.
MASKED = (
    *("systemd-udevd.service", "systemd-udevd-control.socket", "systemd-udevd-kernel.socket"),
    *("systemd-udev-trigger.service", "systemd-networkd.service", "networking.service"),
    *("systemd-timesyncd.service", "ifupdown-pre.service", "systemd-remount-fs.service"),
)
BOOT = r"""
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$FOLDER"
cd "$FOLDER"
mkdir upper work root venv-upper venv-work
mount -t overlay overlay -o "lowerdir=/,upperdir=upper,workdir=work" root
rm -rf "root$CODE"
git -C "$SOURCE" checkout-index --all --prefix="$FOLDER/root$CODE/"
mkdir -p "root$CODE/.venv" root/opt/python root/before
# The programs of this environment, at the place that the units name; a home folder is hidden from them.
mount -t overlay overlay -o "lowerdir=$VENV,upperdir=venv-upper,workdir=venv-work" "root$CODE/.venv"
mount --bind "$PYTHON" root/opt/python
find "root$CODE/.venv/bin" -type f -size -64k -exec sed -i "1s|^#!$VENV/|#!$CODE/.venv/|" {} +
sed -i "s|^home = .*|home = /opt/python/bin|" "root$CODE/.venv/pyvenv.cfg"
echo /opt/python/lib > root/etc/ld.so.conf.d/00-python.conf
ldconfig -r root
for unit in $MASKED; do ln -sf /dev/null "root/etc/systemd/system/$unit"; done
mkdir -p root/etc/systemd/system
mount -t proc proc root/proc
mount -t sysfs sysfs root/sys
mount --rbind /dev root/dev
mount -t tmpfs tmpfs root/run
mount -t tmpfs -o mode=1777 tmpfs root/tmp
mount -t cgroup2 none root/sys/fs/cgroup
ip link set lo up
cd root
pivot_root . before
umount --lazy /before
mount --make-rshared / # as an init outside of a container has it: credentials are mounted apart and moved
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=basic.target
"""


class Machine:
    """Runs commands as root on the machine whose first process that is."""

    def __init__(self, first: int) -> None:
        self.first = first

    def run(
        self, command: str, *, check: bool = True, seconds: int = 120
    ) -> subprocess.CompletedProcess[str]:
        """What a shell there says; an error has it, too."""
        enter = ["nsenter", "--target", str(self.first), *NAMESPACES, "--root"]
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        outcome = subprocess.run(
            [*enter, "env", "-i", f"PATH={path}", "HOME=/root", "sh", "-euc", f"cd /root\n{command}"],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert not check or outcome.returncode == 0, f"{command}\n{outcome.stdout}\n{outcome.stderr}"
        return outcome

    def says(self, command: str) -> str:
        return self.run(command).stdout.strip()

    def until(self, command: str, *, seconds: float) -> None:
        """Waits until the command succeeds."""
        end = time.monotonic() + seconds
        while self.run(command, check=False).returncode:
            assert time.monotonic() < end, f"{command}\n{self.run(command, check=False)}"
            time.sleep(0.2)

    def value(self, unit: str, name: str) -> str:
        return self.says(f"systemctl show --value --property={name} {shlex.quote(unit)}")


@contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """A machine that has come up to basic.target; everything on it ends with the block."""
    variables = {
        "FOLDER": str(folder),
        "SOURCE": str(ROOT),
        "CODE": CODE,
        "VENV": str(Path(sys.prefix).resolve()),
        "PYTHON": sys.base_prefix,
        "MASKED": " ".join(MASKED),
    }
    flags = [flag for flag in NAMESPACES if flag != "--pid"]
    outer = subprocess.Popen(
        ["unshare", *flags, "--pid", "--fork", "--kill-child", "sh", "-c", BOOT],
        env={"PATH": os.environ["PATH"], **variables},
        stdin=subprocess.DEVNULL,
    )
    try:
        until(lambda: _systemd_below(outer), "the machine", seconds=60, process=outer)
        machine = Machine(_systemd_below(outer))
        machine.until("systemctl is-active basic.target", seconds=60)
        yield machine
    finally:
        outer.kill()
        outer.wait()


def _systemd_below(outer: subprocess.Popen[bytes]) -> int:
    """systemd itself, once it has taken the place of the shell that made ready; 0 before."""
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text(encoding="ascii").split()
    if children and Path(f"/proc/{children[0]}/comm").read_text(encoding="utf-8").strip() == "systemd":
        return int(children[0])
    return 0

"""On which machine it was measured."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django


def facts() -> dict[str, Any]:
    return {
        "processor": _of("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "django": django.get_version(),
        "measured_on": f"{datetime.now(tz=UTC):%Y-%m-%d}",
    }


def words(machine: dict[str, Any]) -> str:
    return (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gb']} GB, "
        f"{machine['system']}, Python {machine['python']}, "
        f"Django {machine['django']}, {machine['measured_on']}"
    )


def _of(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")

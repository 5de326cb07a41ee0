"""Neither a worker nor a web process looks for garbage among what it has loaded."""

import subprocess
import sys

import pytest

from identity_manager.config.runtime.garbage_collection import LOOKED_FOR_AFTER

pytestmark = pytest.mark.long

WORKER = """
from celery.signals import worker_init
from identity_manager.config import celery
worker_init.send(sender=None)
"""
WEB = """
from types import SimpleNamespace
from identity_manager.config.runtime import gunicorn
gunicorn.on_starting(SimpleNamespace(cfg=SimpleNamespace(header_map="drop")))
"""
SAY = "import gc; print(gc.get_freeze_count(), gc.get_threshold()[0])"


@pytest.mark.parametrize("begin", [WORKER, WEB], ids=["worker", "web"])
def test_what_is_loaded_is_left_alone(begin: str) -> None:
    done = subprocess.run([sys.executable, "-c", begin + SAY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    left_alone, looked_for_after = map(int, done.stdout.split())
    assert left_alone > 100_000
    assert looked_for_after == LOOKED_FOR_AFTER

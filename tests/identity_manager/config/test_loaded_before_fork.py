"""What workers and web processes load before they fork: what they need, where no garbage is sought."""

import subprocess
import sys

import pytest

from identity_manager.config.runtime.garbage_collection import LOOKED_FOR_AFTER

pytestmark = pytest.mark.nightly

WORKER = """
from celery.signals import worker_init
from identity_manager.config import celery
import django
django.setup()  # as refuse_to_start does
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


def test_a_worker_knows_the_links_of_both_portals_and_no_api() -> None:
    """Celery would run Django's system checks, which import every view: 50 MB.

    Libraries of what an installation may not have are imported when they are wanted.
    """
    links, apis = {"identity_manager.console.urls", "selfservice.urls"}, {"scim.views", "v1.views"}
    looked_for = links | {f"identity_manager.api.{name}" for name in apis} | {"paramiko", "ldap3", "onelogin"}
    loaded = f"import sys; print(*({looked_for!r} & set(sys.modules)))"
    import_tasks = "celery.app.loader.import_default_modules()\n"
    command = [sys.executable, "-c", WORKER + import_tasks + loaded]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == links

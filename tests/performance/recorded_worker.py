"""The product's Celery application, whose processes take their keys from the recorded list.

    celery --app tests.performance.recorded_worker worker ...

Nothing else differs from `--app identity_manager`.
"""

from pathlib import Path
from typing import Any

from celery.signals import worker_process_init

from identity_manager.config.celery import app

__all__ = ["app"]


@worker_process_init.connect
def take_recorded_keys(**_: Any) -> None:
    from django.conf import settings

    from ca_bridge.contract import KeyAlgorithm
    from ca_bridge.keys.pool import pool
    from tests.performance.recorded import Replay

    replay = Replay(Path(settings.VAR_DIR))
    for algorithm in (KeyAlgorithm.EC_P256, KeyAlgorithm.RSA_3072):
        replay.load(algorithm)
    pool._make = replay.take

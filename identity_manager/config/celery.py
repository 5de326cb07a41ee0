"""The Celery application. The broker carries identifiers only; the database is the queue of record."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_manager.config.settings")

app = Celery("identity_manager")
app.config_from_object("django.conf:settings", namespace="CELERY")


@celeryd_init.connect
@beat_init.connect
def refuse_to_start(**_: Any) -> None:
    """End a worker or the beat in one sentence when the settings do not fit together."""
    # Here, because every import of this package passes through this module, and not all have settings.
    from identity_manager.config.checks import refuse_inconsistent_settings

    try:
        refuse_inconsistent_settings()
    except ImproperlyConfigured as error:
        sys.exit(str(error))

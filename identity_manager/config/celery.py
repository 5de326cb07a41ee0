"""The Celery application. The broker carries identifiers only; the database is the queue of record."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_manager.config.settings")

app = Celery("identity_manager")
app.config_from_object("django.conf:settings", namespace="CELERY")

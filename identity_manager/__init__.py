"""Identity Manager: persons, requests, tokens, the workflow between them, and the officers' portal."""

from identity_manager.config.celery import app as celery_app

__all__ = ["celery_app"]

"""The Django application of the core."""

from django.apps import AppConfig


class IdentityManagerConfig(AppConfig):
    name = "identity_manager"
    verbose_name = "Identity Manager"

    def ready(self) -> None:
        """Register the tasks, so that the queue finds them by name, the system checks and the time limit."""
        from celery.exceptions import SoftTimeLimitExceeded

        from ca_bridge.connection import exception_boundary
        from identity_manager import tasks  # noqa: F401 needs the models
        from identity_manager.config import checks
        from identity_manager.config.broker import fork_safety  # need the settings
        from identity_manager.config.observability import error_events, tracing

        exception_boundary.INTERRUPTIONS.append(SoftTimeLimitExceeded)
        checks.register()
        fork_safety.register()
        tracing.start()
        error_events.start()

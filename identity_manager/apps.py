"""The Django application of the core."""

from django.apps import AppConfig


class IdentityManagerConfig(AppConfig):
    name = "identity_manager"
    verbose_name = "Identity Manager"

    def ready(self) -> None:
        """Register the tasks, so that the queue finds them by name, and the system checks."""
        from identity_manager import tasks  # noqa: F401 needs the models
        from identity_manager.config import checks, error_events, forking, tracing  # need the settings

        checks.register()
        forking.register()
        tracing.start()
        error_events.start()

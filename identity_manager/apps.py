"""The Django application of the core."""

from django.apps import AppConfig


class IdentityManagerConfig(AppConfig):
    name = "identity_manager"
    verbose_name = "Identity Manager"

    def ready(self) -> None:
        """Register the tasks, so that the queue finds them by name, and the system checks."""
        from identity_manager import tasks  # noqa: F401 needs the models
        from identity_manager.config import checks
        from identity_manager.config.broker import fork_safety  # need the settings
        from identity_manager.config.observability import error_events, tracing

        checks.register()
        fork_safety.register()
        tracing.start()
        error_events.start()

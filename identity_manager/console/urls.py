"""URL patterns of Identity Manager. Each folder has its own.

Each view fetches what it shows through console.access: default-deny.
"""

from django.urls import include, path

from identity_manager.console.directory import urls as directory
from identity_manager.console.people.roles import urls as roles

app_name = "console"
urlpatterns = [
    path("", include("identity_manager.console.start.urls")),
    path("", include("identity_manager.console.search.urls")),
    path("", include("identity_manager.console.people.urls")),
    path("", include(roles.of_persons)),
    path("", include("identity_manager.console.recertification.urls")),
    path("", include(directory.of_persons)),
    path("", include("identity_manager.console.enable.urls")),
    path("", include("identity_manager.console.open_tasks.urls")),
    path("", include("identity_manager.console.approvals.urls")),
    path("", include("identity_manager.console.renewal.urls")),
    path("", include("identity_manager.console.terms.urls")),
    path("reports/", include("identity_manager.console.reports.urls")),
    path("", include("identity_manager.console.help.urls")),
    path("", include("identity_manager.console.delivery.urls")),
    path("process/", include("identity_manager.console.process.urls")),
    path("", include("identity_manager.console.requests.urls")),
    path("", include("identity_manager.console.certificates.urls")),
    path("", include("identity_manager.console.archive.urls")),
    path("", include("identity_manager.console.token_imports.urls")),
    path("", include("identity_manager.console.recovery.urls")),
    path("batch-orders/", include("identity_manager.console.batch.urls")),
    path("standing-orders/", include("identity_manager.console.standing_orders.urls")),
    path("groups/", include("identity_manager.console.groups.urls")),
    path("mails/", include("identity_manager.console.outbox.urls")),
    path("", include("identity_manager.console.audit.urls")),
    path("admin/", include("identity_manager.console.administration.urls")),
]

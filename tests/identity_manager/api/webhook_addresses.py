"""The addresses with the webhook of Postmark, as a process has them that is configured for it."""

from django.urls import include, path

from identity_manager.api.webhooks import mail as mail_webhook
from identity_manager.config.urls import urlpatterns as ordinary

handler400 = "identity_manager.ui.http.error_pages.bad_request"
urlpatterns = [
    *ordinary,
    path(
        "webhooks/mail/",
        include(
            [path("postmark/", mail_webhook.receive_events, {"provider": "postmark"}, name="mail-webhook")]
        ),
    ),
]

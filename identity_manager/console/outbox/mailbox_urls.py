"""URL patterns of the embedded mode's mailbox."""

from django.urls import path

from identity_manager.console.outbox import mailbox_views

app_name = "mailbox"
urlpatterns = [
    path("", mailbox_views.listing, name="list"),
    path("<str:name>/", mailbox_views.message, name="message"),
    path("<str:name>/html/", mailbox_views.html, name="html"),
    path("<str:name>/attachments/<int:position>/", mailbox_views.attachment, name="attachment"),
]

"""The addresses of the embedded mode's mailbox."""

from django.urls import path

from identity_manager.console.views import mailbox

app_name = "mailbox"
urlpatterns = [
    path("", mailbox.listing, name="list"),
    path("<str:name>/", mailbox.message, name="message"),
    path("<str:name>/html/", mailbox.html, name="html"),
    path("<str:name>/attachments/<int:position>/", mailbox.attachment, name="attachment"),
]

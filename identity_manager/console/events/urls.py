"""URL patterns of SIEM sinks and webhooks, within ADMIN."""

from django.urls import path

from identity_manager.console.events import views, webhook_views

urlpatterns = [
    path("other-systems/", views.overview, name="other-systems"),
    path("other-systems/siem/<slug:name>/resend/", views.resend, name="siem-resend"),
    path("other-systems/webhooks/make/", webhook_views.make, name="webhook-make"),
    path("other-systems/webhooks/<uuid:pk>/", webhook_views.show, name="webhook"),
    path("other-systems/webhooks/<uuid:pk>/confirm/", webhook_views.confirm, name="webhook-confirm"),
    path("other-systems/webhooks/<uuid:pk>/stop/", webhook_views.stop, name="webhook-stop"),
    path("other-systems/webhooks/<uuid:pk>/key/", webhook_views.rotate, name="webhook-key"),
    path("other-systems/webhooks/<uuid:pk>/test/", webhook_views.send_test, name="webhook-test"),
    path("other-systems/webhooks/<uuid:pk>/replay/", webhook_views.replay, name="webhook-replay"),
]

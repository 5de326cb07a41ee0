"""URL patterns of key recovery, included into those of Self-Service."""

from django.urls import path

from selfservice.recovery import views

urlpatterns = [
    path("recover/", views.recover, name="recover"),
    path("recoveries/<uuid:recovery_id>/consent/", views.consent, name="recovery-consent"),
    path("help/passphrase/", views.forgotten_passphrase, name="forgotten-passphrase"),
    path("help/new-device/", views.new_device, name="new-device"),
    path("certificates/replaced/<uuid:request_id>/keys/", views.recover_replaced, name="replaced-keys"),
]

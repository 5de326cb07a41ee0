"""URL patterns of terms that a person accepts, included into those of Self-Service."""

from django.urls import path

from selfservice.terms import again_views, views

urlpatterns = [
    path("requests/<uuid:request_id>/terms/", views.terms, name="terms"),
    path("requests/<uuid:request_id>/terms/<uuid:text_id>.txt", views.terms_text, name="terms-text"),
    path("requests/<uuid:request_id>/decline/", views.decline, name="decline"),
    path("terms/<uuid:notice_id>/", again_views.terms_again, name="terms-again"),
    path("terms/<uuid:notice_id>/<uuid:text_id>.txt", again_views.terms_again_text, name="terms-again-text"),
]

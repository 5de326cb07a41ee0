"""URL patterns of replacement, included into those of Self-Service."""

from django.urls import path

from selfservice.replacement import views

urlpatterns = [
    path("certificates/replace/", views.replace_all, name="replace"),
    path("certificates/<uuid:token_id>/replace/", views.replace_one, name="replace-one"),
]

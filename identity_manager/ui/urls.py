"""URL patterns of the gallery."""

from django.urls import path

from identity_manager.ui.gallery.pages import error_page, gallery

app_name = "ui"
urlpatterns = [
    path("", gallery, name="gallery"),
    path("light/", gallery, {"scheme": "light"}, name="gallery-light"),
    path("dark/", gallery, {"scheme": "dark"}, name="gallery-dark"),
    path("errors/<slug:which>/", error_page, name="gallery-error"),
]

"""The addresses of the gallery."""

from django.urls import path

from identity_manager.ui.gallery import gallery

app_name = "ui"
urlpatterns = [path("", gallery, name="gallery")]

"""URL patterns of the person's tokens and their files, included into those of Self-Service."""

from django.urls import path

from selfservice.certificates import arrival_views, file_views, installation_views, views

urlpatterns = [
    path("certificates/", views.certificates, name="certificates"),
    path("certificates/<uuid:token_id>/", views.token, name="token"),
    path("certificates/<uuid:token_id>/send-again/", views.send_again, name="send-again"),
    path("certificates/<uuid:token_id>/not-arrived/", arrival_views.not_arrived, name="not-arrived"),
    path("certificates/<uuid:token_id>/arrived/", arrival_views.arrived, name="arrived"),
    path("certificates/<uuid:token_id>/installed/", installation_views.installed, name="installed"),
    path(
        "certificates/<uuid:token_id>/installed/<uuid:installation_id>/take-back/",
        installation_views.take_back,
        name="not-installed",
    ),
    path("certificates/<uuid:token_id>/files/", file_views.files, name="files"),
    path("certificate-files/<uuid:certificate_id>-chain.pem", views.chain, name="chain"),
    path(
        "certificate-files/<uuid:certificate_id>.<str:encoding>",
        views.certificate_file,
        name="certificate-file",
    ),
]

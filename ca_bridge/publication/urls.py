"""URLs of CRLs, CA certificates and OCSP. Issued certificates contain them, so they never change."""

from django.urls import path

from ca_bridge.publication import views as publication

app_name = "pki"
urlpatterns = [
    path("ocsp", publication.ocsp, name="ocsp"),
    path("ocsp/<path:encoded>", publication.ocsp_by_get, name="ocsp-get"),
    path("<str:file_name>", publication.published_file, name="file"),
]

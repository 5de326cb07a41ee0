"""Where clients fetch CRLs and CA certificates. The URLs stand in every certificate: never move them."""

from django.urls import path

from ca_bridge import publication

app_name = "pki"
urlpatterns = [path("<str:file_name>", publication.published_file, name="file")]

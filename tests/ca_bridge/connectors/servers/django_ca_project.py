"""A Django project around django-ca, run in an environment of its own: a CA, a user, the REST interface.

It is set up in a folder, and served at a port of this machine until the process is ended.
"""

import os
import socketserver
import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
OFFICER = "identity-manager"
RIGHTS = ("sign_certificate", "view_certificate", "revoke_certificate", "view_certificateauthority")
STORAGE = "django.core.files.storage.FileSystemStorage"
settings.configure(
    SECRET_KEY="of a test, and nothing else",
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    STATIC_URL="static/",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.admin",
        "django_ca",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "django-ca.sqlite"}},
    STORAGES={
        "default": {"BACKEND": STORAGE},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        "django-ca": {"BACKEND": STORAGE, "OPTIONS": {"location": FOLDER / "keys"}},
    },
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # quick; each request signs in
    CA_ENABLE_REST_API=True,
    CA_USE_CELERY=False,
    CA_DEFAULT_HOSTNAME=f"127.0.0.1:{PORT}",
    CA_PROFILES={"person": {"description": "A person", "extensions": {}}},
)
django.setup()
urlpatterns = [path("django_ca/", include("django_ca.urls"))]


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def address_string(self) -> str:
        return str(self.client_address[0])


def set_up() -> None:
    """The tables, a root CA with the REST interface, and a user who may sign and revoke."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Permission

    call_command("migrate", verbosity=0)
    call_command("init_ca", "--api-enable", "--key-type=EC", "Persons", "CN=Test django-ca")
    password = os.environ["OFFICER_PASSWORD"]
    officer = get_user_model().objects.create_user(OFFICER, password=password)
    officer.user_permissions.set(Permission.objects.filter(codename__in=RIGHTS))


if __name__ == "__main__":
    set_up()
    from django.apps import apps

    ca = apps.get_model("django_ca", "CertificateAuthority").objects.get()
    (FOLDER / "ca.pem").write_text(ca.pub.pem)
    make_server("127.0.0.1", PORT, get_wsgi_application(), Server, Handler).serve_forever()

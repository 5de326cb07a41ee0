"""The WSGI entry point. It refuses to load with settings that do not fit together."""

import os

from django.core.wsgi import get_wsgi_application

from identity_manager.config.checks import refuse_inconsistent_settings
from identity_manager.config.runtime import process_kind

process_kind.serve_pages()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_manager.config.settings")

application = get_wsgi_application()
refuse_inconsistent_settings(serves_pages=True)

"""The product's settings with Django's admin beside it, for page_vs_admin."""

from identity_manager.config import settings as product
from identity_manager.config.settings import *  # noqa: F403 all of them, then what is added

INSTALLED_APPS = [*product.INSTALLED_APPS, "django.contrib.admin"]
ROOT_URLCONF = "tests.performance.admin_list"

"""URLconf of Self-Service, for links in processes that do not serve it: mails, the other portal."""

from identity_manager.config.addresses import addresses_of

urlpatterns = addresses_of(["selfservice"])

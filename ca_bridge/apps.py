from django.apps import AppConfig


class CaBridgeConfig(AppConfig):
    """The bridge to certificate authorities: its journal of orders, and the command for the embedded CA."""

    name = "ca_bridge"
    verbose_name = "Certificate authorities"

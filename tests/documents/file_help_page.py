"""docs/how-to/file-does-not-open.md: the help of Self-Service, for who helps others."""

from django.utils.translation import override

from identity_manager.mail import install
from selfservice.help import installation_help
from tests.documents import markdown

NEEDS = """\
The steps for each stand in Self-Service and in the mail. Where the product was not tried, they come from its
maker's guide; configuration profiles are checked against Apple's published schema
([Apple devices](apple-devices.md))."""
NEEDS_HEADS = ("device", "file", "what the organisation has set up first", "where the import was tried")
FORMATS = {install.STANDARD: "standard", install.COMPATIBLE: "compatible"}


def page() -> str:
    """Every device with its words."""
    with override("en"):
        rows = [
            (str(device.name), FORMATS[device.container_format], *_cells(trouble))
            for device in install.DEVICES
            for trouble in installation_help.TROUBLES[device.code]
        ]
        others = [_cells(trouble) for trouble in installation_help.PROGRAMS]
        needs = [_needs(device) for device in install.DEVICES]
        unable = [(str(each.name), str(each.sentence)) for each in install.UNABLE]
    heads = ("what the person reads", "what it means", "what to do")
    return markdown.page(
        "how-to/file-does-not-open.md",
        markdown.section("By device", markdown.table(("device", "file", *heads), rows)),
        markdown.section("Other programs", markdown.table(heads, others)),
        markdown.section("What a device needs beside the file", NEEDS, markdown.table(NEEDS_HEADS, needs)),
        markdown.section("Programs that cannot", markdown.table(("program", "what instead"), unable)),
    )


def _needs(device: install.Device) -> tuple[str, str, str, str]:
    profile = ", or a configuration profile" if device.profile_steps else ""
    tried = device.tried or "not tried with the product itself"
    return str(device.name), FORMATS[device.container_format] + profile, str(device.needs) or "nothing", tried


def _cells(trouble: installation_help.InstallationProblem) -> tuple[str, str, str]:
    return markdown.codes(trouble.messages), str(trouble.meaning), str(trouble.remedy)

"""The QR code of an authenticator app's key."""

from identity_manager.account.second_factor import qr_code


def test_it_holds_its_text() -> None:
    """Another text fills the square differently; a longer one needs a larger square."""
    one, other = qr_code.of("otpauth://totp/a"), qr_code.of("otpauth://totp/b")
    assert one.size == other.size
    assert one.path != other.path
    assert qr_code.of("otpauth://totp/" + "a" * 100).size > one.size


def test_a_quiet_zone_of_four_modules_surrounds_it() -> None:
    drawn = qr_code.of("otpauth://totp/a")
    places = [move.split("h")[0].split() for move in drawn.path.split("M")[1:]]
    modules = [int(number) for place in places for number in place]
    assert (min(modules), max(modules)) == (4, drawn.size - 5)

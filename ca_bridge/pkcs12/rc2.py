"""RC2 decryption in CBC mode (RFC 2268): old PKCS#12 files encrypt their certificates with 40-bit RC2.

`cryptography` has RC2 with 128-bit keys only. Nothing secret depends on it: private keys in such files are
encrypted by another algorithm.
"""

import struct

_PITABLE = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2"
    "179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82"
    "54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7"
    "08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec"
    "c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9"
    "0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad"
)
_ROTATIONS = (1, 2, 3, 5)


def decrypt(key: bytes, data: bytes, iv: bytes) -> bytes:
    """Return the padded plaintext; effective key bits: all. Raises ValueError for an incomplete block."""
    if len(data) % 8:
        raise ValueError("RC2 decrypts whole blocks of 8 octets.")
    expanded, previous, output = _expanded(key), iv, bytearray()
    for start in range(0, len(data), 8):
        block = data[start : start + 8]
        output += bytes(a ^ b for a, b in zip(_block(expanded, block), previous, strict=True))
        previous = block
    return bytes(output)


def _expanded(key: bytes) -> tuple[int, ...]:
    """RFC 2268 section 2, with T1 = 8 * T."""
    size = len(key)
    table = bytearray(key)
    for index in range(size, 128):
        table.append(_PITABLE[(table[index - 1] + table[index - size]) & 0xFF])
    table[128 - size] = _PITABLE[table[128 - size]]
    for index in range(127 - size, -1, -1):
        table[index] = _PITABLE[table[index + 1] ^ table[index + size]]
    return struct.unpack("<64H", table)


def _block(expanded: tuple[int, ...], block: bytes) -> bytes:
    """RFC 2268 section 4: 5 rounds, a mash, 6 rounds, a mash, 5 rounds, backwards."""
    words = list(struct.unpack("<4H", block))
    for turn in range(15, -1, -1):
        for index in (3, 2, 1, 0):
            word = words[index]
            word = (word >> _ROTATIONS[index] | word << 16 - _ROTATIONS[index]) & 0xFFFF
            first, second, third = words[index - 1], words[index - 2], words[index - 3]
            words[index] = (word - expanded[4 * turn + index] - (first & second) - (~first & third)) & 0xFFFF
        if turn in (11, 5):
            for index in (3, 2, 1, 0):
                words[index] = (words[index] - expanded[words[index - 1] & 63]) & 0xFFFF
    return struct.pack("<4H", *words)

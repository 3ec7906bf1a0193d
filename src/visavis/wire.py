"""Puts protobuf messages together of parts that are encoded already. What they mean is not known here.

Whoever joins a room of N is told of N others, and to copy them into a message each time takes longer than all else
that a join does. Encoded, a message is its fields one after another, and a repeated field its entries.
"""


def delimited(number: int, content: bytes) -> bytes:
    """A field that is a message, by its number and encoding."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    if value < 0x80:
        return _SHORT[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_SHORT = tuple(bytes((value,)) for value in range(0x80))

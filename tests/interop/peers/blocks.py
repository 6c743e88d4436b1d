"""The DEFLATE blocks of a message [RFC 1951]: how long they are and what they decompress to.

It decompresses nothing: zlib does that, and says whether the data is valid.
"""

from typing import NamedTuple

# What a sync flush ends with, and a message does not [RFC 7692 7.2.1].
TAIL = b"\0\0\xff\xff"

STORED, FIXED, DYNAMIC = TYPES = ["stored", "fixed", "dynamic"]
END_OF_BLOCK = 256
CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
# The smallest length and the extra bits of each length symbol, from 257 on.
LENGTHS = [(3 + code, 0) for code in range(8)]
LENGTHS += [(3 + (4 + code % 4 << code // 4 - 1), code // 4 - 1) for code in range(8, 28)]
LENGTHS += [(258, 0)]
# The extra bits of each distance symbol.
DISTANCE_BITS = [max(0, code // 2 - 1) for code in range(30)]


class Block(NamedTuple):
    """A block, its length in bits and that of its output in bytes."""

    kind: str
    last: bool
    bits: int
    output: int


class Invalid(Exception):
    """The message is not valid, or ends within a block."""


class Bits:
    """Bits, from the lowest of each byte on."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def left(self):
        return 8 * len(self.data) - self.at

    def take(self, count):
        if count > self.left():
            raise Invalid("it ends within a block")
        start, shift = divmod(self.at, 8)
        window = int.from_bytes(self.data[start : start + 4], "little")
        self.at += count
        return window >> shift & (1 << count) - 1

    def align(self):
        self.at += -self.at % 8

    def skip_bytes(self, count):
        if 8 * count > self.left():
            raise Invalid("it ends within a block")
        self.at += 8 * count

    def symbol(self, codes):
        code, length = 0, 0
        while (length, code) not in codes:
            code = code << 1 | self.take(1)
            length += 1
            if length > 15:
                raise Invalid("a code that stands for nothing")
        return codes[length, code]


def canonical(lengths):
    """The symbol of each code, by its length and value."""
    codes, code = {}, 0
    for length in range(1, 16):
        code <<= 1
        for symbol in (symbol for symbol, of in enumerate(lengths) if of == length):
            codes[length, code] = symbol
            code += 1
    return codes


FIXED_CODES = (
    canonical([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8),
    canonical([5] * 30),
)


def dynamic_codes(bits):
    literals, distances, count = bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4
    lengths = [0] * 19
    for symbol in CODE_LENGTH_ORDER[:count]:
        lengths[symbol] = bits.take(3)
    codes = canonical(lengths)
    lengths = []
    while len(lengths) < literals + distances:
        symbol = bits.symbol(codes)
        if symbol < 16:
            lengths.append(symbol)
        elif symbol == 16:
            lengths += lengths[-1:] * (3 + bits.take(2))
        elif symbol == 17:
            lengths += [0] * (3 + bits.take(3))
        else:
            lengths += [0] * (11 + bits.take(7))
    return canonical(lengths[:literals]), canonical(lengths[literals:])


def compressed(bits, codes):
    """Skips the symbols of a block; returns how long its output is."""
    literals, distances = codes
    output = 0
    while (symbol := bits.symbol(literals)) != END_OF_BLOCK:
        if symbol < END_OF_BLOCK:
            output += 1
            continue
        base, extra = LENGTHS[symbol - END_OF_BLOCK - 1]
        output += base + bits.take(extra)
        bits.take(DISTANCE_BITS[bits.symbol(distances)])
    return output


def blocks(payload):
    """The blocks of a message, with the bytes of the last one that are not sent."""
    bits = Bits(payload + TAIL)
    # One or two bits may be left, which begin no block.
    while bits.left() >= 3:
        start = bits.at
        last, kind = bool(bits.take(1)), bits.take(2)
        if kind == 0:
            bits.align()
            output = bits.take(16)
            bits.take(16)
            bits.skip_bytes(output)
        elif kind < 3:
            output = compressed(bits, FIXED_CODES if kind == 1 else dynamic_codes(bits))
        else:
            raise Invalid("a block of type 3")
        if last:
            bits.align()
        yield Block(TYPES[kind], last, bits.at - start, output)


def longest_silence(found):
    """The most bytes of consecutive blocks without output."""
    run = longest = 0
    for block in found:
        run = 0 if block.output else run + block.bits
        longest = max(longest, run)
    return -(-longest // 8)

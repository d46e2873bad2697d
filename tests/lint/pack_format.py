"""One format of a pack as the engine is to apply it: starts, ends, entropy and check included."""

import math
import re
import zlib

import pack_pattern

WORD_BYTE = pack_pattern.WORD
BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def luhn(text):
    digits = [byte - 48 for byte in text if 48 <= byte <= 57]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]
    return bool(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def mod97(text):
    """ISO 7064 as IBAN uses it: the first four moved to the end, letters as 10 to 35."""
    plain = bytes(byte for byte in text if byte not in b" -").upper()
    if not plain.isalnum():
        return False
    return int("".join(str(int(chr(byte), 36)) for byte in plain[4:] + plain[:4])) % 97 == 1


def base62_crc32(text):
    body, want = text[:-6], text[-6:]
    rest, digits = zlib.crc32(body), b""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = BASE62[digit:digit + 1] + digits
    return digits == want


CHECKS = {"luhn": luhn, "mod97": mod97, "base62-crc32": base62_crc32}


def entropy(text):
    """Shannon entropy in bits per byte."""
    counts = [text.count(byte) for byte in set(text)]
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


class Format:
    def __init__(self, keys, anchored=True):
        self.keys = keys
        self.node = pack_pattern.parse(keys["pattern"])
        self.anchors = pack_pattern.anchors(self.node) if anchored else {b""}  # what stays visible
        self.expression = re.compile(keys["pattern"].encode())
        head = b"(?<![0-9A-Za-z_])" if keys.get("starts", "boundary") == "boundary" else b""
        tail = b"(?![0-9A-Za-z_])" if keys.get("ends") == "boundary" else b""
        self.search = re.compile(head + b"(?:" + keys["pattern"].encode() + b")" + tail)

    def finds(self, text):
        """The matches in the text, as (start, end) of what is masked."""
        found = []
        for match in self.search.finditer(text):
            start, end = self.masked(match)
            if self.convinces(match, start, end):
                found.append((start, end))
        return found

    def masked(self, match):
        if "secret" in match.re.groupindex:
            return match.span("secret")
        heads = [anchor for anchor in self.anchors if match.group().startswith(anchor)]
        return match.start() + max(map(len, heads), default=0), match.end()

    def convinces(self, match, start, end):
        least = self.keys.get("entropy")
        if least is not None and entropy(self.mandatory(match, start, end)) < least:
            return False
        check = self.keys.get("check")
        return check is None or CHECKS[check](match.string[start:end])

    def mandatory(self, match, start, end):
        """What had to stand there: the secret part of the shortest beginning which matches by itself."""
        if self.keys.get("ends") != "boundary":
            text = match.group()
            for length in range(1, len(text) + 1):
                if self.expression.fullmatch(text, 0, length):
                    return match.string[start:max(start + 1, min(end, match.start() + length))]
        return match.string[start:end]

"""Inputs that nobody sends on purpose: seeded mutations of the example payloads, and values made from nothing."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples" / "text_message"
_ODD_TEXTS = [
    *("", " ", "\r\n", "\u200b", "\u0000", "\ufeff", "\u202e", "\U000e0041", "\ud800", "e\u0301", "ﬁ", "Ⅷ"),
    *("\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "نص", "文字", "ก็", "<b>", "\\", '"'),
    *("a" * 5000, "i feel fine", "[CLS] [SEP] [PAD] [MASK]", "##s"),
]
_ODD_NUMBERS = [0, -0.0, 1e308, -1e-320, 2**63, 2**64, 10**30, float("nan"), float("inf")]


def inputs(seed: int) -> Iterator[bytes]:
    """Values without end, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    seeds = [path.read_bytes() for path in sorted(EXAMPLES.glob("*/*")) if path.stat().st_size < 10_000]
    while True:
        kind = chance.random()
        if kind < 0.45:
            yield _mutated(chance, chance.choice(seeds), seeds)
        elif kind < 0.9:
            yield _object(chance)
        else:
            yield chance.randbytes(chance.randint(0, 60))


def _mutated(chance: random.Random, value: bytes, seeds: list[bytes]) -> bytes:
    data = bytearray(value)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        match chance.randint(0, 5):
            case 0:
                data[at:at] = chance.randbytes(chance.randint(1, 4))
            case 1:
                del data[at : at + chance.randint(1, 8)]
            case 2:
                data[at : at + 1] = bytes([chance.randint(0, 255)])
            case 3:
                data[at:at] = chance.choice(
                    [b"{", b"}", b"[", b'"', b":", b",", b"\\", b"\\u", b"null", b"1e999", b"\n"]
                )
            case 4:
                data[at:at] = chance.choice(_ODD_TEXTS).encode("utf-8", "surrogatepass")
            case _:
                data += chance.choice(seeds)[at:]
    return bytes(data)


def _object(chance: random.Random) -> bytes:
    message: dict[str, object] = {}
    for _ in range(chance.randint(0, 4)):
        message[chance.choice(["text", "id", "Text", "data", "", chance.choice(_ODD_TEXTS)])] = _value(chance, 3)
    if chance.random() < 0.7:
        message["text"] = chance.choice(_ODD_TEXTS) if chance.random() < 0.7 else _value(chance, 2)
    return json.dumps(message, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def _value(chance: random.Random, depth: int) -> object:
    kind = chance.randint(0, 7 if depth else 5)
    match kind:
        case 0:
            return None
        case 1:
            return chance.random() < 0.5
        case 2:
            return chance.choice(_ODD_NUMBERS)
        case 3 | 4:
            return chance.choice(_ODD_TEXTS)
        case 5:
            return "".join(
                chr(chance.choice([chance.randint(32, 126), chance.randint(160, 0xD7FF)])) for _ in range(20)
            )
        case 6:
            return [_value(chance, depth - 1) for _ in range(chance.randint(0, 3))]
        case _:
            return {chance.choice(_ODD_TEXTS): _value(chance, depth - 1) for _ in range(chance.randint(0, 3))}

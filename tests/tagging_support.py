"""Sentences whose words have a tag each, and a file of them."""

from __future__ import annotations

import random
from pathlib import Path

NAMES, PLACES = ["Ann", "Bo", "Ann Bo"], ["Rome", "the Rome"]


def sentences(items: int = 120, seed: int = 0) -> list[tuple[list[str], list[str]]]:
    """Somebody lives somewhere: which word is which stands at different places."""
    chosen = random.Random(seed)
    found = []
    for _ in range(items):
        words, tags = ["indeed"] * chosen.randint(0, 3), ["O"] * 3
        tags = ["O"] * len(words)
        for label, name in (("PER", chosen.choice(NAMES)), ("", "lives in"), ("LOC", chosen.choice(PLACES))):
            for number, word in enumerate(name.split()):
                words.append(word)
                tags.append(f"{'I' if number else 'B'}-{label}" if label else "O")
        ending = chosen.choices(["film", "good", "bad"], k=chosen.randint(0, 3))
        found.append(([*words, *ending], [*tags, *["O"] * len(ending)]))
    return found


def conll(path: Path, items: int = 120) -> Path:
    lines = ["-DOCSTART- -X- O", ""]
    for words, tags in sentences(items):
        lines += [*(f"{word} NN {tag}" for word, tag in zip(words, tags, strict=True)), ""]
    path.write_text("\n".join(lines))
    return path

"""Every sentence that a person reads, in Vietnamese (`vi.toml`) and English (`en.toml`).

A sentence is named by section and code and filled with facts: `say("error", "disk_full", language, path=…)`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("vi", "en")


def say(section: str, code: str, language: str = "vi", **facts: Any) -> str:
    """The sentence of `section` named `code`, with numbers written as the language writes them.

    An unknown code (a finding of a newer program) gives the code itself with its facts: nothing is hidden.
    """
    sentence = catalogue(language).get(section, {}).get(code)
    if sentence is None:
        return f"{code} {facts}" if facts else code
    return sentence.format_map(_Facts({name: _written(fact, language) for name, fact in facts.items()}))


@cache
def catalogue(language: str) -> Mapping[str, Mapping[str, str]]:
    """Section → code → sentence of one language."""
    text = (Path(__file__).parent / f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _written(fact: Any, language: str) -> str:
    if isinstance(fact, bool) or not isinstance(fact, (int, float)):
        return str(fact)
    text = f"{fact:,}" if isinstance(fact, int) else f"{fact:,.1f}" if abs(fact) >= 10 else f"{fact:.2f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "vi" else text


class _Facts(dict):
    """A fact that the caller did not give shows as its name, rather than hiding the sentence."""

    def __missing__(self, key: str) -> str:
        return f"⟨{key}⟩"

"""Every sentence that a person reads, in Vietnamese (`vi.toml`) and English (`en.toml`).

A sentence is named by section and code and filled with facts: `say("error", "disk_full", language, path=…)`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from originals.reach import usual

LANGUAGES = ("vi", "en")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")


def say(section: str, code: str, language: str = "vi", **facts: Any) -> str:
    """The sentence of `section` named `code`, with numbers and times written as people write them.

    An unknown code (a finding of a newer program) gives the code itself with its facts: nothing is hidden.
    """
    sentence = catalogue(language).get(section, {}).get(code)
    if sentence is None:
        return f"{code} {facts}" if facts else code
    return sentence.format_map(_Facts({name: written(fact, language) for name, fact in facts.items()}))


@cache
def catalogue(language: str) -> Mapping[str, Mapping[str, str]]:
    """Section → code → sentence of one language."""
    text = (Path(__file__).parent / f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def written(fact: Any, language: str = "vi") -> str:
    """A fact as a person reads it: 1.234 or 1,234, and 26.11.2026 04:15 for an ISO time; anything else as it is."""
    if isinstance(fact, str) and MOMENT.fullmatch(fact):
        return f"{datetime.fromisoformat(fact):%d.%m.%Y %H:%M}"
    if isinstance(fact, bool) or not isinstance(fact, (int, float)):
        return usual(str(fact))
    text = f"{fact:,}" if isinstance(fact, int) else f"{fact:,.1f}" if abs(fact) >= 10 else f"{fact:.2f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "vi" else text


class _Facts(dict):
    """A fact that the caller did not give shows as its name, rather than hiding the sentence."""

    def __missing__(self, key: str) -> str:
        return f"⟨{key}⟩"

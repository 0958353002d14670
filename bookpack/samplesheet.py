"""The acceptance sample as one page of HTML: each page as it was developed, beside its original, and what was said of it.

It links the images where they lie, so it is to be looked at in its station; nothing is fetched from anywhere else.
"""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import Any

from texts import say

STYLE = """
body { font: 16px/1.4 sans-serif; margin: 1.5rem; }
section { break-inside: avoid; border-top: 1px solid #999; padding: .5rem 0; }
figure { display: inline-block; margin: 0 1% 0 0; width: 48%; vertical-align: top; }
img { max-width: 100%; max-height: 95vh; }
.bad { color: #a00; } .good { color: #060; }
"""


def sheet(sampled: Any, folder: Path, language: str) -> str:
    """The HTML of a sample (`acceptance.Sampled`), for a file in `folder`."""
    title = escape(say("sample", "sheet_title", language, book=sampled.book))
    told = escape(say("sample", "drawn", language, pages=len(sampled.pages), lot=sampled.lot, seed=str(sampled.seed),
                      fails=sampled.fails))
    pages = "\n".join(_section(page, folder, language) for page in sampled.pages)
    return (f'<!DOCTYPE html>\n<html lang="{language}">\n<meta charset="utf-8">\n<title>{title}</title>\n'
            f"<style>{STYLE}</style>\n<h1>{title}</h1>\n<p>{told}</p>\n{pages}\n</html>\n")


def _section(page: Any, folder: Path, language: str) -> str:
    name = escape(say("sample", "page", language, number=page.number, page=page.id, cases=", ".join(page.cases) or "–"))
    figures = "\n".join(_figure(path, say("sample", code, language), folder)
                        for path, code in ((page.picture, "developed"), (page.original, "original")))
    return f"<section>\n<h2>{name}</h2>\n{_verdict(page.verdict, language)}{figures}\n</section>"


def _verdict(verdict: Any, language: str) -> str:
    if verdict is None:
        return ""
    code = "good" if verdict.good else "bad"
    words = say("sample", code, language, by=verdict.by, reason=verdict.reason)
    return f'<p class="{code}">{escape(words)}</p>\n'


def _figure(path: Path, caption: str, folder: Path) -> str:
    link = escape(Path(os.path.relpath(path, folder)).as_posix(), quote=True)
    return (f'<figure><a href="{link}"><img loading="lazy" src="{link}" alt=""></a>'
            f"<figcaption>{escape(caption)}</figcaption></figure>")

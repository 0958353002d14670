"""`changes.html`: what a job changed, on one page that opens offline, holds no script, and prints on A4.

All figures are the tally's; pictures are those of the contact sheet, small.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from province.change_table import BANDS, Tally, bands, number, signed, words
from province.changes import Change
from province.contact import Pictures, caption
from texts import say

MB = 1_000_000
SHOWN_ROWS = 500  # of the table; the CSV has all
STYLE = """
:root { --ink: #1d2733; --soft: #667382; --line: #dde2e8; --before: #d55e00; --after: #0072b2; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 28px 40px; max-width: 1180px; color: var(--ink); background: #fff;
  font: 14px/1.45 "Segoe UI", "Noto Sans", "DejaVu Sans", Arial, sans-serif; }
h1 { font-size: 22px; margin: 0; border-bottom: 2px solid var(--ink); padding-bottom: 6px; }
h2 { font-size: 16px; margin: 24px 0 8px; }
.cards { display: grid; grid-template-columns: repeat(6, 1fr); gap: 10px; margin: 16px 0; }
.cards div { border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px; color: var(--soft); font-size: 12px; }
.cards b { display: block; color: var(--ink); font-size: 22px; font-variant-numeric: tabular-nums; }
.columns { display: grid; grid-template-columns: 1fr 1fr; gap: 28px; align-items: start; }
table { border-collapse: collapse; width: 100%; font-size: 12px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 3px 6px; border-bottom: 1px solid var(--line); vertical-align: top; }
th { border-bottom-color: var(--ink); white-space: nowrap; }
td:nth-child(-n+2) { white-space: nowrap; }
th.word, td.word { text-align: left; }
thead { display: table-header-group; }
tr, section { break-inside: avoid; }
section { border-top: 1px solid var(--line); padding: 8px 0; }
section h3 { font-size: 14px; margin: 0; }
section p { margin: 2px 0 6px; }
.figures { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 14px; align-items: start; }
figure { margin: 0; }
figcaption { color: var(--soft); font-size: 12px; }
figcaption i { font-style: normal; font-weight: 600; margin-left: 8px; }
img { display: block; max-width: 100%; border: 1px solid var(--line); }
.before { color: var(--before); } .after { color: var(--after); } .soft { color: var(--soft); }
@media screen and (max-width: 760px) { .columns { grid-template-columns: 1fr; } .cards { grid-template-columns: 1fr 1fr; } }
@page { size: A4; margin: 10mm; }
@media print { body { padding: 0; max-width: none; font-size: 12px; } .columns { grid-template-columns: 1fr; gap: 0; } }
"""


def page(tally: Tally, pictures: Iterable[Pictures], language: str) -> bytes:
    """The whole page, UTF-8; `pictures` are shown in their order."""
    return "\n".join(_Page(tally, language).parts(pictures)).encode("utf-8")


class _Page:
    def __init__(self, tally: Tally, language: str) -> None:
        self.tally, self.language = tally, language

    def say(self, code: str, **facts: Any) -> str:
        return escape(say("changes", code, self.language, **facts))

    def number(self, value: float, decimals: int = 0) -> str:
        return number(value, decimals, self.language)

    def parts(self, pictures: Iterable[Pictures]) -> Iterable[str]:
        title = self.say("title")
        yield f'<!DOCTYPE html><html lang="{self.language}"><head><meta charset="utf-8"><title>{title}</title>'
        yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><h1>{title}</h1>'
        yield f'<div class="cards">{"".join(self.cards())}</div>'
        if self.tally.changed:
            yield f'<div class="columns"><div>{self.how_much()}</div><div>{self.findings()}</div></div>'
            yield f"<h2>{self.say('pictures_title')}</h2>"
            yield from map(self.section, pictures)
            yield self.rows()
        else:
            yield f"<p>{self.say('nothing')}</p>"
        yield "</body></html>"

    def cards(self) -> Iterable[str]:
        tally = self.tally
        told = {"pages": tally.pages, "changed": tally.changed, "new": tally.kinds["new"], "gone": tally.kinds["gone"],
                "layout": tally.other_layout}
        for code, figure in told.items():
            yield f"<div><b>{self.number(figure)}</b>{self.say('card_' + code)}</div>"
        larger = signed((tally.bytes_after - tally.bytes_before) / MB, 1, self.language)
        yield f"<div><b>{larger}</b>{self.say('card_bytes')}</div>"

    def how_much(self) -> str:
        """How many pages moved by how much."""
        told = []
        for name, limits in BANDS.items():
            counts = [self.number(self.tally.bands[name][at]) for at in range(len(limits) + 1)]
            told.append(self.table([self.say(f"measure_{name}"), *map(escape, bands(name, self.language))],
                                   [[self.say("number_of_pages"), *counts]]))
        return f"<h2>{self.say('how_much')}</h2>{'<br>'.join(told)}"

    def findings(self) -> str:
        came, went = self.tally.came, self.tally.went
        codes = sorted({*came, *went}, key=lambda code: (-came[code], -went[code], code))
        rows = [[escape(say("fault", code, self.language)), self.number(came[code]), self.number(went[code])]
                for code in codes]
        heads = [self.say(code) for code in ("finding", "finding_came", "finding_went")]
        told = self.table(heads, rows) if rows else f"<p>{self.say('no_findings')}</p>"
        return f"<h2>{self.say('findings_title')}</h2>{told}"

    def section(self, pictures: Pictures) -> str:
        change = pictures.change
        told = escape("; ".join(words(change, self.language)))
        return (f"<section><h3>{escape(caption(change, self.language))}</h3><p>{told}</p>"
                f'<div class="figures">{"".join(self.figures(change, pictures.jpegs))}</div></section>')

    def figures(self, change: Change, jpegs: Mapping[str, bytes]) -> Iterable[str]:
        for name in ("before", "after", "original"):
            legend = "".join(f'<i class="{one}">{self.say("legend_" + one)}</i>' for one in ("before", "after"))
            told = f"<figcaption>{self.say(name)}{legend if name == 'original' else ''}</figcaption>"
            if name in jpegs:
                data = b64encode(jpegs[name]).decode("ascii")
                yield f'<figure>{told}<img alt="" src="data:image/jpeg;base64,{data}"></figure>'
            elif name != "original":
                why = f"no_{name}" if getattr(change, name) is None else "no_picture"
                yield f'<figure>{told}<span class="soft">{self.say(why)}</span></figure>'

    def rows(self) -> str:
        listed = self.tally.listed[:SHOWN_ROWS]
        heads = [self.say(f"column_{name}") for name in ("book", "page", "words", "weight")]
        rows = [[escape(change.book), escape(change.page), escape("; ".join(words(change, self.language))),
                 self.number(change.weight, 1)] for change in listed]
        told = f"<h2>{self.say('table_title')}</h2>{self.table(heads, rows, 3)}"
        if self.tally.changed > len(listed):
            told += f'<p class="soft">{self.say("more", shown=len(listed), of=self.tally.changed)}</p>'
        return told

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], worded: int = 1) -> str:
        """Cells are HTML; the first `worded` are words, the others figures."""
        def row(cells: Sequence[str], tag: str) -> str:
            return "".join(f'<{tag}{" class=word" if at < worded else ""}>{cell}</{tag}>' for at, cell in enumerate(cells))

        body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
        return f"<table><thead><tr>{row(heads, 'th')}</tr></thead><tbody>{body}</tbody></table>"

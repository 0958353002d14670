"""The report as one page of HTML to look at: it opens offline, holds no script, and prints on A4 landscape.

Charts are bars of coloured boxes and one drawing in SVG. All figures come from `totals`; the tables are in full in the
workbook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from reporting.tables import fault_name, heads, problem_in_words, shown_figures
from reporting.totals import Line, Report, total
from texts import say, written

STATES = ("closed", "packed", "open", "missing")  # of books, in the colours of the style sheet
BARS, ROWS = 30, 20  # of a chart and of a table; the workbook has all
FAULTS = 12
TABLE = ("planned", "begun", "packed", "closed", "planned_pages", "pages", "named", "waiting", "set_aside", "ministry_bytes")
CHART, COLUMN = (560, 190), 34  # px: size of the drawing, widest column
LABEL = 16  # px under and over the columns


def page(report: Report, language: str) -> bytes:
    """The whole page, UTF-8."""
    return "\n".join(_Page(report, language).parts()).encode("utf-8")


class _Page:
    def __init__(self, report: Report, language: str) -> None:
        self.report, self.language = report, language
        self.sums = report.total

    def say(self, code: str, **facts: Any) -> str:
        return escape(say("report", code, self.language, **facts))

    def number(self, value: float) -> str:
        return written(int(value) if value == int(value) else value, self.language)

    def parts(self) -> Iterable[str]:
        style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
        yield f'<!DOCTYPE html><html lang="{self.language}"><head><meta charset="utf-8"><title>{self.say("title")}</title>'
        yield f'<meta name="viewport" content="width=device-width"><style>{style}</style></head><body>'
        yield f'<header><h1>{self.say("title")}</h1><time>{self.say("made")}: {written(self.report.time)}</time></header>'
        yield from self.warnings()
        yield f'<div class="cards">{"".join(self.cards())}</div>'
        yield self.progress()
        yield f'<div class="columns">{self.kinds()}{self.years()}</div>'
        yield f'<div class="columns">{self.where()}{self.faults()}</div>'
        yield self.places()
        yield self.missing()
        yield "</body></html>"

    def warnings(self) -> Iterable[str]:
        told = [problem_in_words(problem, self.language) for problem in self.report.plan_problems[:ROWS]]
        told += [say("report", "log_unreadable", self.language, book=item.book, name=item.code)
                 for item in self.report.unreadable[:ROWS]]
        if self.report.unsorted:
            told.append(say("report", "unsorted_told", self.language, number=self.report.unsorted))
        if told:
            yield f'<div class="warn">{"<br>".join(map(escape, told))}</div>'

    def cards(self) -> Iterable[str]:
        sums = shown_figures(self.sums)
        yield self.card("card_books", sums["closed"], sums["begun"] + self.not_begun, begun=sums["begun"])
        yield self.card("card_pages", sums["pages"], sums["planned_pages"], undeveloped=sums["undeveloped"])
        yield self.card("card_cases", sums["named"], sums["planned_cases"] or sums["cases"], cases=sums["cases"])
        yield self.card("card_waiting", sums["waiting"], 0, warned=sums["warned"])
        yield self.card("card_sizes", sums["ministry_bytes"], 0, originals=self.number(sums["originals_bytes"]),
                        archive=self.number(sums["archive_bytes"]))

    @property
    def not_begun(self) -> int:
        return sum(line.state == "missing" for line in self.report.lines)

    def card(self, code: str, value: float, of: int, **facts: Any) -> str:
        whole = f' <span>/ {self.number(of)}</span>' if of else ""
        return (f'<div class="card"><span>{self.say(code)}</span><b>{self.number(value)}{whole}</b>'
                f'<span>{self.say(code + "_more", **facts)}</span></div>')

    def progress(self) -> str:
        return self.section("progress", self.legend() + self.bar_row(self.say("all_books"), self.report.lines))

    def kinds(self) -> str:
        groups = self.report.by(lambda line: line.identity.kind)
        names = {kind: f"{kind} · {self.report.kinds.get(kind, '')}" for kind in groups}
        return self.section("by_kind", self.bars({names[kind]: lines for kind, lines in groups.items()}))

    def where(self) -> str:
        """Districts where the plan names them, or else places; those first where most books are missing."""
        districts = any(line.district for line in self.report.lines)
        groups = self.report.by(lambda line: line.district if districts else line.place)
        return self.section("by_district" if districts else "by_place", self.bars(_most_missing(groups), len(groups)))

    def bars(self, groups: Mapping[str, Sequence[Line]], of: int = 0) -> str:
        shown = list(groups.items())[:BARS]
        most = max((len(lines) for _, lines in shown), default=1)
        rows = "".join(self.bar_row(escape(name or "–"), lines, most) for name, lines in shown)
        return rows + (f'<p class="soft">{self.say("more_rows", shown=len(shown), of=of)}</p>' if of > len(shown) else "")

    def bar_row(self, name: str, lines: Sequence[Line], most: int = 0) -> str:
        """A bar of books by state; as long, against its neighbours, as there are books."""
        counts = _by_state(lines)
        boxes = "".join(f'<i class="{state}" style="flex:{counts[state]}" title="{self.say("state_" + state)}: '
                        f'{counts[state]}"></i>' for state in STATES if counts[state])
        rest = f'<i class="none" style="flex:{most - len(lines)}"></i>' if most > len(lines) else ""
        done = self.say("done_of", done=counts["closed"] + counts["packed"], of=len(lines))
        return _row(name, boxes + rest, done)

    def legend(self) -> str:
        counts = _by_state(self.report.lines)
        words = (f'<span><i class="{state}"></i>{self.say("state_" + state)}: {self.number(counts[state])}</span>'
                 for state in STATES)
        return f'<div class="legend">{"".join(words)}</div>'

    def years(self) -> str:
        return self.section("by_year", self.drawing(self.report.by(lambda line: line.identity.year)))

    def drawing(self, groups: Mapping[int, Sequence[Line]]) -> str:
        """Columns of books by the year their book was opened, from the earliest to the last, empty years among them."""
        if not groups:
            return ""
        years = range(min(groups), max(groups) + 1)
        width, high = CHART[0] / len(years), CHART[1] - 2 * LABEL
        most = max(map(len, groups.values()))
        every = -(-len(years) * 36 // CHART[0])  # a label wants 36 px
        drawn = []
        for at, year in enumerate(years):
            lines, left = groups.get(year, ()), at * width
            drawn.append(self.column(lines, left + width * 0.1, min(width * 0.8, COLUMN), high / most))
            if at % every == 0:
                drawn.append(f'<text x="{left + width * 0.1:.1f}" y="{CHART[1] - 3}">{year}</text>')
        top = f'<text x="0" y="11">{self.say("most_books", number=most)}</text>'
        return f'<svg viewBox="0 0 {CHART[0]} {CHART[1]}" role="img">{top}{"".join(drawn)}</svg>'

    def column(self, lines: Sequence[Line], x: float, width: float, unit: float) -> str:
        bottom, boxes, counts = CHART[1] - LABEL, [], _by_state(lines)
        for state in STATES:
            if counts[state]:
                bottom -= counts[state] * unit
                boxes.append(f'<rect class="{state}" x="{x:.1f}" y="{bottom:.1f}" width="{width:.1f}" '
                             f'height="{counts[state] * unit:.1f}"><title>{self.say("state_" + state)}: '
                             f'{counts[state]}</title></rect>')
        return "".join(boxes)

    def faults(self) -> str:
        found = self.report.faults()[:FAULTS]
        most = max((number for _, _, number, _ in found), default=1)
        rows = [self.fault_row(escape(fault_name(section, code, self.language)), number, most)
                for section, code, number, _ in found]
        return self.section("faults_title", "".join(rows) or self.say("no_faults"))

    def fault_row(self, name: str, number: int, most: int) -> str:
        boxes = f'<i class="fault" style="flex:{number}"></i><i class="none" style="flex:{most - number}"></i>'
        return _row(name, boxes, self.number(number), "row wide")

    def places(self) -> str:
        groups = _most_missing(self.report.by(lambda line: (line.district, line.place)))
        rows = [(*names, *self.figures(lines)) for names, lines in list(groups.items())[:ROWS]]
        told = self.table(("district", "place", *TABLE), rows, 2)
        if len(groups) > ROWS:
            told += f'<p class="soft">{self.say("more_rows", shown=ROWS, of=len(groups))}</p>'
        return self.section("places_title", told, "long")

    def figures(self, lines: Sequence[Line]) -> list[str]:
        sums = shown_figures(total(lines))
        return [self.number(sums[name]) for name in TABLE]

    def missing(self) -> str:
        lacks = self.report.lacks()
        if not lacks:
            return self.section("missing_title", self.say("nothing_missing"))
        rows = [(lack.line.place, str(lack.line.identity), say("report", lack.code, self.language, number=lack.number))
                for lack in lacks[:ROWS]]
        told = self.table(("place", "book", "missing"), rows, 3)
        if len(lacks) > ROWS:
            told += f'<p class="soft">{self.say("more_rows", shown=ROWS, of=len(lacks))}</p>'
        return self.section("missing_title", told, "long")

    def table(self, names: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
        def row(cells: Sequence[str], tag: str) -> str:
            told = "".join(f'<{tag}{" class=word" if at < words else ""}>{escape(cell)}</{tag}>'
                           for at, cell in enumerate(cells))
            return f"<tr>{told}</tr>"

        body = "".join(row(cells, "td") for cells in rows)
        return f"<table><thead>{row(heads(names, self.language), 'th')}</thead><tbody>{body}</tbody></table>"

    def section(self, code: str, told: str, kind: str = "") -> str:
        return f'<section class="{kind}"><h2>{self.say(code)}</h2>{told}</section>'


def _row(name: str, boxes: str, figure: str, kind: str = "row") -> str:
    return f'<div class="{kind}"><span title="{name}">{name}</span><div class="bar">{boxes}</div><em>{figure}</em></div>'


def _by_state(lines: Iterable[Line]) -> dict[str, int]:
    counts = dict.fromkeys(STATES, 0)
    for line in lines:
        counts[line.state] += 1
    return counts


def _most_missing(groups: Mapping[Any, Sequence[Line]]) -> dict[Any, Sequence[Line]]:
    """Groups in the order of the books that they lack."""
    return dict(sorted(groups.items(), key=lambda item: (-_by_state(item[1])["missing"], item[0])))

"""What a run came to, for a clerk in words and for a program in JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from book import Finding
from bookpack.duplicate import Copied
from bookpack.problem import Problem
from developing import DevelopedPage
from packing import Packages
from pipeline import Outcome, warnings
from texts import say
from texts.places import place

NOTES_SHOWN = 5  # of a package that is checked; each signed PDF may have one
SHOWN = 20  # pages to look at again that are named on the screen; the JSON has them all
KB, MB = 1000, 1_000_000


def in_words(outcome: Outcome, language: str) -> str:
    """Several lines: pages, what to look at again and why, sizes, where the packages are."""
    received = outcome.received
    facts = {"book": outcome.book, "new": received.new, "again": received.again, "developed": outcome.developed,
             "pages": len(outcome.pages)}
    nothing = not (received.new or outcome.developed or outcome.packed or received.set_aside or outcome.failures)
    lines = [say("summary", "nothing_new" if nothing else "done", language, **facts)]
    lines += _put_aside(outcome, language)
    lines += _to_look_at(outcome, language)
    if outcome.packages is not None:
        lines += _packages(outcome, language)
    return "\n".join(lines)


def _put_aside(outcome: Outcome, language: str) -> Iterable[str]:
    for item in outcome.received.set_aside:
        yield say("summary", "set_aside", language, name=item.name, reason=_error(item.code, item.facts, language))
    for capture, failure in outcome.failures:
        reason = _error(failure.code, failure.facts, language)
        yield say("summary", "set_aside", language, name=capture.source, reason=reason)
    reasons = Counter(item.code for item in outcome.received.skipped)
    for code, number in reasons.items():
        names = [item.name for item in outcome.received.skipped if item.code == code]
        yield say("summary", f"skipped_{code}", language, number=number, names=", ".join(names[:5]))


def _to_look_at(outcome: Outcome, language: str) -> Iterable[str]:
    doubtful = outcome.look_again
    shared = shared_warnings(outcome.pages) & {item.code for page in doubtful for item in warnings(page)}
    for code in sorted(shared):
        example = next(item for page in outcome.pages for item in warnings(page) if item.code == code)
        number = sum(code in {item.code for item in warnings(page)} for page in outcome.pages)
        yield say("summary", "shared", language, number=number, pages=len(outcome.pages),
                  reason=explain(replace(example, facts={**example.facts, "where": None}), language))
    doubtful = [page for page in doubtful if {item.code for item in warnings(page)} - shared]
    if not doubtful:
        yield say("summary", "none_else" if shared else "all_good", language)
        return
    yield say("summary", "look_again", language, number=len(doubtful), pages=len(outcome.pages))
    numbers = {page.id: number for number, page in enumerate(outcome.pages, 1)}
    for page in doubtful[:SHOWN]:
        reasons = "; ".join(explain(finding, language) for finding in warnings(page) if finding.code not in shared)
        source = outcome.sources.get(page.id.split("-")[0], "")
        yield say("summary", "page_reason", language, page=page.id, number=numbers[page.id], source=source,
                  reasons=reasons)
    if len(doubtful) > SHOWN:
        yield say("summary", "more_pages", language, number=len(doubtful) - SHOWN)


def shared_warnings(pages: Iterable[DevelopedPage]) -> set[str]:
    """Codes that most pages of a book share: said once, since they tell of the scanner and not of a page."""
    pages = list(pages)
    counts = Counter(code for page in pages for code in {item.code for item in warnings(page)})
    return {code for code, number in counts.items() if number >= 3 and number > len(pages) / 2}


def _packages(outcome: Outcome, language: str) -> Iterable[str]:
    packages = outcome.packages
    if packages.closed:
        yield say("summary", "closed_version", language)
    elif packages.version > 1:
        yield say("summary", "new_version", language, version=packages.version, folder=packages.folder)
    if packages.ministry:
        facts = {"path": packages.ministry_zip, "workbook": packages.workbook, "size": packages.ministry_bytes / MB,
                 "cases": packages.cases, "parts": len(packages.ministry_zips)}
        yield say("summary", "ministry" if len(packages.ministry_zips) == 1 else "ministry_parts", language, **facts)
    for name in packages.doubles:
        yield say("summary", "double_name", language, name=name, book=outcome.book)
    for path in packages.kept:
        yield say("summary", "typed_kept", language, path=path)
    if packages.archive:
        yield say("summary", "archive", language, path=packages.archive, size=packages.archive_bytes / MB)
    if outcome.copy:
        yield from _copied(outcome.copy, language)
    over = sum(page.over_budget for page in outcome.pages)
    if over:
        yield say("summary", "over_budget", language, number=over)


def verified(package: Path, found: Sequence[Problem], renamed: Mapping[str, str], language: str) -> Iterable[str]:
    """What `bookpack.verify` found in a package, in words: the verdict comes last."""
    notes, problems = [item for item in found if item.note], [item for item in found if not item.note]
    for name, real in renamed.items():
        yield say("summary", "renamed", language, name=name, real=real)
    for item in (*notes[:NOTES_SHOWN], *problems):
        yield say("problem", item.code, language, **item.facts)
    if len(notes) > NOTES_SHOWN:
        yield say("summary", "more_notes", language, number=len(notes) - NOTES_SHOWN)
    yield say("summary", "verify_bad" if problems else "verify_good", language, package=package, problems=len(problems))


def _copied(copy: Copied, language: str) -> Iterable[str]:
    yield say("summary", "copied" if copy.written else "copied_before", language, folder=copy.folder, files=copy.files,
              size=copy.bytes / MB)
    for path in copy.kept:
        yield say("summary", "typed_kept", language, path=path)
    if copy.same_disk:
        yield say("summary", "copy_on_same_disk", language)


def explain(finding: Finding, language: str) -> str:
    """A finding in words, with its place on the page."""
    facts = {**finding.facts, "place": place(finding.facts.get("where"), language)}
    return say("finding", finding.code, language, **facts)


def as_json(outcome: Outcome, language: str) -> str:
    """The whole outcome as one JSON object."""
    return json.dumps(_plain(outcome, language), ensure_ascii=False)


def _plain(outcome: Outcome, language: str) -> dict[str, Any]:
    received, packages = outcome.received, outcome.packages
    failures = [{"file": capture.source, "code": failure.code, "facts": failure.facts,
                 "message": _error(failure.code, failure.facts, language)} for capture, failure in outcome.failures]
    set_aside = [{"file": item.name, "code": item.code, "facts": dict(item.facts),
                  "message": _error(item.code, item.facts, language)} for item in received.set_aside]
    return {
        "book": outcome.book,
        "received": {"new": received.new, "again": received.again},
        "set_aside": set_aside + failures,
        "skipped": [{"file": item.name, "code": item.code} for item in received.skipped],
        "developed": outcome.developed,
        "pages": [_page(page, outcome) for page in outcome.pages],
        "look_again": [page.id for page in outcome.look_again],
        "packages": packages and _packages_plain(packages),
        "copy": outcome.copy and {**outcome.copy.__dict__, "folder": str(outcome.copy.folder),
                                  "kept": [str(kept) for kept in outcome.copy.kept]},
    }


def _packages_plain(packages: Packages) -> dict[str, Any]:
    """A package that was not asked for is null."""
    def path(value: Any) -> str | None:
        return None if value is None else str(value)

    return {
        "version": packages.version, "closed": packages.closed, "ministry": path(packages.ministry_zip),
        "ministry_parts": [str(part) for part in packages.ministry_zips], "workbook": path(packages.workbook),
        "double_names": list(packages.doubles),
        "typed_kept": [str(kept) for kept in packages.kept], "archive": path(packages.archive),
        "ministry_bytes": packages.ministry_bytes, "archive_bytes": packages.archive_bytes, "cases": packages.cases,
    }


def _page(page: DevelopedPage, outcome: Outcome) -> dict[str, Any]:
    return {
        "id": page.id, "file": outcome.sources.get(page.id.split("-")[0], ""), "side": str(page.recipe.side),
        "width": page.width, "height": page.height, "ppi": page.dpi, "bytes": page.jpeg_bytes,
        "ministry_bytes": page.drawing_bytes, "over_budget": page.over_budget,
        "confidence": round(page.confidence, 3), "doubt": page.doubt,
        "findings": [finding.to_json() for finding in page.findings],
    }


def inspected(plain: dict[str, Any], language: str) -> str:
    """One file of `sohoa inspect` in words."""
    if "error" in plain:
        return f"{plain['file']}: {plain['error']['message']}"
    lines = [say("summary", "inspected", language, file=plain["file"], layout=say("word", plain["layout"], language),
                 turn=str(plain["turn"]), pages=len(plain["pages"]))]
    for page in plain["pages"]:
        findings = [Finding.from_json(item) for item in page["findings"]]
        reasons = "; ".join(explain(finding, language) for finding in findings) or say("word", "no_findings", language)
        lines.append("  " + say("summary", "inspected_page", language, side=say("word", page["side"], language),
                                degrees=page["skew_degrees"], confidence=f"{page['confidence']:.0%}", reasons=reasons))
    return "\n".join(lines)


def redo_as_json(outcome: Outcome | None, differences: list[Any], language: str) -> str:
    """What was, or would be, changed."""
    changed = [{"page": item.page, "stage": item.stage, "before": item.before, "after": item.after}
               for item in differences]
    plain = _plain(outcome, language) if outcome else None
    return json.dumps({"changes": changed, "outcome": plain}, ensure_ascii=False)


def redo_in_words(outcome: Outcome | None, differences: list[Any], dry_run: bool, language: str) -> str:
    """What was, or would be, changed, a line a decision."""
    lines = [say("summary", "would_change" if dry_run else "changed", language,
                 pages=len({item.page for item in differences}), number=len(differences))]
    for item in differences:
        before, after = (json.dumps(value, ensure_ascii=False) for value in (item.before, item.after))
        lines.append(f"  {item.page}  {item.stage}: {before} → {after}")
    return "\n".join(lines + ([in_words(outcome, language)] if outcome else []))


def _error(code: str, facts: Any, language: str) -> str:
    return say("error", code, language, **facts)

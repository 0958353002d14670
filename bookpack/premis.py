"""PREMIS 3 of an archive package: its originals and the PDF made of them, what was done to them, when and by whom.

The events are those of the book's log that archives have a word for; the log itself lies beside, whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bookpack.contents import BookContents
from bookpack.formats import Format
from bookpack.manifest import Digests
from bookpack.markup import Element, document, root
from originals.eventlog import VIETNAM

NAMESPACE = "http://www.loc.gov/premis/v3"
EVENTS = {  # of the log → eventType of the Library of Congress
    "received": "ingestion", "set_aside": "validation", "superseded": "modification", "moved": "modification",
    "settings": "modification", "order": "modification", "undone": "modification",
    "role": "metadata modification", "cases": "metadata modification",
    "cases_undone": "metadata modification", "accepted": "quality review", "sampled": "quality review",
    "cases_checked": "quality review", "verdict": "quality review", "closing": "validation", "closed": "validation",
    "packed": "information package creation", "copied": "replication",
}
SOURCE, OUTCOME = "source", "outcome"


@dataclass(frozen=True)
class PreservedFile:
    """A file that the package keeps: its name below `data/`, the name it came under, checksums and format."""

    path: str
    name: str
    digests: Digests
    format: Format


def premis_xml(contents: BookContents, originals: Iterable[PreservedFile], pdf: PreservedFile) -> bytes:
    """The document. Objects are known by their path in the package, events of the log by their line in it."""
    originals, premis = list(originals), root("premis", NAMESPACE, {"version": "3.0"})
    by_hash = {original.digests.sha256: original.path for original in originals}
    for original in originals:
        _object(premis, original)
    _object(premis, pdf, [original.path for original in originals])
    people = dict.fromkeys(str(event["by"]) for event in contents.log if event.get("by"))
    for event in _events(contents, by_hash):
        _event(premis, contents.program, **event)
    made = {"time": contents.time, "by": "", "links": [(path, SOURCE) for path in by_hash.values()] + [(pdf.path, OUTCOME)]}
    _event(premis, contents.program, identity="pdf", kind="creation", detail="pdf", **made)
    _event(premis, contents.program, identity="package", kind="information package creation", detail="package", **made)
    _agent(premis, contents.program, "software")
    for name in people:
        _agent(premis, name, "person")
    return document(premis)


def _events(contents: BookContents, by_hash: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for line, event in enumerate(contents.log, 1):
        if event["event"] in EVENTS:
            path = by_hash.get(event.get("sha256", ""))
            yield {"identity": f"log-{line}", "kind": EVENTS[event["event"]], "detail": event["event"],
                   "time": event["time"], "by": str(event.get("by") or ""), "links": [(path, OUTCOME)] if path else []}


def _object(premis: Element, file: PreservedFile, sources: Iterable[str] = ()) -> None:
    made = premis.sub("object", attributes={"xsi:type": "file"})
    _identifier(made, "objectIdentifier", "path", file.path)
    characteristics = made.sub("objectCharacteristics")
    characteristics.sub("compositionLevel", 0)
    for algorithm, digest in (("SHA-256", file.digests.sha256), ("SHA-512", file.digests.sha512)):
        fixity = characteristics.sub("fixity")
        fixity.sub("messageDigestAlgorithm", algorithm)
        fixity.sub("messageDigest", digest)
    characteristics.sub("size", file.digests.bytes)
    _format(characteristics.sub("format"), file.format)
    made.sub("originalName", file.name)
    for source in sources:
        relation = made.sub("relationship")
        relation.sub("relationshipType", "derivation")
        relation.sub("relationshipSubType", "has source")
        _identifier(relation, "relatedObjectIdentifier", "path", source)


def _format(made: Element, known: Format) -> None:
    designation = made.sub("formatDesignation")
    designation.sub("formatName", known.name)
    if known.version:
        designation.sub("formatVersion", known.version)
    if known.key:
        registry = made.sub("formatRegistry")
        registry.sub("formatRegistryName", "PRONOM")
        registry.sub("formatRegistryKey", known.key)


def _event(premis: Element, program: str, identity: str, kind: str, detail: str, time: str, by: str,
           links: Iterable[tuple[str, str]]) -> None:
    made = premis.sub("event")
    _identifier(made, "eventIdentifier", "local", identity)
    made.sub("eventType", kind)
    made.sub("eventDateTime", datetime.fromisoformat(time).astimezone(VIETNAM).isoformat(timespec="seconds"))
    made.sub("eventDetailInformation").sub("eventDetail", detail)
    made.sub("eventOutcomeInformation").sub("eventOutcome", "failure" if detail == "set_aside" else "success")
    for agent in filter(None, (by, program)):
        _identifier(made, "linkingAgentIdentifier", "local", agent)
    for path, role in links:
        linked = _identifier(made, "linkingObjectIdentifier", "path", path)
        linked.sub("linkingObjectRole", role)


def _agent(premis: Element, name: str, kind: str) -> None:
    made = premis.sub("agent")
    _identifier(made, "agentIdentifier", "local", name)
    made.sub("agentName", name)
    made.sub("agentType", kind)


def _identifier(parent: Element, name: str, kind: str, value: str) -> Element:
    made = parent.sub(name)
    made.sub(f"{name}Type", kind)
    made.sub(f"{name}Value", value)
    return made

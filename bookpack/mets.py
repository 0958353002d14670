"""METS of an archive package, as the Common Specification for Information Packages (E-ARK CSIP) lays it out.

One document for the package and one for each representation of the book, each telling of its files by place, size,
type and SHA-256. The description of the book (EAD) is here too; what was done to the files is `premis`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bookpack.contents import BookContents
from bookpack.manifest import Digests
from bookpack.markup import Element, document, root

NAMESPACE, EAD = "http://www.loc.gov/METS/", "urn:isbn:1-931666-22-9"
PROFILE = "https://earkcsip.dilcis.eu/profile/E-ARK-CSIP.xml"
KIND = "Civil status register"
CONTENT = {"csip:CONTENTINFORMATIONTYPE": "OTHER", "csip:OTHERCONTENTINFORMATIONTYPE": KIND}


@dataclass(frozen=True)
class Listed:
    """A file that a METS document tells of: place relative to the document, kind of metadata if any, type, checksums."""

    href: str
    media: str
    digests: Digests
    kind: str = ""


def package_mets(contents: BookContents, organisation: str, description: Listed, metadata: Sequence[Listed],
                 documentation: Listed, representations: Sequence[tuple[str, Listed]]) -> bytes:
    """The METS of the package: its metadata, its documentation, and the METS of each representation by name."""
    mets = _mets(contents, str(contents.identity), organisation)
    described = mets.sub("dmdSec", attributes={"ID": "description", "CREATED": contents.time, "STATUS": "CURRENT"})
    _reference(described, contents, description)
    administrative = mets.sub("amdSec")
    names = [f"metadata-{number}" for number in range(1, len(metadata) + 1)]
    for name, listed in zip(names, metadata, strict=True):
        section = administrative.sub("digiprovMD", attributes={"ID": name, "STATUS": "CURRENT"})
        _reference(section, contents, listed)
    groups = [("Documentation", "documentation", [documentation])]
    groups += [(f"Representations/{name}", name, [listed]) for name, listed in representations]
    _files(mets, contents, groups)
    top = _structure(mets, str(contents.identity))
    top.sub("div", attributes={"ID": "div-metadata", "LABEL": "Metadata", "ADMID": " ".join(names), "DMDID": "description"})
    _division(top, "div-documentation", "Documentation").sub("fptr", attributes={"FILEID": "documentation"})
    for name, listed in representations:
        division = _division(top, f"div-{name}", f"Representations/{name}")
        division.sub("mptr", attributes={"xlink:type": "simple", "xlink:href": listed.href, "xlink:title": name,
                                         "LOCTYPE": "URL"})
    return document(mets)


def representation_mets(contents: BookContents, name: str, files: Sequence[Listed]) -> bytes:
    """The METS of one representation, such as `rep1`."""
    mets = _mets(contents, name, "")
    _files(mets, contents, [("Data", "data", files)])
    top = _structure(mets, name)
    _division(top, "div-data", "Data").sub("fptr", attributes={"FILEID": "data"})
    return document(mets)


def ead_xml(contents: BookContents, organisation: str) -> bytes:
    """What the book is, as EAD (2002): number, title, year opened, place, pages."""
    ead = root("ead", EAD)
    head = ead.sub("eadheader")
    head.sub("eadid", contents.identity)
    head.sub("filedesc").sub("titlestmt").sub("titleproper", contents.title)
    known = ead.sub("archdesc", attributes={"level": "item"}).sub("did")
    known.sub("unitid", contents.identity)
    known.sub("unittitle", contents.title)
    known.sub("unitdate", contents.identity.year)
    known.sub("origination").sub("corpname", contents.place_name or contents.identity.place)
    known.sub("physdesc").sub("extent", f"{len(contents.pages)} pages")
    if organisation:
        known.sub("repository").sub("corpname", organisation)
    return document(ead)


def _mets(contents: BookContents, identity: str, organisation: str) -> Element:
    mets = root("mets", NAMESPACE, {
        "OBJID": identity, "LABEL": contents.title, "TYPE": "Other", "csip:OTHERTYPE": KIND,
        "csip:CONTENTINFORMATIONTYPE": "MIXED", "PROFILE": PROFILE})
    head = mets.sub("metsHdr", attributes={"CREATEDATE": contents.time, "LASTMODDATE": contents.time,
                                           "csip:OAISPACKAGETYPE": "AIP"})
    program, _, version = contents.program.partition(" ")
    creator = head.sub("agent", attributes={"ROLE": "CREATOR", "TYPE": "OTHER", "OTHERTYPE": "SOFTWARE"})
    creator.sub("name", program)
    creator.sub("note", version or program, {"csip:NOTETYPE": "SOFTWARE VERSION"})
    if organisation:
        head.sub("agent", attributes={"ROLE": "ARCHIVIST", "TYPE": "ORGANIZATION"}).sub("name", organisation)
    return mets


def _files(mets: Element, contents: BookContents, groups: Sequence[tuple[str, str, Sequence[Listed]]]) -> None:
    section = mets.sub("fileSec", attributes={"ID": "files"})
    for use, name, files in groups:
        group = section.sub("fileGrp", attributes={"ID": name, "USE": use, **CONTENT})
        for number, listed in enumerate(files, 1):
            file = group.sub("file", attributes={"ID": f"{name}-{number}", **_facts(contents, listed)})
            file.sub("FLocat", attributes={"xlink:type": "simple", "xlink:href": listed.href, "LOCTYPE": "URL"})


def _reference(section: Element, contents: BookContents, listed: Listed) -> None:
    standard = listed.kind in ("EAD", "PREMIS")
    kind = {"MDTYPE": listed.kind} if standard else {"MDTYPE": "OTHER", "OTHERMDTYPE": listed.kind}
    section.sub("mdRef", attributes={"LOCTYPE": "URL", "xlink:type": "simple", "xlink:href": listed.href, **kind,
                                     **_facts(contents, listed)})


def _facts(contents: BookContents, listed: Listed) -> dict[str, object]:
    return {"MIMETYPE": listed.media, "SIZE": listed.digests.bytes, "CREATED": contents.time,
            "CHECKSUM": listed.digests.sha256, "CHECKSUMTYPE": "SHA-256"}


def _structure(mets: Element, label: str) -> Element:
    structure = mets.sub("structMap", attributes={"ID": "structure", "TYPE": "PHYSICAL", "LABEL": "CSIP"})
    return _division(structure, "div-package", label)


def _division(parent: Element, identity: str, label: str) -> Element:
    return parent.sub("div", attributes={"ID": identity, "LABEL": label})

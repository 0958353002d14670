"""What an archive reads of a bag: METS, PREMIS and EAD say what is there, and verify holds them to it."""

import hashlib
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import bagit
import pytest

from bookpack.archive import write_archive
from bookpack.bag import manifest_lines
from bookpack.contents import ArchiveParams
from bookpack.formats import format_of
from bookpack.manifest import ALGORITHMS, digests, pieces_of
from bookpack.verify import verify
from tests.bookpack.conftest import TIME
from tests.bookpack.flips import flip

METS = {"m": "http://www.loc.gov/METS/", "x": "http://www.w3.org/1999/xlink",
        "csip": "https://DILCIS.eu/XML/METS/CSIPExtensionMETS"}
PREMIS = {"p": "http://www.loc.gov/premis/v3"}
HREF = "{http://www.w3.org/1999/xlink}href"
ORDER_OF_OBJECT = ["objectIdentifier", "objectCharacteristics", "originalName", "relationship"]
ORDER_OF_EVENT = ["eventIdentifier", "eventType", "eventDateTime", "eventDetailInformation", "eventOutcomeInformation",
                  "linkingAgentIdentifier", "linkingObjectIdentifier"]


def read(archive, name):
    return ElementTree.parse(archive.folder / "data" / name).getroot()


def order(element):
    return list(dict.fromkeys(child.tag.rpartition("}")[2] for child in element))


def reseal(bag):
    """Write all checksums of a bag anew, as a program with a defect would, or somebody who means to deceive."""
    files = {path.relative_to(bag).as_posix(): path for path in bag.rglob("*") if path.is_file()}
    payload = {name: digests(pieces_of(path)) for name, path in files.items() if name.startswith("data/")}
    info = bag / "bag-info.txt"
    oxum = f"Payload-Oxum: {sum(file.bytes for file in payload.values())}.{len(payload)}"
    info.write_text(re.sub("Payload-Oxum: .*", oxum, info.read_text(encoding="utf-8")), encoding="utf-8")
    for algorithm in ALGORITHMS:
        (bag / f"manifest-{algorithm}.txt").write_text(manifest_lines(payload, algorithm), encoding="utf-8")
    tags = {name: digests(pieces_of(bag / name)) for name in files if "/" not in name and not name.startswith("tagmanifest")}
    for algorithm in ALGORITHMS:
        (bag / f"tagmanifest-{algorithm}.txt").write_text(manifest_lines(tags, algorithm), encoding="utf-8")
    assert bagit.Bag(str(bag)).validate()


def problems(bag):
    return {(item.code, item.facts["file"]) for item in verify(bag)}


def test_mets_tells_of_every_file_by_place_size_and_checksum(archive):
    data, told = archive.folder / "data", {"METS.xml"}
    for document in data.rglob("METS.xml"):
        root = ElementTree.parse(document).getroot()
        for element in [*root.iterfind(".//m:mdRef", METS), *root.iterfind(".//m:file", METS)]:
            place = element if element.get(HREF) else element.find("m:FLocat", METS)
            path = document.parent / place.get(HREF)
            assert element.get("CHECKSUM") == hashlib.sha256(path.read_bytes()).hexdigest()
            assert (element.get("SIZE"), element.get("CHECKSUMTYPE")) == (str(path.stat().st_size), "SHA-256")
            assert element.get("CREATED") == TIME
            told.add(path.relative_to(data).as_posix())
    assert told == {path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()}


def test_mets_is_laid_out_as_the_common_specification_asks(archive, contents):
    """The rules of E-ARK CSIP 2.1 that apply, by number; 113 (the schemas in the package) is not kept."""
    mets = read(archive, "METS.xml")
    assert (mets.get("OBJID"), mets.get("LABEL")) == (str(contents.identity), contents.title)  # 1
    assert mets.get("PROFILE").startswith("https://earkcsip.dilcis.eu/")  # 6
    head = mets.find("m:metsHdr", METS)
    assert head.get("CREATEDATE") == TIME and head.get(f"{{{METS['csip']}}}OAISPACKAGETYPE") == "AIP"  # 7, 9
    creator = head.find("m:agent[@ROLE='CREATOR']", METS)
    assert (creator.get("TYPE"), creator.get("OTHERTYPE")) == ("OTHER", "SOFTWARE")  # 12, 13
    assert mets.find("m:dmdSec/m:mdRef[@MDTYPE='EAD']", METS).get(HREF) == "metadata/descriptive/EAD.xml"  # 21 to 25
    preserved = mets.find("m:amdSec/m:digiprovMD/m:mdRef[@MDTYPE='PREMIS']", METS)
    assert preserved.get(HREF) == "metadata/preservation/PREMIS.xml"  # 35 to 39
    groups = {group.get("USE"): group.get("ID") for group in mets.iterfind("m:fileSec/m:fileGrp", METS)}
    assert list(groups) == ["Documentation", "Representations/rep1", "Representations/originals"]  # 60, 114
    assert len(mets.findall("m:structMap", METS)) == 1  # 80
    structure = mets.find("m:structMap", METS)
    assert (structure.get("TYPE"), structure.get("LABEL")) == ("PHYSICAL", "CSIP")  # 81, 82
    (top,) = structure  # 84
    divisions = {division.get("LABEL"): division for division in top}
    assert set(divisions["Metadata"].get("ADMID").split()) == {
        section.get("ID") for section in mets.iterfind("m:amdSec/m:digiprovMD", METS)}  # 91
    for name in ("rep1", "originals"):
        pointer = divisions[f"Representations/{name}"].find("m:mptr", METS)  # 105 to 110
        assert pointer.get(HREF) == f"representations/{name}/METS.xml"
    names = [element.get("ID") for element in mets.iter() if element.get("ID")]
    assert len(names) == len(set(names))


def test_premis_tells_originals_and_pdf_apart_with_both_checksums(archive, contents):
    premis = read(archive, "metadata/preservation/PREMIS.xml")
    objects = {item.findtext("p:originalName", None, PREMIS): item for item in premis.iterfind("p:object", PREMIS)}
    assert list(objects) == ["IMG_0.JPG", "ảnh, 1.JPG", "IMG\\udcff 2.JPG", "KH.1994.14800.03.pdf"]
    for item in objects.values():
        assert order(item) == [name for name in ORDER_OF_OBJECT if name in order(item)]
        path = archive.folder / "data" / item.findtext("p:objectIdentifier/p:objectIdentifierValue", None, PREMIS)
        known = digests(pieces_of(path))
        assert {element.text for element in item.iterfind(".//p:messageDigest", PREMIS)} == {known.sha256, known.sha512}
        assert item.findtext(".//p:size", None, PREMIS) == str(known.bytes)
    pdf = objects["KH.1994.14800.03.pdf"]
    assert pdf.findtext(".//p:formatRegistryKey", None, PREMIS) == "fmt/354"
    assert len(pdf.findall("p:relationship", PREMIS)) == len(contents.originals)


def test_premis_tells_who_did_what_in_vietnam_time(contents, tmp_path):
    sha256 = contents.originals[0].sha256
    log = ({"event": "received", "time": "2026-11-23T01:00:00+00:00", "sha256": sha256, "name": "a", "by": ""},
           {"event": "accepted", "time": TIME, "by": "Trần Thị Lan", "pages": {}}, {"event": "unheard_of", "time": TIME},
           {"event": "set_aside", "time": TIME, "name": "b", "code": "truncated"})
    written = write_archive(tmp_path / "out", replace(contents, log=log), ArchiveParams())
    premis = read(written, "metadata/preservation/PREMIS.xml")
    events = premis.findall("p:event", PREMIS)
    assert [order(event) for event in events] == [
        [name for name in ORDER_OF_EVENT if name in order(event)] for event in events]
    assert [(event.findtext("p:eventType", None, PREMIS), event.findtext("p:eventDateTime", None, PREMIS),
             event.findtext(".//p:eventOutcome", None, PREMIS)) for event in events[:3]] == [
        ("ingestion", "2026-11-23T08:00:00+07:00", "success"), ("quality review", TIME, "success"),
        ("validation", TIME, "failure")]
    (link,) = events[0].findall("p:linkingObjectIdentifier", PREMIS)
    assert sha256 in link.findtext("p:linkingObjectIdentifierValue", None, PREMIS)
    agents = {agent.findtext("p:agentName", None, PREMIS): agent.findtext("p:agentType", None, PREMIS)
              for agent in premis.iterfind("p:agent", PREMIS)}
    assert agents == {"sohoa 0.1.0": "software", "Trần Thị Lan": "person"}
    linked = {element.text for element in premis.iter("{http://www.loc.gov/premis/v3}linkingAgentIdentifierValue")}
    assert linked <= agents.keys()


def test_ead_and_bag_info_say_what_the_book_is_and_which_version(contents, tmp_path):
    sealed = replace(contents, version=2, closed=TIME, previous="ab" * 32)
    written = write_archive(tmp_path / "out", sealed, ArchiveParams())
    ead = read(written, "metadata/descriptive/EAD.xml")
    assert ead.findtext(".//{urn:isbn:1-931666-22-9}unittitle") == contents.title
    info = bagit.Bag(str(written.folder)).info
    assert (info["Version"], info["Closed"], info["Previous-Version"]) == ("2", TIME, "ab" * 32)


def test_a_bag_explains_itself_in_both_languages(archive):
    text = (archive.folder / "data" / "documentation" / "README.txt").read_text(encoding="utf-8")
    assert "GÓI LƯU TRỮ" in text and "ARCHIVE PACKAGE" in text and "sha256sum -c" in text


def test_names_that_xml_cannot_hold_do_no_harm(contents, tmp_path):
    first, *others = contents.originals
    odd = replace(first, name="a\x00\x0b<&>\ud800\n\"'.JPG")
    written = write_archive(tmp_path / "out", replace(contents, originals=(odd, *others)), ArchiveParams())
    assert verify(written.folder) == []


@pytest.mark.parametrize("name", ["representations/originals/data/{original}", "metadata/other/log.jsonl",
                                  "representations/rep1/METS.xml"])
def test_a_file_that_was_changed_with_all_checksums_made_to_fit_is_told_by_mets(archive, contents, name):
    name = name.format(original=contents.originals[0].path.name)
    path = archive.folder / "data" / name
    path.write_bytes(path.read_bytes() + b"\n")
    reseal(archive.folder)
    assert ("mets_differs", f"data/{name}") in problems(archive.folder)


@pytest.mark.parametrize("name", ["METS.xml", "representations/rep1/METS.xml", "metadata/preservation/PREMIS.xml",
                                  "metadata/other/pages.csv"])
def test_what_is_damaged_itself_is_not_asked_about_other_files(archive, name):
    document = archive.folder / "data" / name
    document.write_bytes(document.read_bytes()[:-40])
    assert [(item.code, item.facts["file"]) for item in verify(archive.folder)] == [("file_changed", f"data/{name}")]


def test_a_damaged_original_is_told_once(archive, contents):
    name = f"data/representations/originals/data/{contents.originals[0].path.name}"
    flip(archive.folder / name, 3, 0)
    assert [(item.code, item.facts["file"]) for item in verify(archive.folder)] == [("file_changed", name)]


def test_a_page_too_few_is_found_though_all_checksums_fit(archive, contents):
    recipe = f"metadata/other/recipes/{contents.pages[1].id}.json"
    (archive.folder / "data" / recipe).unlink()
    reseal(archive.folder)
    assert {("page_count", "data/representations/rep1/data/KH.1994.14800.03.pdf"),
            ("page_count", "data/metadata/other/pages.csv"), ("file_missing", f"data/{recipe}")} <= problems(archive.folder)


def test_a_missing_original_is_found_though_all_checksums_fit(archive, contents):
    original = contents.originals[2]
    (archive.folder / "data" / "representations" / "originals" / "data" / original.path.name).unlink()
    reseal(archive.folder)
    assert ("file_missing", f"data/representations/originals/data/{original.sha256}") in problems(archive.folder)


def test_the_pdf_of_another_book_is_found_though_all_checksums_fit(archive):
    pdf = archive.folder / "data" / "representations" / "rep1" / "data" / "KH.1994.14800.03.pdf"
    pdf.rename(pdf.with_name("KS.2001.14800.01.pdf"))
    reseal(archive.folder)
    assert ("name_of_other_book", "data/representations/rep1/data/KS.2001.14800.01.pdf") in problems(archive.folder)


@pytest.mark.parametrize("name", ["tagmanifest-sha256.txt", "tagmanifest-sha512.txt", "manifest-sha512.txt", "bag-info.txt"])
def test_a_missing_tag_file_is_found(archive, name):
    (archive.folder / name).unlink()
    assert ("file_missing", name) in problems(archive.folder)


@pytest.mark.parametrize("head, ending, media, key", [
    (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x02", ".jpg", "image/jpeg", "fmt/44"),
    (b"\xff\xd8\xff\xe1\0\x10Exif", ".jpg", "image/jpeg", ""),
    (b"II*\0", ".tif", "image/tiff", "fmt/353"), (b"\0\0\0\x18ftypheic", ".heic", "image/heic", "fmt/1101"),
    (b"%PDF-1.7", ".pdf", "application/pdf", ""), (b"{}", ".json", "application/json", "fmt/817"),
    (b"", ".bin", "application/octet-stream", ""),
])
def test_formats_are_told_by_their_first_bytes(tmp_path, head, ending, media, key):
    path = tmp_path / f"file{ending}"
    path.write_bytes(head + bytes(40) if head else b"")
    assert (format_of(path).media, format_of(path).key) == (media, key)

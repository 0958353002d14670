"""The light check of PDF/A-1b: our documents pass, and each rule that pictures, masks and signatures can break is known."""

import io

import pikepdf
import pytest

from bookpack.pdfa_check import broken_rules
from bookpack.verify import verify
from tests.bookpack.test_record import reseal

RULES = {
    "encryption": lambda pdf: None,
    "transparency": lambda pdf: pdf.pages[0].Resources.XObject.update({"/M": mask_image(pdf, soft=True)}),
    "JPXDecode": lambda pdf: pdf.pages[0].Resources.XObject.update({"/J": image(pdf, Filter=pikepdf.Name.JPXDecode)}),
    "LZWDecode": lambda pdf: pdf.pages[0].Resources.XObject.update({"/J": image(pdf, Filter=pikepdf.Name.LZWDecode)}),
    "interpolation": lambda pdf: pdf.pages[0].Resources.XObject.update({"/I": image(pdf, Interpolate=True)}),
    "output intent": lambda pdf: pdf.Root.__delitem__("/OutputIntents"),
    "metadata": lambda pdf: pdf.Root.__delitem__("/Metadata"),
    "title": lambda pdf: pdf.docinfo.update({"/Title": "Sổ khác"}),
    "optional content": lambda pdf: pdf.Root.update({"/OCProperties": pikepdf.Dictionary()}),
    "font that is not embedded": lambda pdf: pdf.pages[0].Resources.update({"/Font": pikepdf.Dictionary(F=pdf.make_indirect(
        pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)))}),
    "action": lambda pdf: pdf.Root.update({"/OpenAction": pdf.make_indirect(
        pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)"))}),
}


def image(pdf, **entries):
    return pdf.make_stream(b"\0", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=1, Height=1,
                           BitsPerComponent=8, ColorSpace=pikepdf.Name.DeviceGray, **entries)


def mask_image(pdf, soft):
    mask = pdf.make_stream(b"\0", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=1, Height=1,
                           BitsPerComponent=1, ImageMask=True)
    return image(pdf, **({"SMask": image(pdf)} if soft else {"Mask": mask}))


def saved(pdf, encryption=False):
    file = io.BytesIO()
    plain = {"stream_decode_level": pikepdf.StreamDecodeLevel.none, "compress_streams": False}
    pdf.save(file, encryption=encryption, object_stream_mode=pikepdf.ObjectStreamMode.disable,
             **({} if encryption else plain))
    return file


@pytest.fixture
def book(archive):
    return next(archive.folder.rglob("*.pdf"))


def test_the_books_own_document_keeps_every_rule(book):
    assert broken_rules(book) == []


def test_stencil_masks_and_explicit_masks_are_allowed(book):
    with pikepdf.open(book) as pdf:
        pdf.pages[0].Resources.XObject["/Stencil"] = mask_image(pdf, soft=False)
        assert broken_rules(saved(pdf)) == []


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_that_is_broken_is_named(book, rule):
    with pikepdf.open(book) as pdf:
        RULES[rule](pdf)
        assert rule in broken_rules(saved(pdf, pikepdf.Encryption(owner="o", user="") if rule == "encryption" else False))


def test_compressed_tables_of_objects_are_younger_than_pdf_a(book):
    with pikepdf.open(book) as pdf:
        file = io.BytesIO()
        pdf.save(file, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert broken_rules(file) == ["cross-reference table"]


def test_verify_says_which_document_is_no_pdfa(archive, book):
    with pikepdf.open(book, allow_overwriting_input=True) as pdf:
        del pdf.Root["/OutputIntents"]
        pdf.save(book, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    reseal(archive.folder)
    found = [item for item in verify(archive.folder) if item.code == "not_pdfa"]
    assert [(item.facts["file"].rpartition("/")[2], item.facts["rule"]) for item in found] == [(book.name, "output intent")]

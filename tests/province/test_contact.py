"""The contact sheet: A4 pages with before, after and both outlines, whatever the pictures are like."""

import io
import sys
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from changed_pages import box, moved, page

from imaging import decode
from province.changes import compare
from province.contact import AFTER, BEFORE, PICTURE_MM, Shown, contact

BOOK = "KS.1998.14800.03"
RED, GREEN = (200, 40, 40), (40, 160, 60)


def jpeg(colour, size=(1050, 1485), **facts):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG", **facts)
    return buffer.getvalue()


def change(**changes):
    (found,) = compare([page()], [page(**changes)], BOOK, {"abcd1234-L": 7})
    return found


MOVED = change(corners=moved(box(100, 100, 1900, 2800), 0, 0), gutter=((2300.0, 0.0), (2300.0, 2970.0)))
TONED = change(tone={})


def opened(data):
    return np.array(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def holds(pixels, colour, least=30):
    """Whether at least so many pixels are nearly of this colour: JPEG blurs it."""
    return int((np.abs(pixels - colour).max(axis=2) < 40).sum()) >= least


def sheets(pdf):
    """Size in mm and pixels, 72 an inch, of each."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        drawn = [(one.get_size(), one.render(scale=1).to_pil()) for one in document]
    finally:
        document.close()
    return [(tuple(round(side / 72 * 25.4) for side in size), np.array(image).astype(int)) for size, image in drawn]


def test_three_pages_stand_on_a_sheet_of_a4():
    made = contact([Shown(TONED, jpeg(RED), jpeg(GREEN))] * 7, "vi")
    found = sheets(made.pdf)
    assert [size for size, _ in found] == [(210, 297)] * 3
    assert len(made.pictures) == 7
    for _, pixels in found:
        assert holds(pixels, RED, 1000)
        assert holds(pixels, GREEN, 1000)


def test_without_changes_there_is_no_sheet():
    assert contact([], "vi") == contact(iter(()), "en")
    assert contact([], "vi").pdf == b""


def test_the_same_pages_give_the_same_bytes():
    shown = Shown(MOVED, jpeg(RED), jpeg(GREEN), jpeg((240, 230, 210), (4200, 2970)))
    assert contact([shown], "vi") == contact([shown], "vi")


def test_before_stands_beside_after():
    ((_, pixels),) = sheets(contact([Shown(TONED, jpeg(RED), jpeg(GREEN))], "en").pdf)
    columns = [np.nonzero((np.abs(pixels - colour).max(axis=2) < 40).any(axis=0))[0] for colour in (RED, GREEN)]
    assert columns[0].max() < columns[1].min()
    rows = [np.nonzero((np.abs(pixels - colour).max(axis=2) < 40).any(axis=1))[0] for colour in (RED, GREEN)]
    assert abs(rows[0].min() - rows[1].min()) <= 1


def test_both_outlines_and_gutters_are_drawn_on_the_original():
    ((pictures),) = contact([Shown(MOVED, jpeg(RED), jpeg(GREEN), jpeg((255, 255, 255), (4200, 2970)))], "vi").pictures
    drawn = opened(pictures.jpegs["original"])
    assert holds(drawn, BEFORE)
    assert holds(drawn, AFTER)
    height, width = drawn.shape[:2]
    assert width / height == pytest.approx(4200 / 2970, abs=0.02)
    blue = np.nonzero((np.abs(drawn - AFTER).max(axis=2) < 60).any(axis=0))[0] / width * 4200
    assert blue.min() == pytest.approx(100, abs=30)
    assert blue.max() == pytest.approx(2300, abs=30)


def test_the_original_is_drawn_upright():
    turned = jpeg((255, 255, 255), (2970, 4200), exif=_turned())
    (pictures,) = contact([Shown(MOVED, jpeg(RED), jpeg(GREEN), turned)], "vi").pictures
    height, width = opened(pictures.jpegs["original"]).shape[:2]
    assert width > height


def _turned():
    exif = Image.Exif()
    exif[274] = 6
    return exif


def test_the_original_is_not_shown_where_nothing_moved():
    (pictures,) = contact([Shown(TONED, jpeg(RED), jpeg(GREEN), jpeg((255, 255, 255), (4200, 2970)))], "vi").pictures
    assert set(pictures.jpegs) == {"before", "after"}


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_new_page_has_nothing_before_and_one_that_is_gone_nothing_after(language):
    new, gone = compare([], [page()], BOOK)[0], compare([page()], [], BOOK)[0]
    first, other = contact([Shown(new, None, jpeg(GREEN)), Shown(gone, jpeg(RED), None)], language).pictures
    assert (set(first.jpegs), set(other.jpegs)) == ({"after"}, {"before"})


@pytest.mark.parametrize("spoilt", [b"", b"no picture", jpeg(RED)[:2000]])
def test_a_picture_that_cannot_be_read_costs_no_sheet(spoilt):
    made = contact([Shown(MOVED, spoilt, jpeg(GREEN), spoilt), Shown(TONED, jpeg(RED), jpeg(GREEN))], "vi")
    assert [set(one.jpegs) for one in made.pictures] == [{"after"}, {"before", "after"}]
    assert len(sheets(made.pdf)) == 1


def test_both_pages_are_shown_at_one_scale():
    smaller = change(size=(1050, 1485))
    (pictures,) = contact([Shown(smaller, jpeg(RED), jpeg(GREEN, (1050, 1485)))], "vi").pictures
    before, after = (opened(pictures.jpegs[name]).shape for name in ("before", "after"))
    sheet = sheets(contact([Shown(smaller, jpeg(RED), jpeg(GREEN))], "vi").pdf)[0][1]
    heights = [np.ptp(np.nonzero((np.abs(sheet - colour).max(axis=2) < 40).any(axis=1))[0]) for colour in (RED, GREEN)]
    assert heights[0] / heights[1] == pytest.approx(2, abs=0.05)
    assert heights[0] == pytest.approx(min(PICTURE_MM[1], PICTURE_MM[0] * 297 / 210) / 25.4 * 72, abs=3)
    assert before[1] > 0 < after[1]


def test_pages_are_decoded_no_larger_than_they_are_shown(monkeypatch):
    asked = []

    def listening(data, frame=0, reduce=1, *rest):
        asked.append(reduce)
        return real(data, frame, reduce, *rest)

    real = decode.decode
    monkeypatch.setattr(decode, "decode", listening)
    contact([Shown(TONED, jpeg(RED, (4200, 5940)), jpeg(GREEN, (1050, 1485)))], "vi")
    assert asked == [8, 2]


def test_long_words_and_names_stay_on_the_sheet():
    long = change(warnings=("glare", "blurred", "uneven_light", "object_on_page", "motion_blur", "clipped", "lost_ink",
                            "gutter_unsure", "content_at_edge", "low_resolution", "skew_large", "too_dark"))
    ((_, pixels),) = sheets(contact([Shown(long, jpeg(RED), jpeg(GREEN))], "vi").pdf)
    assert (pixels[:, -15:] > 240).all()

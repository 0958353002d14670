"""Changes in words and numbers: the table, the workbook, the tally, and the page of HTML."""

import csv
import io
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from openpyxl import load_workbook

sys.path.insert(0, str(Path(__file__).parent))
from changed_pages import box, moved, page

from province import change_table
from province.change_page import page as html_page
from province.change_table import COLUMNS, Tally, bands, csv_of, row, signed, words, workbook
from province.changes import compare
from province.contact import Pictures
from texts import catalogue

BOOK = "KS.1998.14800.03"
LANGUAGES = ("vi", "en")


def change(number=0, **changes):
    capture = f"{number:08x}"
    (found,) = compare([page(capture)], [page(capture, **changes)], BOOK, {f"{capture}-L": number + 1})
    return found


NEW, GONE = compare([], [page()], BOOK)[0], compare([page()], [], BOOK)[0]
SPLIT = compare([page(side="whole")], [page(), page(side="right")], BOOK)
MANY = change(angle=0.46, gutter=((2160.0, 0.0), (2160.0, 2970.0)), corners=moved(box(), 12, 0), size=(2205, 2970),
              warnings=("glare", "gutter_unsure"), stages={"tone": "z"}, tone=page().tone | {"paper": 100},
              jpeg_bytes=600_000)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("one", [NEW, GONE, MANY, *SPLIT, change(angle=90.0), change(gutter=None, warnings=("x",)),
                                 change(stages={}), change(tone={})])
def test_every_change_has_words(one, language):
    told = words(one, language)
    assert told
    assert all(told)
    assert not any("⟨" in said for said in told)


def test_words_are_those_of_the_language():
    assert words(MANY, "vi") == ["góc nghiêng +0,46°", "đường gáy dời 6,0 mm", "mép trang dời 1,2 mm",
                                 "rộng +5,0%, cao 0,0%", "cảnh báo mới: lóa sáng, không chắc đường gáy",
                                 "màu và nét mực khác trước", "dung lượng +50%"]
    assert words(MANY, "en")[:2] == ["angle +0.46°", "gutter moved by 6.0 mm"]
    assert words(SPLIT[0], "vi") == ["trang mới: ảnh nay được chia trang khác trước"]
    assert words(change(stages={"deskew": "z"}), "vi") == ["thay đổi rất nhỏ"]


@pytest.mark.parametrize(("value", "decimals", "told"), [
    (1234.56, 1, "+1.234,6"), (-0.04, 1, "0,0"), (-0.5, 2, "−0,50"), (0, 0, "0")])
def test_a_number_with_its_sign(value, decimals, told):
    assert signed(value, decimals, "vi") == told


def read(chunks):
    data = b"".join(chunks)
    assert data.startswith("\ufeff".encode())
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_the_table_has_a_row_for_each_change_and_opens_in_a_spreadsheet():
    rows = read(csv_of([MANY, NEW], "vi"))
    head = {name: catalogue("vi")["changes"][f"column_{name}"] for name in COLUMNS}
    assert [one[head["page"]] for one in rows] == ["00000000-L", "abcd1234-L"]
    first, new = rows
    assert (float(first[head["degrees"]]), float(first[head["gutter_mm"]])) == (0.46, 6.0)
    assert first[head["words"]] == "; ".join(words(MANY, "vi"))
    assert (first[head["number"]], new[head["number"]], new[head["degrees"]], new[head["bytes_before"]]) == ("1", "", "", "")


def test_a_long_table_comes_in_pieces_and_lacks_nothing():
    changes = [change(number, angle=1.0) for number in range(change_table.ALL_AT_ONCE * 2 + 3)]
    chunks = list(csv_of(iter(changes), "en"))
    assert len(chunks) == 3
    assert [one["Page"] for one in read(chunks)] == [one.page for one in changes]


def test_the_table_without_changes_has_its_heads():
    assert read(csv_of([], "vi")) == []
    assert len(b"".join(csv_of([], "vi")).splitlines()) == 1


def test_the_workbook_is_ready_to_be_sorted():
    sheet = load_workbook(io.BytesIO(workbook([MANY, NEW], "vi"))).active
    assert sheet.auto_filter.ref == f"A1:{sheet.cell(1, len(COLUMNS)).column_letter}3"
    assert [cell.value for cell in sheet[2]] == [value if value != "" else None for value in row(MANY, "vi")]


def tally_of(*changes):
    tally = Tally(pages=20)
    for one in changes:
        tally.add(one)
    return tally


def test_a_tally():
    plain = tally_of(MANY, NEW, GONE, *SPLIT, change(1, angle=5.0), change(2, angle=-0.2)).to_json()
    assert (plain["pages"], plain["changed"], plain["new"], plain["gone"], plain["other_layout"]) == (20, 8, 3, 2, 3)
    assert plain["came"] == {"glare": 1, "gutter_unsure": 1}
    assert plain["bands"]["degrees"] == [0, 1, 1, 0, 1]
    assert plain["bands"]["gutter_mm"] == [2, 0, 0, 0, 1]
    assert plain["stages"] == {"deskew": 1, "crop": 1, "tone": 1}
    assert plain["bytes_after"] - plain["bytes_before"] == 200_000 + 400_000


def test_a_tally_lists_the_most_changed_and_stays_small(monkeypatch):
    monkeypatch.setattr(change_table, "LISTED", 3)
    tally = tally_of(*(change(number, angle=1.0 + number % 5) for number in range(20)))
    assert [(one.degrees, one.number) for one in tally.listed] == [(5.0, 5), (5.0, 10), (5.0, 15)]
    assert tally.changed == 20


def test_bands_have_names():
    assert bands("gutter_mm", "vi") == ["≤ 0,5", "0,5 – 1,0", "1,0 – 2,0", "2,0 – 5,0", "> 5,0"]


class Seen(HTMLParser):
    """Tags, text and sources of a page; tags that do not close are told."""

    def __init__(self, data):
        super().__init__()
        self.tags, self.open, self.text, self.sources = [], [], [], []
        self.feed(data.decode("utf-8"))
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone(language):
    pictures = [Pictures(MANY, {"before": b"a", "after": b"b", "original": b"c"}), Pictures(NEW, {"after": b"d"})]
    seen = Seen(html_page(tally_of(MANY, NEW), pictures, language))
    assert "script" not in seen.tags
    assert len(seen.sources) == 4
    assert all(source.startswith("data:image/jpeg;base64,") for source in seen.sources)
    text = " ".join(seen.text)
    assert "⟨" not in text
    for one in (MANY, NEW):
        assert seen.text.count("; ".join(words(one, language))) == 2
    assert catalogue(language)["changes"]["no_before"] in text


def test_the_page_says_how_many_it_does_not_list(monkeypatch):
    monkeypatch.setattr("province.change_page.SHOWN_ROWS", 2)
    text = " ".join(Seen(html_page(tally_of(*(change(number, angle=1.0) for number in range(5))), [], "en")).text)
    assert "the 2 most changed of 5 pages" in text


def test_the_page_of_a_job_that_changed_nothing_says_so():
    text = " ".join(Seen(html_page(tally_of(), [], "vi")).text)
    assert catalogue("vi")["changes"]["nothing"] in text

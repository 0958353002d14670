"""What only the whole book shows is known before a person looks, and nobody had to pack for it."""

import io
import time

import pytest
from PIL import Image

from book import Identity
from bookwork import Work
from lighttable import table
from settings import load
from tests.stations import StationRun
from workplace import Workplace

BOOK = "KS.2009.14800.01"


@pytest.fixture
def station(tmp_path):
    run = StationRun(tmp_path).start()
    yield run
    run.stop()


def test_a_page_captured_twice_is_told_of_behind_the_capture(station, small_pages):
    first = small_pages / "IMG_12.jpg"
    again = io.BytesIO()
    with Image.open(first) as image:
        image.resize((image.width * 9 // 10, image.height * 9 // 10)).save(again, "JPEG", quality=70)
    (station.folder / "again.jpg").write_bytes(again.getvalue())
    station.put(BOOK, first, small_pages / "IMG_16.jpg", station.folder / "again.jpg")
    station.wait_for("developed", 3)
    work = Work(Workplace(station.store), Identity.parse(BOOK), load(), develop=False)
    assert not table(work).settled
    deadline = time.monotonic() + 60
    while not table(work).settled:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    doubles = [page.source.rpartition("/")[2] for page in table(work).pages
               if "double_page" in {finding.code for finding in page.findings}]
    assert sorted(doubles) == ["IMG_12.jpg", "again.jpg"]
    assert not (station.store / "packages").exists()


def test_what_was_said_while_no_station_ran_is_developed_when_one_runs_again(station, small_pages):
    import review

    station.put(BOOK, small_pages / "IMG_16.jpg")
    station.wait_for("developed")
    station.stop()
    work = Work(Workplace(station.store), Identity.parse(BOOK), load(), develop=False)
    page = table(work).pages[0]
    review.correct(work, page.id, {"tone": {"strength": "strong"}}, "page", "Lê Văn Mẫu")
    assert table(work).pages[0].developing
    station.lines.clear()
    station.start()
    station.wait_for("developed")
    assert not table(work).pages[0].developing

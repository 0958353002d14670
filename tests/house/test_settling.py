"""What only the whole book shows is known before a person looks, and nobody had to pack for it."""

import io
import time

import pytest
from PIL import Image

from book import Identity
from bookwork import Work
from lighttable import table
from settings import load
from tests.stations import ROOT, StationRun
from workplace import Workplace

BOOK = "KS.2009.14800.01"


@pytest.fixture
def station(tmp_path):
    run = StationRun(tmp_path).start()
    yield run
    run.stop()


def test_a_page_captured_twice_is_told_of_behind_the_capture(station):
    first = ROOT / "samples" / "pages" / "forms-2009" / "EPSON031.jpg"
    again = io.BytesIO()
    with Image.open(first) as image:
        image.resize((image.width * 9 // 10, image.height * 9 // 10)).save(again, "JPEG", quality=70, dpi=(270, 270))
    (station.folder / "again.jpg").write_bytes(again.getvalue())
    station.put(BOOK, first, ROOT / "samples" / "pages" / "forms-2009" / "EPSON032.jpg", station.folder / "again.jpg")
    station.wait_for("developed", 3)
    work = Work(Workplace(station.store), Identity.parse(BOOK), load(), develop=False)
    assert not table(work).settled
    deadline = time.monotonic() + 60
    while not table(work).settled:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    doubles = [page.source.rpartition("/")[2] for page in table(work).pages
               if "double_page" in {finding.code for finding in page.findings}]
    assert sorted(doubles) == ["EPSON031.jpg", "again.jpg"]
    assert not (station.store / "packages").exists()


def test_what_was_said_while_no_station_ran_is_developed_when_one_runs_again(station):
    import review

    station.put(BOOK, ROOT / "samples" / "pages" / "forms-2009" / "EPSON032.jpg")
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

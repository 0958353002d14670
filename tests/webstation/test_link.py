"""The line between an open page and the station: lost, found again, or ended."""

import re
from dataclasses import replace

from tests.stations import until

BOOK = "KS.2009.14800.01"
LEAVE = """() => fetch('/leave', {method: 'POST', body: '{}',
    headers: {'Content-Type': 'application/json', 'X-Sohoa': document.body.dataset.token}})"""


def test_a_page_whose_person_has_left_elsewhere_comes_to_the_entrance(desk, station, small_pages):
    desk.goto(station.root + "/people")  # a screen that asks nothing by itself
    desk.evaluate(LEAVE)
    station.put(BOOK, small_pages / "IMG_12.jpg")
    station.wait_for("received")
    desk.wait_for_url(station.root + "/", timeout=30_000)


def test_a_page_that_outlives_its_station_comes_to_the_entrance_of_the_next_one(desk, station):
    desk.goto(station.root + "/people")
    until(desk, "document.getElementById('link').hidden")
    port = re.search(r":(\d+)", station.root)[1]
    station.stop()
    until(desk, "!document.getElementById('link').hidden")
    next_one = replace(station, config=station.config.replace("port: 0", f"port: {port}"), lines=[]).start()
    try:
        desk.wait_for_url(station.root + "/", timeout=30_000)
    finally:
        next_one.stop()

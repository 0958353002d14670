"""What must hold of developing for any book: recipes replay, workers change nothing, no page is lost or doubled."""

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import pipeline
from book import Identity, Recipe, canonical_json
from capture.folder import find_images
from imaging.decode import read_header
from imaging.opening import first_view
from imaging.stages import Plan, decide, develop_page, geometry
from settings import load

BOOK = Identity.parse("KH.1990.14800.01")
PARTS = ("originals", "pages", "books", "packages")


def silent(*_):
    pass


def opened(path):
    data = path.read_bytes()
    header = read_header(data)
    return first_view(data, header), header.frames[0]


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for part in PARTS for path in sorted((folder / part).rglob("*")) if path.is_file()}


@pytest.mark.parametrize("number", range(4))
def test_a_recipe_read_from_its_json_gives_the_same_pixels(small_pages, number):
    path = sorted(small_pages.iterdir())[number]
    view, frame = opened(path)
    for _, recipe in decide(view, Plan(load(None).stages), "0" * 64):
        again = Recipe.from_json(json.loads(canonical_json(recipe.to_json())))
        assert again.digest == recipe.digest
        one, map_one = develop_page(view.full(), recipe, frame.orientation, frame.dpi)
        other, map_other = develop_page(opened(path)[0].full(), again, frame.orientation, frame.dpi)
        assert np.array_equal(one, other)
        assert np.array_equal(map_one.matrix, map_other.matrix)


@pytest.mark.parametrize("number", range(4))
def test_the_page_shows_what_the_last_stage_looked_at(small_pages, number):
    """The views that decisions were made from and the rendered page are the same place of the capture."""
    view, frame = opened(sorted(small_pages.iterdir())[number])
    for last, recipe in decide(view, Plan(load(None).stages), "0" * 64):
        composed = geometry(recipe, frame_size(frame), frame.orientation, frame.dpi)
        assert composed.size == last.frame.size
        corners = np.array([[0, 0], [composed.size[0], 0], composed.size, [0, composed.size[1]]], float)
        assert np.abs(composed.points_back(corners) - last.frame.points_back(corners)).max() < 0.01


def frame_size(frame):
    return frame.width, frame.height


@pytest.fixture(scope="module")
def by_one_worker(small_pages, tmp_path_factory):
    return processed(small_pages, tmp_path_factory.mktemp("one") / "out", 1)


def processed(folder, out, jobs):
    os.environ["SOURCE_DATE_EPOCH"] = "1790000000"
    try:
        pipeline.process([folder], BOOK, out, load(None), jobs, silent)
    finally:
        del os.environ["SOURCE_DATE_EPOCH"]
    return files(out)


@pytest.fixture(scope="module")
def out_of_two_workers(small_pages, tmp_path_factory):
    out = tmp_path_factory.mktemp("two") / "out"
    processed(small_pages, out, 2)
    return out


def test_two_workers_write_the_bytes_of_one(by_one_worker, out_of_two_workers):
    assert files(out_of_two_workers) == by_one_worker


def test_more_workers_than_pages_do_so_too(small_pages, by_one_worker, tmp_path):
    assert processed(small_pages, tmp_path / "out", 5) == by_one_worker


def test_a_cache_that_is_gone_is_made_again_with_the_same_bytes(small_pages, by_one_worker, out_of_two_workers, tmp_path):
    out = shutil.copytree(out_of_two_workers, tmp_path / "out")
    for path in (out / "pages").iterdir():
        path.unlink()
    assert processed(small_pages, out, 2) == by_one_worker


stems = st.text(alphabet="AbIMG_-19 0độ.", min_size=1, max_size=12)
names = st.lists(stems, min_size=1, max_size=12, unique_by=str.casefold)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=names, seed=st.randoms(use_true_random=False))
def test_the_order_is_a_permutation_and_does_not_depend_on_how_files_came(tmp_path_factory, names, seed):
    folder = tmp_path_factory.mktemp("names")
    png = io.BytesIO()
    Image.new("L", (3, 2)).save(png, "PNG")
    paths = [folder / f"x{name}.png" for name in names]
    for path in paths:
        path.write_bytes(png.getvalue())
    shuffled = list(paths)
    seed.shuffle(shuffled)
    found, skipped = find_images(shuffled, store=Path("/nowhere"))
    ordered, _ = find_images([folder], store=Path("/nowhere"))
    assert not skipped
    assert sorted(arrival.name for arrival in found) == sorted(path.name for path in paths)
    assert [arrival.name for arrival in found] == [arrival.name for arrival in ordered]

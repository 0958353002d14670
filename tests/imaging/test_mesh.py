"""A mesh maps there and back, is composed like any other geometry, and what is rendered through it lies where it says."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from imaging.geometry import Geometry
from imaging.mesh import Mesh
from imaging.render import render
from imaging.view import View

SIZE = (400, 300)
EXTENT = np.array(SIZE) - 1.0


def bend(points):
    """A flat sheet of SIZE as a picture of it bent: wavy, and larger on the right."""
    u, v = (np.asarray(points, float) / EXTENT).T
    x = 60 + 420 * u + 60 * u * v + 12 * np.sin(3 * v)
    y = 40 + 330 * v * (0.8 + 0.3 * u) + 25 * np.sin(np.pi * u)
    return np.column_stack([x, y])


def mesh(rows=13, columns=17, size=SIZE):
    x, y = np.meshgrid(np.linspace(0, size[0] - 1, columns), np.linspace(0, size[1] - 1, rows))
    return Mesh.of(bend(np.column_stack([x.ravel(), y.ravel()])).reshape(rows, columns, 2), size)


def somewhere(seed, low=0.0, high=1.0, count=200):
    return np.random.default_rng(seed).uniform(low, high, (count, 2)) * EXTENT


def test_it_goes_smoothly_through_its_nodes():
    points = somewhere(1)
    assert np.abs(mesh().bent(points) - bend(points)).max() < 0.15
    corners = np.array([[0, 0], [399, 0], [399, 299], [0, 299]])
    assert mesh().bent(corners) == pytest.approx(bend(corners), abs=1e-9)


@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-0.15, 1.15)], ids=["on the sheet", "beside it"])
def test_it_maps_there_and_back(low, high):
    points = somewhere(2, low, high)
    assert np.abs(mesh().flat(mesh().bent(points)) - points).max() < 1e-2


def test_far_away_it_goes_on_straight():
    out = mesh().bent([[800.0, 150], [900, 150], [1000, 150]])
    assert out[2] - out[1] == pytest.approx(out[1] - out[0], abs=1e-9)


def test_of_no_points_it_makes_none():
    assert mesh().flat(np.empty((0, 2))).shape == mesh().bent(np.empty((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("nodes", [np.zeros((2, 3, 2)), np.zeros((3, 3)), np.full((3, 3, 2), np.nan)])
def test_what_is_no_mesh_is_refused(nodes):
    with pytest.raises(ValueError, match="no mesh"):
        Mesh.of(nodes, (10, 10))


def test_a_mesh_is_composed_with_what_comes_before_and_after():
    before, after = Geometry.levelling(7, (640, 480)), Geometry.crop((10, 20, 300, 250), dpi=300)
    whole = before.then(Geometry.flattening(mesh())).then(after)
    points = somewhere(3)
    stored = before.points_back(mesh().bent(points))
    assert whole.points(stored) == pytest.approx(after.points(points), abs=1e-2)
    assert whole.points_back(after.points(points)) == pytest.approx(stored, abs=1e-6)
    assert (whole.size, whole.dpi) == ((290, 230), 300)


def test_a_sheet_is_flattened_once():
    once = Geometry.flattening(mesh())
    with pytest.raises(ValueError, match="once"):
        once.then(once)


def test_the_map_of_a_box_is_that_of_its_points():
    geometry = Geometry.flattening(mesh()).then(Geometry.levelling(2, SIZE))
    x, y = geometry.map_back(30, 50, 207, 149)
    assert x.shape == y.shape == (99, 177)
    exact = geometry.points_back([[30 + 100, 50 + 40], [30 + 176, 50 + 98], [30, 50]])
    got = [[part[row, column] for part in (x, y)] for row, column in ((40, 100), (98, 176), (0, 0))]
    assert np.abs(np.array(got) - exact).max() < 0.05


@pytest.mark.parametrize("factor", [1.0, 0.3], ids=["full", "much smaller"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_rendered_lies_where_the_mesh_says(channels, factor):
    dots = somewhere(4, 0.05, 0.95, 12)
    source = np.zeros((480, 640), np.float32)
    for x, y in bend(dots):
        cv2.circle(source, (round(x * 16), round(y * 16)), 5 * 16, 255, -1, cv2.LINE_AA, 4)
    pixels = source.astype(np.uint8) if channels == 1 else np.dstack([source.astype(np.uint8)] * 3)
    geometry = Geometry.flattening(mesh()).then(Geometry.scaling(factor, (round(400 * factor), round(300 * factor))))
    page = render(pixels, geometry, fill=(0, 0, 0))
    grey = page if channels == 1 else page[..., 0]
    assert grey.shape == geometry.size[::-1]
    for x, y in geometry.points(bend(dots)):
        left, top = int(x - 8 * factor), int(y - 8 * factor)
        part = grey[max(0, top) : top + round(16 * factor) + 1, max(0, left) : left + round(16 * factor) + 1].astype(float)
        rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
        middle = np.array([(columns * part).sum(), (rows * part).sum()]) / part.sum() + (max(0, left), max(0, top))
        assert np.hypot(*(middle - (x, y))) < 0.6


def test_large_pages_are_made_of_tiles_without_seams(monkeypatch):
    pixels = np.random.default_rng(5).integers(0, 256, (480, 640), np.uint8)
    whole = render(pixels, Geometry.flattening(mesh()))
    monkeypatch.setattr("imaging.render.MESH_TILE", 64)
    assert np.abs(render(pixels, Geometry.flattening(mesh())).astype(int) - whole).mean() < 0.5


def test_beyond_the_capture_there_is_the_fill():
    page = render(np.zeros((50, 50, 3), np.uint8), Geometry.flattening(mesh()), fill=(1, 2, 3))
    assert (page[-1, -1] == (1, 2, 3)).all()
    far = Geometry.flattening(mesh()).then(Geometry.crop((5000, 5000, 5020, 5010)))
    assert (render(np.zeros((50, 50), np.uint8), far) == 255).all()


def test_a_view_shows_the_flat_sheet():
    source = np.full((480, 640, 3), 255, np.uint8)
    outline = [(x, 100) for x in range(100, 301)] + [(x, 200) for x in range(300, 99, -1)]
    cv2.fillPoly(source, [np.round(bend(outline)).astype(int)], (0, 0, 0))
    view = View.of(source)
    flat = replace(view, frame=view.frame.then(Geometry.flattening(mesh())))
    assert flat.colour.shape == (300, 400, 3)
    dark = np.argwhere(flat.grey < 128)
    assert dark.min(0) == pytest.approx([100, 100], abs=2.5) and dark.max(0) == pytest.approx([200, 300], abs=2.5)
    assert flat.inside.min() == 255
    assert flat.frame.points(bend([[100, 100]]))[0] == pytest.approx([100, 100], abs=0.05)

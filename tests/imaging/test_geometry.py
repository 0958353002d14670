"""Geometry: composition, inverse, and what each constructor promises."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.geometry import Geometry

sizes = st.tuples(st.integers(2, 5000), st.integers(2, 5000))
degrees = st.floats(-45, 45)
points = st.lists(st.tuples(st.floats(0, 5000), st.floats(0, 5000)), min_size=1, max_size=6)


@st.composite
def geometries(draw):
    size = draw(sizes)
    kind = draw(st.sampled_from(["exif", "level", "crop", "scale", "rectify"]))
    if kind == "exif":
        return Geometry.exif(draw(st.integers(0, 9)), size)
    if kind == "level":
        return Geometry.levelling(draw(degrees), size)
    if kind == "crop":
        left, top = draw(st.integers(-50, 50)), draw(st.integers(-50, 50))
        return Geometry.crop((left, top, left + size[0], top + size[1]))
    if kind == "scale":
        factor = draw(st.floats(0.1, 4))
        return Geometry.scaling(factor, (max(1, int(size[0] * factor)), max(1, int(size[1] * factor))))
    width, height = size
    shift = draw(st.floats(0, 0.2))
    corners = [[width * shift, 0], [width, height * shift], [width * (1 - shift), height], [0, height * (1 - shift)]]
    return Geometry.rectifying(corners, size)


@given(geometries(), points)
def test_points_back_undo_points(geometry, some):
    assert geometry.points_back(geometry.points(some)) == pytest.approx(np.array(some), abs=1e-3)


@given(geometries(), points)
def test_inverse_undoes_the_map(geometry, some):
    there = geometry.points(some)
    assert geometry.inverse((10, 10)).points(there) == pytest.approx(np.array(some), abs=1e-3)


@given(geometries(), geometries(), geometries(), points)
def test_composition_is_associative_and_is_one_after_the_other(first, second, third, some):
    left = first.then(second).then(third)
    right = first.then(second.then(third))
    stepwise = third.points(second.points(first.points(some)))
    near = np.all(np.abs(stepwise) < 1e5)  # points near a vanishing line are anywhere
    if near:
        assert left.points(some) == pytest.approx(stepwise, abs=1e-2)
        assert right.points(some) == pytest.approx(stepwise, abs=1e-2)
    assert left.size == third.size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_agrees_with_pillow(orientation):
    from PIL import Image, ImageOps

    stored = np.arange(6, dtype=np.uint8).reshape(2, 3)
    image = Image.fromarray(stored)
    image.getexif()[0x0112] = orientation
    shown = np.array(ImageOps.exif_transpose(image))
    geometry = Geometry.exif(orientation, (3, 2))
    assert geometry.size == (shown.shape[1], shown.shape[0])
    for y in range(2):
        for x in range(3):
            column, row = geometry.points([[x, y]])[0].round().astype(int)
            assert shown[row, column] == stored[y, x]


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_exif_does_not_know_changes_nothing(orientation):
    assert Geometry.exif(orientation, (30, 20)) == Geometry.identity((30, 20))


@given(st.floats(-30, 30).filter(lambda angle: abs(angle) > 1e-3), sizes)
def test_levelling_levels_a_line_that_falls_to_the_right(angle, size):
    geometry = Geometry.levelling(angle, size)
    fall = math.tan(math.radians(angle))
    (x0, y0), (x1, y1) = geometry.points([[0, 0], [100, 100 * fall]])
    assert y1 == pytest.approx(y0, abs=1e-6)
    assert x1 > x0


@given(degrees, sizes)
def test_levelling_loses_no_corner(angle, size):
    geometry = Geometry.levelling(angle, size)
    corners = geometry.points(Geometry.identity(size).corners)
    assert corners.min() > -0.6
    assert (corners < np.array(geometry.size) - 0.4).all()


def test_rectifying_sets_corners_on_corners():
    corners = [[10, 20], [410, 5], [430, 300], [0, 310]]
    geometry = Geometry.rectifying(corners, (400, 300))
    assert geometry.points(corners) == pytest.approx(geometry.corners, abs=1e-6)


def test_scaling_keeps_the_edges_of_the_frame_on_the_edges():
    geometry = Geometry.scaling(0.25, (100, 50))
    assert geometry.points([[-0.5, -0.5], [399.5, 199.5]]) == pytest.approx(np.array([[-0.5, -0.5], [99.5, 49.5]]))


def test_the_resolution_is_that_of_the_last_step_that_knows_one():
    first = Geometry.identity((10, 10), dpi=300)
    assert first.then(Geometry.identity((10, 10))).dpi == 300
    assert first.then(Geometry.identity((10, 10), dpi=200)).dpi == 200

"""The fit finds the sheet and the camera again from which points were made, and passes over what is wrong."""

import numpy as np
import pytest

from imaging.bent_paper import KNOTS, BentPaper, Edges, Evidence, Lens, Lines, Spots, edge_errors, fitted

CORNERS = np.array([[-0.3, -0.4], [0.28, -0.38], [0.31, 0.41], [-0.27, 0.4]])  # points
RATIO = 0.7
EXTENT = 0.68
UNIT = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@pytest.fixture
def true():
    """A sheet that curls about an upright axis and rolls a little at its foot."""
    numbers = BentPaper.plane(CORNERS, RATIO).numbers
    numbers[9 : 9 + KNOTS] = np.linspace(-0.4, 0.4, KNOTS)
    numbers[9 + KNOTS :] = np.linspace(0.1, -0.1, KNOTS) ** 3 * 100
    return BentPaper(numbers)


def some_places(count=400, seed=1):
    return np.random.default_rng(seed).uniform(0, 1, (count, 2))


def off(found, true):
    """How far apart both see places of the sheet, of its extent."""
    places = some_places(seed=2)
    return np.linalg.norm(found.points(places) - true.points(places), axis=1) / EXTENT


def sides():
    at = np.linspace(0.02, 0.98, 60)
    zero = np.zeros(60)
    return np.concatenate([np.column_stack(pair) for pair in ((at, zero), (zero + 1, at), (at, zero + 1), (zero, at))])


def seen_edges(true, slid=0.0):
    """Edges of the true sheet, slid along themselves: nobody sees where along an edge a place is."""
    places = sides()
    ways = true.slopes(places)
    along = np.where((places[:, 1] % 1 == 0)[:, None], ways[..., 0], ways[..., 1])
    along /= np.linalg.norm(along, axis=1)[:, None]
    return Edges(places, true.points(places) + slid * along, np.column_stack([-along[:, 1], along[:, 0]]))


def seen_lines(true, axis):
    at = np.random.default_rng(3).uniform(0.05, 0.95, (150, 3))
    ends = [np.column_stack([at[:, 0], at[:, 2]]), np.column_stack([at[:, 1], at[:, 2]])]
    start, end = (true.points(places if axis else places[:, ::-1]) for places in ends)
    return Lines(axis, start, end, np.ones(150))


def test_a_plane_sees_its_corners_where_they_are():
    plane = BentPaper.plane(CORNERS, BentPaper.ratio_seen(CORNERS))
    assert np.abs(plane.points(UNIT) - CORNERS).max() < 0.03
    far = CORNERS * 0.1 + 0.2
    assert np.abs(BentPaper.plane(far, BentPaper.ratio_seen(far)).points(UNIT) - far).max() < 0.003


def test_places_are_found_back(true):
    places = some_places()
    assert true.places(true.points(places), places + 0.03) == pytest.approx(places, abs=1e-6)


def test_what_is_bent_does_not_stretch(true):
    along = np.column_stack([np.linspace(0, 1, 400), np.full(400, 0.5)])
    body = true._body(along)[0]
    assert np.linalg.norm(np.diff(body, axis=0), axis=1).sum() == pytest.approx(RATIO, rel=1e-3)


def test_changes_are_those_of_the_points(true):
    places = np.random.default_rng(4).uniform(-0.2, 1.2, (50, 2))
    numbers = true.numbers + np.random.default_rng(5).normal(0, 0.03, len(true.numbers))
    measured = [(BentPaper(numbers + step).points(places) - BentPaper(numbers - step).points(places)) / 2e-5
                for step in np.eye(len(numbers)) * 1e-5]
    assert BentPaper(numbers).changes(places) == pytest.approx(np.array(measured), abs=1e-3)


def test_spots_and_edges_tell_the_shape(true):
    places = some_places()
    noisy = true.points(places) + np.random.default_rng(6).normal(0, 0.01, (len(places), 2))
    seen = Evidence(RATIO, Spots(places, noisy, np.ones(len(places))), seen_edges(true, slid=0.02))
    found = BentPaper.plane(CORNERS, RATIO)
    for _ in range(3):
        found, _ = fitted(found, seen, EXTENT)
    assert off(found, true).mean() < min(0.0025, off(BentPaper.plane(CORNERS, RATIO), true).mean() / 3)
    assert np.abs(edge_errors(found, seen.edges)).max() < 0.003 * EXTENT


def test_lines_tell_what_edges_cannot(true):
    edges = Evidence(RATIO, edges=seen_edges(true))
    both = Evidence(RATIO, edges=edges.edges, lines=(seen_lines(true, 0), seen_lines(true, 1)))
    start = BentPaper.plane(CORNERS, RATIO)
    results = []
    for seen in (edges, both):
        found = start
        for _ in range(4):
            found, _ = fitted(found, seen, EXTENT)
        results.append(off(found, true).mean())
    assert results[1] < 0.004
    assert results[1] < results[0]


def test_odd_edges_and_lines_are_passed_over(true):
    edges, lines = seen_edges(true), seen_lines(true, 1)
    rng = np.random.default_rng(7)
    points, end = edges.points.copy(), lines.end.copy()
    points[rng.random(len(points)) < 0.15] += 0.03
    end[rng.random(len(end)) < 0.15] += 0.03
    places = some_places()
    seen = Evidence(RATIO, Spots(places, true.points(places), np.ones(400)), Edges(edges.places, points, edges.normals),
                    (Lines(1, lines.start, end, lines.weights),))
    found = BentPaper.plane(CORNERS, RATIO)
    for _ in range(3):
        found, _ = fitted(found, seen, EXTENT)
    assert off(found, true).mean() < 0.006


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_lens_goes_both_ways(mirrored):
    lens = Lens((4000, 3000), mirrored)
    pixels = np.array([[0.0, 0.0], [3999.0, 2999.0], [1999.5, 1499.5], [100.0, 2000.0]])
    assert lens.pixels(lens.points(pixels)) == pytest.approx(pixels)
    assert lens.points(pixels)[2] == pytest.approx([0, 0])
    assert np.sign(lens.points(pixels)[0, 0]) == (1 if mirrored else -1)

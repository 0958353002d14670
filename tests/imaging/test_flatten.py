"""Bent sheets become flat, plane ones stay as they are, and what fits no sheet of paper is not believed."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from imaging import bends, bent_sheet, flatten
from imaging.flatten import Params
from imaging.geometry import Geometry
from imaging.outline import STAGE as OUTLINE
from imaging.view import View

PHOTO = (1500, 2000)  # px
RATIO = 210 / 297
FAR = 1.5  # the camera's distance and its focal length, in heights of the sheet and of the photo
TURN = cv2.Rodrigues(np.array([0.25, -0.15, 0.04]))[0]
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def seen_at(places, curl):
    """Where in the photo places of an A4 sheet (0 to 1) are: rolled by `curl` radians about an upright axis."""
    u, v = np.asarray(places, float).T
    angle = (u - 0.5) * curl
    radius = RATIO / curl if curl else np.inf
    across, high = (radius * np.sin(angle), radius * (1 - np.cos(angle))) if curl else ((u - 0.5) * RATIO, 0 * u)
    x, y, z = TURN @ np.array([across, v - 0.5, high])
    return np.column_stack([x, y]) / (z + FAR)[:, None] * 0.95 * FAR * 0.8 * PHOTO[1] + (np.array(PHOTO) - 1) / 2


def place_at(pixels, curl):
    """Which places of the sheet pixels of the photo show, also beside it: where their rays meet it. Undoes `seen_at`."""
    slope = (pixels - (np.array(PHOTO) - 1) / 2) / (0.95 * FAR * 0.8 * PHOTO[1])
    x, y, z = np.moveaxis(np.dstack([slope, np.ones(slope.shape[:2])]) @ TURN, -1, 0)
    from_x, from_y, from_z = np.array([0, 0, -FAR]) @ TURN
    bend = curl / RATIO  # the sheet is where bend * (x² + z²) = 2 * z
    square, middle = bend * (x**2 + z**2), bend * (from_x * x + from_z * z) - z
    rest = bend * (from_x**2 + from_z**2) - 2 * from_z
    way = rest / (np.sqrt(np.maximum(middle**2 - square * rest, 0)) - middle)
    x, y, z = from_x + way * x, from_y + way * y, from_z + way * z
    return np.dstack([(np.arctan2(bend * x, 1 - bend * z) / curl if curl else x / RATIO) + 0.5, y + 0.5])


@cache
def photographed(curl):
    """A ruled sheet on a dark desk, and for each pixel of the photo its place on the sheet: only to be read."""
    width, height = PHOTO
    place = place_at(np.dstack(np.meshgrid(np.arange(width), np.arange(height))), curl)
    on_sheet = ((place > 0) & (place < 1)).all(axis=-1)
    u, v = np.moveaxis(place, -1, 0)
    rule = (((v * 30) % 1 < 0.06) | ((u * 7) % 1 < 0.015)) & (u > 0.1) & (u < 0.9) & (v > 0.08) & (v < 0.92)
    grey = np.where(on_sheet, np.where(rule, 70, 225), 60).astype(np.uint8)
    rng = np.random.default_rng(1)
    photo = np.clip(cv2.GaussianBlur(grey, (0, 0), 0.8) + rng.normal(0, 2, grey.shape), 0, 255).astype(np.uint8)
    for shared in (photo, place):
        shared.flags.writeable = False
    return photo, place


@pytest.mark.parametrize("curl", [0.9, 0.0, -0.7])
def test_the_photo_shows_each_place_where_it_is_seen(curl):
    _, place = photographed(curl)
    rows, columns = np.nonzero(((place > 0) & (place < 1)).all(axis=-1))
    assert len(rows) > 1_000_000
    assert np.abs(seen_at(place[rows, columns], curl) - np.column_stack([columns, rows])).max() < 1e-6  # px


@pytest.fixture(params=[0.9, -0.7], ids=["outwards", "inwards"])
def curled(request):
    return request.param, *photographed(request.param)


def seen_straight(pixels, curl, rectify=True):
    """The view that flatten has: the sheet's corners are set straight, its sides are bowed."""
    view = View.of(pixels)
    values = {"corners": seen_at(CORNERS, curl).tolist(), "border": ["top", "right", "bottom", "left"], "rectify": rectify,
              "size": [1050, 1485], "ppi": None, "margin": 15.0}
    decision = OUTLINE.decision(values)
    return view.after(decision, OUTLINE.geometry(decision, view.frame, view.side))


def tell_truth(monkeypatch, place, noise=0.004):
    """A model that knows the truth, roughly."""
    rng = np.random.default_rng(2)
    wide = bent_sheet._wide
    looked = []

    def remembered(view, around):
        looked[:] = [wide(view, around)]
        return looked[0]

    def places(colour):
        rows, columns = 80, 60
        at = np.stack(np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows), -1)
        height, width = colour.shape[:2]
        pixels = at.reshape(-1, 2) * (width, height) - 0.5
        stored = looked[0].frame.points_back(looked[0].to_frame(pixels))
        x, y = np.clip(stored, 0, np.array(PHOTO) - 1).astype(np.float32).T
        told = cv2.remap(place.astype(np.float32), x.reshape(rows, columns), y.reshape(rows, columns), cv2.INTER_LINEAR)
        inside = ((told > 0) & (told < 1)).all(axis=-1)
        return told + rng.normal(0, noise, told.shape), np.where(inside, 0.99, 0.01)

    monkeypatch.setattr(bends, "places", places)
    monkeypatch.setattr(bent_sheet, "_wide", remembered)


def errors(view, decision, curl):
    """How far, of the sheet's extent, places of the sheet lie from where they should on the flat page."""
    after = view.after(decision, flatten.geometry(decision, view.frame, view.side))
    places = np.random.default_rng(3).uniform(0.02, 0.98, (300, 2))
    extent = np.ptp(after.sheet, axis=0)
    wanted = after.sheet.min(axis=0) + places * extent
    return np.linalg.norm(after.frame.points(seen_at(places, curl)) - wanted, axis=1) / np.sqrt(extent.prod())


@pytest.mark.parametrize("rectify", [True, False])
def test_a_curled_sheet_becomes_flat(curled, rectify, monkeypatch):
    curl, pixels, place = curled
    view = seen_straight(pixels, curl, rectify)
    tell_truth(monkeypatch, place)
    decision = flatten.decide(view, Params())
    as_it_is = flatten.decide(view, Params(mode="none"))
    assert errors(view, as_it_is, curl).max() > 0.01
    assert errors(view, decision, curl).mean() < 0.001
    assert errors(view, decision, curl).max() < 0.004


def test_the_page_has_the_proportions_of_the_paper(curled, monkeypatch):
    curl, pixels, place = curled
    view = seen_straight(pixels, curl)
    tell_truth(monkeypatch, place)
    decision = flatten.decide(view, Params())
    across, down = np.ptp(view.after(decision, flatten.geometry(decision, view.frame, view.side)).sheet, axis=0)
    assert across / down == pytest.approx(RATIO, rel=0.01)


def test_the_edges_of_the_paper_lie_exactly_on_the_flat_sheet(curled, monkeypatch):
    curl, pixels, place = curled
    view = seen_straight(pixels, curl)
    tell_truth(monkeypatch, place, noise=0.01)
    decision = flatten.decide(view, Params())
    after = view.after(decision, flatten.geometry(decision, view.frame, view.side))
    at = np.linspace(0.05, 0.95, 40)
    (left, top), (right, bottom) = after.sheet.min(axis=0), after.sheet.max(axis=0)
    side = after.frame.points(seen_at(np.column_stack([at, np.zeros(40)]), curl))
    assert np.abs(side[:, 1] - top).max() < 3.0  # px of 2000
    side = after.frame.points(seen_at(np.column_stack([np.ones(40), at]), curl))
    assert np.abs(side[:, 0] - right).max() < 3.0
    assert after.sheet == pytest.approx(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]), abs=0.1)


def test_a_slightly_curled_sheet_needs_no_model(monkeypatch):
    pixels, _ = photographed(0.5)
    view = seen_straight(pixels, 0.5)
    monkeypatch.setattr(bends, "places", lambda colour: None)
    decision = flatten.decide(view, Params())
    assert errors(view, flatten.decide(view, Params(mode="none")), 0.5).mean() > 0.005
    assert errors(view, decision, 0.5).mean() < 0.0015


def test_a_plane_sheet_stays_as_it_is(monkeypatch):
    pixels, place = photographed(0.0)
    view = seen_straight(pixels, 0.0)
    tell_truth(monkeypatch, place)
    decision = flatten.decide(view, Params())
    assert decision.values["mesh"] is None
    assert flatten.geometry(decision, view.frame, view.side) == Geometry.identity(view.size)


def test_what_the_edges_do_not_bear_out_is_not_believed(monkeypatch):
    pixels, place = photographed(0.9)
    outline = seen_straight(pixels, 0.9).decided["outline"]
    without_edges = np.random.default_rng(4).normal(200, 1.5, pixels.shape).astype(np.uint8)
    view = View.of(without_edges)
    view = view.after(outline, OUTLINE.geometry(outline, view.frame, view.side))
    tell_truth(monkeypatch, place)
    assert flatten.decide(view, Params()).values["mesh"] is None


def test_a_model_that_tells_nonsense_does_no_harm(monkeypatch):
    pixels, place = photographed(0.5)
    view = seen_straight(pixels, 0.5)
    tell_truth(monkeypatch, np.roll(place, 400, axis=0))
    decision = flatten.decide(view, Params())
    assert errors(view, decision, 0.5).mean() <= errors(view, flatten.decide(view, Params(mode="none")), 0.5).mean()


def test_only_photos_of_loose_sheets_are_looked_at(monkeypatch):
    monkeypatch.setattr(bends, "places", lambda colour: pytest.fail("the model was asked"))
    pixels, _ = photographed(0.0)
    view = seen_straight(pixels, 0.0)
    assert flatten.decide(View.of(pixels, dpi=300), Params()).values["mesh"] is None
    assert flatten.decide(replace(view, frame=replace(view.frame, dpi=300.0)), Params()).values["mesh"] is None
    assert flatten.decide(view, Params(mode="none")).values["mesh"] is None


def test_the_model_sees_a_sheet_where_it_is():
    pixels, place = photographed(0.0)
    told, seen = bends.places(np.dstack([pixels] * 3))
    true = cv2.resize(place, (60, 80), interpolation=cv2.INTER_AREA)
    inside = ((true > 0.05) & (true < 0.95)).all(axis=-1)
    assert seen[inside].mean() > 0.9
    assert np.abs(told - true)[inside].mean() < 0.03


@pytest.mark.parametrize("turned", [2, 4])
def test_mirrored_photos_are_flattened_too(turned, monkeypatch):
    pixels, _ = photographed(0.7)
    shown = View.of(pixels)
    stored = pixels[:, ::-1] if turned == 2 else pixels[::-1]
    values = seen_straight(pixels, 0.7).decided["outline"]
    view = View.of(np.ascontiguousarray(stored), orientation=turned)
    assert view.frame.size == shown.frame.size
    view = view.after(values, OUTLINE.geometry(values, view.frame, view.side))
    monkeypatch.setattr(bends, "places", lambda colour: None)
    assert errors_mirrored(view, flatten.decide(view, Params()), 0.7, turned).mean() < 0.002


def errors_mirrored(view, decision, curl, turned):
    after = view.after(decision, flatten.geometry(decision, view.frame, view.side))
    places = np.random.default_rng(3).uniform(0.02, 0.98, (300, 2))
    stored = seen_at(places, curl)
    axis = 0 if turned == 2 else 1
    stored[:, axis] = PHOTO[axis] - 1 - stored[:, axis]
    extent = np.ptp(after.sheet, axis=0)
    wanted = after.sheet.min(axis=0) + places * extent
    return np.linalg.norm(after.frame.points(stored) - wanted, axis=1) / np.sqrt(extent.prod())

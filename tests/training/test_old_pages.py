"""The pages that the ink models learn from: their ink is where their truth says, and what is no ink is not in it."""

import cv2
import numpy as np

from training import old_pages, pens

SIDE = 256


def made(seed):
    rng = np.random.default_rng(seed)
    return old_pages.patch(rng, pens.writing(rng, SIDE), pens.writing(rng, SIDE), old_pages.paper(rng, SIDE))


def test_ink_is_darker_than_the_paper_beside_it():
    darker = []
    for seed in range(60):
        patch = made(seed)
        ink = patch.ink > 0
        if not 0.01 < ink.mean() < 0.4:
            continue
        beside = (cv2.dilate(patch.ink, np.ones((9, 9))) > 0) & (cv2.dilate(patch.ink, np.ones((5, 5))) == 0)
        darker.append(np.median(patch.image[ink]) < np.median(patch.image[beside]))
    assert len(darker) > 40
    assert np.mean(darker) > 0.95


def test_hands_are_of_all_sizes():
    breadths = []
    for seed in range(60):
        ink = pens.writing(np.random.default_rng(seed), SIDE) > 128
        if ink.any():
            breadths.append(2 * np.percentile(cv2.distanceTransform(ink.astype(np.uint8), cv2.DIST_L2, 5)[ink], 90))
    assert min(breadths) < 3
    assert max(breadths) > 15


def test_a_page_without_writing_has_no_ink_whatever_shines_through():
    rng = np.random.default_rng(1)
    nothing = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(10):
        assert not old_pages.patch(rng, nothing, pens.writing(rng, SIDE), old_pages.paper(rng, SIDE)).ink.any()


def test_pages_are_made_by_seed():
    one, again, other = (made(seed) for seed in (5, 5, 6))
    assert (one.image == again.image).all()
    assert (one.image != other.image).any()

"""The photos that a model learns from show what their truth says."""

import cv2
import numpy as np

from training import bent_sheets


def test_the_truth_leads_back_to_the_print():
    rng = np.random.default_rng(3)
    for _ in range(6):
        page = bent_sheets.random_print(rng)
        sheet = bent_sheets.photo(rng, page)
        height, width = page.shape[:2]
        at = (sheet.place * [width, height] - 0.5).astype(np.float32)
        shown = cv2.remap(page, at[..., 0], at[..., 1], cv2.INTER_LINEAR)
        inner = cv2.erode(sheet.seen, np.ones((9, 9))) > 0
        soft = [cv2.GaussianBlur(cv2.cvtColor(np.float32(picture), cv2.COLOR_RGB2GRAY), (0, 0), 1.5)
                for picture in (shown, sheet.image)]
        fine = [picture - cv2.GaussianBlur(picture, (0, 0), 6) for picture in soft]  # light and shadow are left out
        strong = inner & (np.abs(fine[0]) > 0.3 * np.abs(fine[0][inner]).max())
        assert np.corrcoef(fine[0][strong], fine[1][strong])[0, 1] > 0.6
        assert sheet.place[inner].min() > 0
        assert sheet.place[inner].max() < 1


def test_photos_are_made_by_seed():
    made = [bent_sheets.photo(rng, bent_sheets.random_print(rng)) for rng in map(np.random.default_rng, (5, 5, 6))]
    assert (made[0].image == made[1].image).all()
    assert (made[0].image != made[2].image).any()


def test_there_is_something_on_every_print():
    rng = np.random.default_rng(8)
    assert all(bent_sheets.random_print(rng).std() > 5 for _ in range(8))

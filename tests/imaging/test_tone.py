"""tone: even paper, faint ink lifted, hues kept, nothing made out of grain."""

import colorsys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from imaging import cells, tone
from imaging.paper import paper_of
from imaging.view import View

DPI = 200
SIZE = (1000, 1400)  # px, of a page of 127 × 178 mm
PAPER = (226, 216, 194)
BLUE, RED, BLACK = (60, 70, 150), (190, 50, 55), (45, 42, 40)


def blank(paper=PAPER, grain=2.0, seed=0):
    width, height = SIZE
    noise = np.random.default_rng(seed).normal(0, grain, (height, width, 1))
    return np.clip(np.array(paper) + noise, 0, 255)


def written(colour=BLACK, strength=1.0, **kinds):
    """A page with lines of loops and a seal; `strength` from 1 down fades the writing."""
    page, marks = blank(**kinds), np.zeros(SIZE[::-1], np.uint8)
    for y in range(150, 1200, 60):
        for x in range(120, 860, 34):
            cv2.ellipse(marks, (x, y), (9, 15), 20, 0, 300, 255, 3, cv2.LINE_AA)
    seal = np.zeros(SIZE[::-1], np.uint8)
    cv2.circle(seal, (700, 1290), 80, 255, 6, cv2.LINE_AA)
    for mask, ink, amount in ((marks, colour, strength), (seal, RED, 1.0)):
        share = (mask / 255.0 * amount)[..., None]
        page = page * (1 - share) + np.array(ink) * share
    return page, marks > 200, seal > 200


def shaded(page, darkest=0.5):
    """The shadow of a gutter on the left, and light falling off downwards."""
    width, height = SIZE
    gutter = 1 - (1 - darkest) * np.exp(-np.arange(width) / 120)
    lamp = np.linspace(1.0, 0.8, height)
    return page * gutter[None, :, None] * lamp[:, None, None]


def as_pixels(page):
    return np.clip(np.rint(page), 0, 255).astype(np.uint8)


def toned(page, **params):
    pixels = as_pixels(page)
    decision = tone.decide(View.of(pixels, DPI), tone.Params(**params))
    return tone.tone(pixels, decision), decision


def hue(pixels):
    return 360 * colorsys.rgb_to_hsv(*(np.median(pixels, axis=0) / 255))[0]


def contrast(pixels, mask):
    """Depth of the ink below the paper around, as a share of the paper."""
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return 1 - np.median(grey[mask]) / np.median(grey[ring(mask, 9, 25)])


def ring(mask, inner, outer):
    """What lies about a mask: within half of `outer` px, and no nearer than half of `inner`."""
    near, far = (cv2.dilate(mask.astype(np.uint8), np.ones((side, side))) for side in (inner, outer))
    return far > near


def test_a_shaded_page_comes_out_even():
    page, marks, seal = written()
    bare = cv2.dilate((marks | seal).astype(np.uint8), np.ones((9, 9))) == 0
    before = np.percentile(as_pixels(shaded(page))[..., 1][bare], (2, 98))
    after = np.percentile(toned(shaded(page))[0][..., 1][bare], (2, 98))
    assert before[0] < 0.7 * before[1]
    assert after[0] > 0.93 * after[1]


def test_paper_keeps_a_natural_tone():
    result, decision = toned(blank())
    red, green, blue = np.median(result.reshape(-1, 3), axis=0)
    assert 230 <= green < 250 and red > green > blue
    assert np.allclose((red, green, blue), decision.values["white"], atol=3)


@pytest.mark.parametrize("balance, spread", [(0.0, (20, 45)), (1.0, (0, 3))])
def test_white_balance_takes_away_as_much_tint_as_it_is_told(balance, spread):
    result, _ = toned(blank(), white_balance=balance)
    red, _, blue = np.median(result.reshape(-1, 3), axis=0)
    assert spread[0] <= red - blue <= spread[1]


@pytest.mark.parametrize("strength, least", [(0.5, 1.2), (0.25, 1.7), (0.15, 1.8)])
def test_faint_ink_is_lifted_the_more_the_fainter_it_is(strength, least):
    page, marks, _ = written(strength=strength)
    result, _ = toned(page)
    assert contrast(result, marks) > least * contrast(as_pixels(page), marks)


def test_faint_and_strong_writing_on_one_page_are_both_there():
    faint, marks, _ = written(strength=0.2)
    strong, _, _ = written()
    page = np.where(np.arange(SIZE[1])[:, None, None] < 700, strong, faint)
    result, _ = toned(page)
    lower = marks.copy()
    lower[:700] = False
    assert contrast(result, lower) > 1.6 * contrast(as_pixels(page), lower)
    assert contrast(result, marks & ~lower) >= contrast(as_pixels(page), marks & ~lower)


def test_stronger_settings_give_deeper_ink():
    page, marks, _ = written(strength=0.3)
    depths = [contrast(toned(page, strength=name)[0], marks) for name in ("natural", "clear", "strong")]
    assert depths[0] < depths[1] < depths[2]


def test_the_grain_of_empty_paper_is_not_made_louder():
    page = blank(grain=4.0)
    result, decision = toned(page)
    gain = np.mean(decision.values["white"]) / np.mean(PAPER)
    assert decision.values["written"] == 0
    assert result[..., 1].std() <= 1.05 * gain * as_pixels(page)[..., 1].std()


def test_show_through_is_not_lifted():
    _, marks, _ = written()
    ghost = cv2.GaussianBlur(marks[:, ::-1].astype(np.float32), (0, 0), 5)[..., None]
    only_ghost = blank() * (1 - 0.15 * ghost)
    result, _ = toned(only_ghost)
    where = ghost[..., 0] > 0.5 * ghost.max()
    assert contrast(result, where) <= contrast(as_pixels(only_ghost), where)


def test_what_shows_through_is_pushed_back_and_the_writing_of_this_side_lifted():
    page, marks, _ = written(strength=0.5)
    upper = np.arange(SIZE[1])[:, None] < 650
    front, behind = marks & upper, np.roll(marks & upper, 660, axis=0)
    page = np.where(upper[..., None], page, blank())
    page = page * (1 - 0.5 * cv2.GaussianBlur(behind.astype(np.float32), (0, 0), 2.5)[..., None])
    result, _ = toned(page)
    assert contrast(result, behind) < 0.75 * contrast(as_pixels(page), behind)
    assert contrast(result, front) > 1.2 * contrast(as_pixels(page), front)


def test_thin_strokes_and_accents_are_lifted_with_the_writing_around():
    page, _, _ = written(strength=0.3)
    thin = np.zeros(SIZE[::-1], np.uint8)
    for y in range(180, 1200, 60):
        cv2.line(thin, (120, y), (860, y + 6), 255, 1, cv2.LINE_AA)
    accents = np.zeros(SIZE[::-1], np.uint8)
    for x in range(120, 860, 34):
        cv2.circle(accents, (x + 2, 370), 2, 255, -1, cv2.LINE_AA)
    for mask in (thin, accents):
        share = (mask / 255.0 * 0.3)[..., None]
        page = page * (1 - share) + np.array(BLACK) * share
    result, _ = toned(page)
    for mask in (thin > 200, accents > 200):
        assert contrast(result, mask) > 1.5 * contrast(as_pixels(page), mask)


def test_specks_away_from_writing_are_not_lifted():
    page, _, _ = written(strength=0.4)
    specks = np.zeros(SIZE[::-1], np.uint8)
    rng = np.random.default_rng(2)
    for x, y in rng.uniform((900, 100), (980, 1300), (60, 2)).astype(int):
        specks[y : y + 3, x : x + 3] = 1
    page = page * (1 - 0.25 * specks[..., None])
    result, _ = toned(page)
    assert contrast(result, specks > 0) <= 1.05 * contrast(as_pixels(page), specks > 0)


@pytest.mark.parametrize("light, grain", [(1.0, 6.0), (0.35, 6.0)])
def test_grain_stays_as_weak_beside_ink_as_it_was(light, grain):
    page, marks, seal = written(strength=0.5, grain=0)
    noise = np.random.default_rng(3).normal(0, grain, (*SIZE[::-1], 1))
    page = np.clip(light * page + noise, 0, 255)
    result, _ = toned(page)
    bare = cv2.dilate((marks | seal).astype(np.uint8), np.ones((15, 15))) == 0

    def grain_beside_ink(pixels):
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(float)
        return grey[bare].std() / (np.median(grey[bare]) - np.median(grey[marks]))

    assert grain_beside_ink(result) <= grain_beside_ink(as_pixels(page))


@pytest.mark.parametrize("box", [(150, 150, 150), (90, 90, 90), (120, 150, 190)])
def test_a_filled_box_keeps_its_depth(box):
    page, _, _ = written(paper=(225, 225, 225))
    page[300:420, 200:800] = box
    page[700:1000, 500:900] = box
    before = as_pixels(shaded(page, darkest=0.8))
    result, _ = toned(before)
    for place in ((slice(320, 400), slice(250, 750)), (slice(750, 950), slice(550, 850))):
        beside = (place[0], slice(910, 980))
        depths = [1 - np.median(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[place])
                  / np.median(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[beside]) for pixels in (before, result)]
        assert depths[1] == pytest.approx(depths[0], abs=0.06)


def test_the_colour_of_what_lies_beside_the_sheet_does_not_run_into_it():
    page, _, _ = written()
    page[:, :90] = page[:90] = (95, 110, 85)  # a cover
    result, decision = toned(page)
    for place in ((slice(110, 135), slice(150, 850)), (slice(150, 1200), slice(95, 110))):
        tint = np.median(result[place].reshape(-1, 3), axis=0) - decision.values["white"]
        assert np.ptp(tint) <= 4


def test_the_tint_of_a_lamp_goes_further_than_that_of_paper():
    def left(paper):
        white = toned(blank(paper=paper))[1].values["white"]
        return np.log(max(white) / min(white)) / np.log(max(paper) / min(paper))

    assert left((90, 160, 220)) < 0.7 * left((226, 222, 210))


def test_a_clipping_is_not_taken_for_a_whole_page_at_few_pixels():
    decision = tone.decide(View.of(as_pixels(written()[0])[:300, :500]), tone.Params())
    assert decision.values["px_per_mm"] == 6.0


@pytest.mark.parametrize("ink, share", [(BLUE, 1.0), (BLUE, 0.4), (RED, 1.0), (RED, 0.4)])
def test_hues_of_inks_stay_within_five_degrees(ink, share):
    page, marks, seal = written(colour=ink, strength=share, paper=(225, 225, 225))
    page = shaded(page, darkest=0.7)
    result, _ = toned(page)
    for mask in (marks, seal):
        core = cv2.erode(mask.astype(np.uint8), np.ones((2, 2))) > 0
        moved = abs(hue(result[core]) - hue(as_pixels(page)[core]))
        assert min(moved, 360 - moved) <= 5


def test_a_seal_leaves_no_halo():
    page, _, seal = written()
    result, decision = toned(page)
    about = ring(seal, 7, 31)
    assert np.abs(np.median(result[about], axis=0) - decision.values["white"]).max() <= 4


def test_a_stain_stays_a_stain():
    page = blank()
    cv2.circle(page, (500, 700), 90, (196, 168, 120), -1)
    result, decision = toned(page)
    red, _, blue = np.median(result[640:760, 440:560].reshape(-1, 3), axis=0)
    assert red - blue > decision.values["white"][0] - decision.values["white"][2] + 15


def test_a_dark_bed_stays_dark():
    page = np.full((*SIZE[::-1], 3), 25.0)
    page[100:-100, 100:-100] = written()[0][100:-100, 100:-100]
    result, _ = toned(page)
    assert np.percentile(result[:80], 99) < 80
    assert np.median(result[110:140, 200:-200, 1]) > 225


def test_grey_gives_one_channel_of_the_same_paper():
    page, marks, _ = written(strength=0.5)
    grey, _ = toned(page, mode="grey")
    colour, _ = toned(page)
    luma = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
    assert grey.shape == SIZE[::-1] and grey.dtype == np.uint8
    assert abs(float(np.median(grey)) - float(np.median(luma))) <= 2
    assert contrast(grey, marks) == pytest.approx(contrast(colour, marks), abs=0.05)


def test_grey_captures_may_be_toned_in_every_mode():
    pixels = cv2.cvtColor(as_pixels(written()[0]), cv2.COLOR_RGB2GRAY)
    for mode in ("colour", "grey", "bitonal"):
        decision = tone.decide(View.of(pixels, DPI), tone.Params(mode=mode))
        assert tone.tone(pixels, decision).shape == pixels.shape


@pytest.mark.parametrize("strength", [1.0, 0.3])
def test_bitonal_finds_the_strokes_and_little_else(strength):
    page, marks, seal = written(strength=strength)
    result, _ = toned(shaded(page), mode="bitonal")
    assert set(np.unique(result)) == {0, 255}
    ink, near = result == 0, cv2.dilate((marks | seal).astype(np.uint8), np.ones((5, 5))) > 0
    assert ink[marks].mean() > 0.97
    assert near[ink].mean() > 0.99


def test_bitonal_keeps_faint_writing_beside_strong_print_and_drops_show_through():
    page, marks, _ = written()
    print_rows = ((np.arange(SIZE[1]) - 120) // 60 % 2 == 0)[:, None]  # every second line of writing
    faint = written(strength=0.22)[0]
    ghost = cv2.GaussianBlur(np.roll(marks, 25, axis=0).astype(np.float32), (0, 0), 4)[..., None]
    page = np.where(print_rows[..., None], page, faint) * (1 - 0.15 * ghost)
    result, _ = toned(page, mode="bitonal")
    middle = cv2.erode(marks.astype(np.uint8), np.ones((2, 2))) > 0
    faint_marks = middle & ~print_rows
    only_ghost = (ghost[..., 0] > 0.4) & (cv2.dilate(marks.astype(np.uint8), np.ones((7, 7))) == 0)
    assert (result[faint_marks] == 0).mean() > 0.85
    assert (result[only_ghost] == 0).mean() < 0.1


def test_bitonal_of_an_empty_page_is_empty():
    assert (toned(shaded(blank()), mode="bitonal")[0] == 255).mean() > 0.9999


def test_what_was_decided_replays_to_the_same_pixels():
    page, _, _ = written(strength=0.4)
    result, decision = toned(page)
    again = type(decision).from_json(decision.to_json())
    assert np.array_equal(tone.tone(as_pixels(page), again), result)


def test_the_page_handed_in_is_left_alone():
    pixels = as_pixels(written()[0])
    kept = pixels.copy()
    tone.tone(pixels, tone.decide(View.of(pixels, DPI), tone.Params()))
    assert np.array_equal(pixels, kept)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (65, 67)])
@pytest.mark.parametrize("mode", ["colour", "grey", "bitonal"])
def test_tiny_pages(size, mode):
    pixels = np.full((*size[::-1], 3), 200, np.uint8)
    decision = tone.decide(View.of(pixels), tone.Params(mode=mode))
    for px_per_mm in (decision.values["px_per_mm"], 12.0):
        resized = replace(decision, values={**decision.values, "px_per_mm": px_per_mm})
        assert tone.tone(pixels, resized).shape[:2] == size[::-1]


def test_beyond_the_capture_lies_paper():
    decision = tone.decide(View.of(as_pixels(blank()), DPI), tone.Params())
    assert np.allclose(tone.fill(decision), PAPER, atol=2)
    assert tone.fill(None) == (255, 255, 255)


@pytest.mark.parametrize("balance", [-0.1, 1.1])
def test_a_white_balance_out_of_range_is_refused(balance):
    with pytest.raises(ValueError, match="white_balance"):
        tone.Params(white_balance=balance)


def test_the_map_of_the_paper_follows_a_shadow():
    page = as_pixels(shaded(written()[0]))
    paper = paper_of(page, DPI / 25.4)
    light = cells.enlarged(paper.light, paper.cell, slice(0, SIZE[1]), SIZE[0])
    truth = cv2.cvtColor(as_pixels(shaded(blank(grain=0))), cv2.COLOR_RGB2GRAY)
    assert np.percentile(np.abs(light - truth) / truth, 98) < 0.06


@pytest.mark.parametrize("rows", [(0, 64), (64, 128), (100, 131)])
def test_maps_are_enlarged_alike_in_stripes_and_whole(rows):
    values = np.random.default_rng(1).random((20, 30)).astype(np.float32)
    whole = cells.enlarged(values, 8, slice(0, 160), 235)
    assert np.array_equal(cells.enlarged(values, 8, slice(*rows), 235), whole[slice(*rows)])

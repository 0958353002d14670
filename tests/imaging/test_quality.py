"""quality: each fault is found on copies that have it, and on none that has not."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.quality import TRULY
from imaging import quality, standing, tone
from imaging.sharpness import edge_width
from imaging.stages import STAGES, Plan, decide
from imaging.view import Hints, View

DATA = Path(__file__).parents[3] / "shared" / "data"
DPI = 300
SIZE = (1700, 2300)  # px
REAL = ("registers", "split")
PLAN = Plan({stage.name: stage.params() for stage in STAGES})


def page(depth=0.7, paper=215.0, grain=2.0, ghost=0.0):
    """Lines of loops on paper with grain, as a lens draws them; RGB uint8."""
    width, height = SIZE
    marks = np.zeros((height, width), np.uint8)
    for y in range(250, 2050, 90):
        for x in range(200, 1500, 50):
            cv2.ellipse(marks, (x, y), (14, 22), 20, 0, 300, 255, 4, cv2.LINE_AA)
    behind = cv2.GaussianBlur(marks[:, ::-1], (0, 0), 6) / 255.0
    marks = cv2.GaussianBlur(marks, (0, 0), 0.8) / 255.0
    noise = np.random.default_rng(0).normal(0, grain, (height, width))
    grey = paper * (1 - depth * marks) * (1 - ghost * behind) + noise
    return cv2.cvtColor(np.clip(grey, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2RGB)


def judged(pixels, dpi=DPI, **params):
    view = View.of(pixels, dpi)
    view = view.after(tone.decide(view, tone.Params()), None)
    return quality.decide(view, quality.Params(**params))


def codes(decision):
    return {finding.code for finding in decision.findings}


def shaken(pixels, length):
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1 / length
    return cv2.filter2D(pixels, -1, line)


def test_a_good_page_gives_no_finding():
    decision = judged(page())
    assert decision.findings == ()
    assert decision.values["sharpness"] > 0.8 and not decision.values["blank"]
    assert decision.values["glare"] == 0 and decision.values["clipped"] == 0


@pytest.mark.parametrize("sigma", [3.0, 5.0])
def test_a_page_out_of_focus_is_found(sigma):
    decision = judged(cv2.GaussianBlur(page(), (0, 0), sigma))
    assert "blurred" in codes(decision)
    assert decision.values["sharpness"] < 0.5


@pytest.mark.parametrize("turned", [False, True])
def test_a_shaken_page_is_found_in_either_direction(turned):
    pixels = shaken(page(), 15)
    decision = judged(np.ascontiguousarray(pixels.transpose(1, 0, 2)) if turned else pixels)
    assert codes(decision) == {"motion_blur"}
    away = abs(decision.findings[0].facts["degrees"] - (90 if turned else 0))
    assert min(away, 180 - away) <= 12


def test_edge_width_grows_with_the_blur():
    blurs = [cv2.GaussianBlur(page(), (0, 0), sigma) for sigma in (0.5, 1.5, 2.5, 4.0)]
    widths = [edge_width(View.of(blurred, DPI)) for blurred in blurs]
    assert widths == sorted(widths)
    assert widths[0] < 4 and widths[-1] > 7


def test_a_fine_scan_is_not_called_blurred_for_its_many_pixels():
    double = cv2.resize(page(), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    assert "blurred" not in codes(judged(double, dpi=2 * DPI))


@pytest.mark.parametrize("light, found", [(0.25, True), (0.6, False)])
def test_a_page_taken_in_the_dark_is_found(light, found):
    assert ("too_dark" in codes(judged((page() * light).astype(np.uint8)))) is found


def test_glare_is_found_and_measured():
    pixels = page()
    cv2.circle(pixels, (800, 900), 170, (255, 255, 255), -1)
    decision = judged(pixels)
    assert codes(decision) == {"glare"}
    assert decision.values["glare"] == pytest.approx(np.pi * 170**2 / (SIZE[0] * SIZE[1] * 0.9), rel=0.1)


def test_the_white_bed_around_a_page_is_no_glare():
    pixels = cv2.copyMakeBorder(page(), 120, 120, 200, 200, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    assert "glare" not in codes(judged(pixels))


def test_white_paper_is_neither_glare_nor_burnt():
    assert codes(judged(page(paper=254.0))) == set()


def test_many_small_burnt_spots_count_as_burnt():
    pixels = page(paper=225.0)
    pixels[200::30, 150::30] = 255
    pixels = cv2.dilate(pixels, np.ones((9, 9), np.uint8))
    assert "clipped" in codes(judged(pixels))


@pytest.mark.parametrize("dpi, severity", [(150, "warning"), (240, "note"), (299, None), (None, None)])
def test_low_resolution_is_told_where_it_is_known(dpi, severity):
    found = [finding for finding in judged(page(), dpi).findings if finding.code == "low_resolution"]
    assert [str(finding.severity) for finding in found] == ([severity] if severity else [])
    assert all(finding.facts["dpi"] == dpi for finding in found)


@pytest.mark.parametrize("kinds", [{}, {"grain": 6.0}, {"ghost": 0.12}, {"paper": 254.0}])
def test_a_blank_page_is_known_by_grain_and_show_through_alike(kinds):
    decision = judged(page(depth=0.0, **kinds))
    assert decision.values["blank"]
    assert "blank_page" in codes(decision) and "blurred" not in codes(decision)


def test_one_line_of_writing_is_not_blank():
    pixels = page()
    pixels[300:] = page(depth=0.0)[300:]
    assert not judged(pixels).values["blank"]


@pytest.mark.parametrize("depth, code, severity", [(0.1, "faint_ink", "note"), (0.05, "lost_ink", "warning")])
def test_faint_ink_is_told_and_what_is_beyond_rescue_is_a_warning(depth, code, severity):
    found = [(finding.code, str(finding.severity)) for finding in judged(page(depth, grain=1.0)).findings]
    assert found == [(code, severity)]


def test_pale_rules_on_a_page_with_a_few_dark_lines_are_no_faint_ink():
    pixels = page()
    pixels[700:] = page(depth=0.0)[700:]
    for y in range(100, 2200, 25):
        pixels[y : y + 3, 100:1600] = (0.88 * pixels[y : y + 3, 100:1600]).astype(np.uint8)
    view = View.of(pixels, DPI)
    assert standing.depth(view, 0.13, 0.15) > 0.3 and "faint_ink" not in codes(judged(pixels))
    faint = page(0.1, grain=1.0)
    assert standing.depth(View.of(faint, DPI), 0.1, 0.15) == 0.1
    faint[::40, :60] = 0  # what is dark at a page's edge is no writing
    assert standing.depth(View.of(faint, DPI), 0.1, 0.15) == 0.1


def test_faintness_grows_as_ink_fades():
    values = [judged(page(depth)).values["faintness"] for depth in (0.8, 0.4, 0.2)]
    assert values == sorted(values) and values[0] < 0.2 and values[-1] > 0.5


def test_quality_works_where_tone_was_skipped():
    assert quality.decide(View.of(page(), DPI), quality.Params()).findings == ()


def real_pages():
    files = [path for folder in REAL for path in sorted((DATA / folder).glob("*"))]
    return [path for path in files if path.suffix in (".jpg", ".jpeg")][::5]


@pytest.mark.skipif(not DATA.is_dir(), reason="real images are not here (../shared/data)")
def test_real_pages_give_no_warning_but_of_what_is_truly_wrong_with_them():
    assert real_pages()
    for path in real_pages():
        pixels = cv2.cvtColor(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        pages = decide(View.of(pixels), PLAN, "0" * 64)
        warned = {finding.code for _, recipe in pages for finding in recipe.decision("quality").findings
                  if str(finding.severity) == "warning"}
        assert warned <= TRULY.get(path.stem, {}).keys(), path.name
        worse = decide(View.of(cv2.GaussianBlur(pixels, (0, 0), 5)), PLAN, "0" * 64)
        assert all({"blurred", "motion_blur"} & codes(recipe.decision("quality")) for _, recipe in worse), path.name


def told(decision, code):
    (finding,) = [finding for finding in decision.findings if finding.code == code]
    return finding


def test_every_finding_says_where_and_how_far_over_its_threshold():
    faulty = [cv2.GaussianBlur(page(), (0, 0), 4), shaken(page(), 17), (page() * 0.25).astype(np.uint8), page(depth=0.0),
              page(0.05, grain=1.0), page(0.1, grain=1.0)]
    found = [finding for pixels in faulty for finding in judged(pixels).findings]
    assert {"blurred", "motion_blur", "too_dark", "blank_page", "lost_ink", "faint_ink"} <= {one.code for one in found}
    for finding in found:
        assert finding.facts["times"] >= 1
        assert all(0 <= value <= 1 for box in finding.facts["where"] for value in box)


def test_glare_is_told_where_it_lies_also_at_the_edge():
    pixels = page()
    cv2.ellipse(pixels, (1600, 400), (220, 160), 0, 0, 360, (255, 255, 255), -1)
    (left, top, _, bottom), = told(judged(pixels), "glare").facts["where"]
    assert left > 0.7 and top < 0.2 and 0.2 < bottom < 0.3


def test_a_page_soft_on_one_side_is_blurred_there():
    pixels = page()
    pixels[:, 700:] = cv2.GaussianBlur(pixels, (0, 0), 4)[:, 700:]
    boxes = told(judged(pixels), "blurred").facts["where"]
    assert min(box[0] for box in boxes) >= 0.5


def shadowed(pixels, depth, sigma):
    light = np.ones(pixels.shape[:2], np.float32)
    light[1300:] = 1 - depth
    return (pixels * cv2.GaussianBlur(light, (0, 0), sigma)[..., None]).astype(np.uint8)


def test_a_strong_shadow_is_told_and_where():
    (_, top, _, bottom), = told(judged(shadowed(page(), 0.55, 40)), "uneven_light").facts["where"]
    assert 0.45 < top < 0.65 and bottom > 0.9


def test_light_that_falls_off_gradually_is_no_shadow():
    fall = np.linspace(1, 0.65, SIZE[0], dtype=np.float32)
    assert codes(judged((page() * fall[None, :, None]).astype(np.uint8))) == set()


def thumb(pixels, colour):
    cv2.line(pixels, (0, 1400), (230, 1250), colour, 170, cv2.LINE_AA)
    return pixels


@pytest.mark.parametrize("colour", [(205, 150, 120), (150, 100, 78), (25, 25, 28)])
def test_a_finger_or_a_dark_thing_over_the_edge_is_told_and_where(colour):
    finding = told(judged(thumb(page(), colour)), "object_on_page")
    (left, top, right, bottom), = finding.facts["where"]
    assert left < 0.03 and 0.45 < top < 0.55 and 0.1 < right < 0.25 and 0.6 < bottom < 0.7


def seal(pixels):
    cv2.circle(pixels, (1500, 500), 190, (200, 60, 60), 14, cv2.LINE_AA)
    cv2.putText(pixels, "UY BAN", (1370, 520), cv2.FONT_HERSHEY_SIMPLEX, 2.2, (200, 60, 60), 9, cv2.LINE_AA)


def stain(pixels):
    pixels[:] = cv2.subtract(pixels, cv2.GaussianBlur(cv2.circle(np.zeros_like(pixels), (60, 1500), 160, (60, 80, 110), -1),
                                                      (0, 0), 20))


def note(pixels):
    cv2.rectangle(pixels, (1250, 700), (1699, 1200), (236, 230, 205), -1)


def table_head(pixels):
    cv2.rectangle(pixels, (200, 100), (1500, 200), (70, 70, 70), -1)


@pytest.mark.parametrize("put", [seal, stain, note, table_head])
def test_seals_stains_notes_and_dark_cells_are_no_foreign_things(put):
    pixels = page()
    put(pixels)
    assert not {"object_on_page", "uneven_light"} & codes(judged(pixels))


def test_writing_that_is_still_askew_is_told():
    turn = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), -2.5, 1.0)
    pixels = cv2.warpAffine(page(), turn, SIZE, borderValue=(215, 215, 215))
    assert told(judged(pixels), "skew_left").facts["degrees"] == pytest.approx(2.5, abs=0.3)
    assert "skew_left" not in codes(judged(page()))


def test_the_true_resolution_is_that_of_the_known_paper():
    view = View.of(page(), None, Hints(paper="A4"))
    assert quality.true_ppi(view) == pytest.approx(2300 / 297 * 25.4, rel=0.01)
    assert quality.true_ppi(View.of(page(), 200, Hints(paper="A4"))) == 200, "what the file states fits the paper"
    assert quality.true_ppi(View.of(page(), 600, Hints(paper="A4"))) == pytest.approx(197, abs=1), "and this does not"
    assert quality.true_ppi(View.of(page())) is None

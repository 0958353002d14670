"""The generator: a seed gives the same image; its letters exist; the committed set is whole and small."""

import datetime
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samples import books, entries, people
from samples.generate import DEVICES, ERAS, KINDS, generate, make, random_spec
from samples.ink import FONTS, HANDS, _font

SAMPLES = Path(books.__file__).parent


def spoken(words):
    """All letters of nested tuples of text."""
    return set(words) if isinstance(words, str) else set().union(*map(spoken, words))


@pytest.mark.parametrize("era", ERAS)
def test_a_seed_gives_the_same_bytes(era, tmp_path):
    for name in ("a", "b"):
        generate(tmp_path / name, 1, 3, era=era, dpi=60)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 3
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_another_seed_gives_another_image():
    spec = random_spec(np.random.default_rng(1), era="form", device="white bed", dpi=60)
    one, other = make(spec, 1), make(spec, 2)
    assert one.truth["text"] != other.truth["text"]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_from_every_device(kind, device, tmp_path):
    generate(tmp_path, 2, 40, kind=kind, device=device, dpi=50)
    for path in tmp_path.glob("*.truth.json"):
        truth = json.loads(path.read_text(encoding="utf-8"))
        assert (truth["kind"], truth["device"]) == (kind, device)
        with Image.open(path.with_name(path.name.replace(".truth.json", ".jpg"))) as image:
            turned = image.getexif().get(0x0112, 1) == 6
            assert list(image.size[::-1] if turned else image.size) == truth["size"]


@pytest.mark.parametrize("font", [*HANDS, "print-regular", "print-bold", "signature"])
def test_the_fonts_have_every_letter_that_is_written(font):
    names = (people.FAMILY, people.MIDDLE_MEN, people.MIDDLE_WOMEN, people.GIVEN_MEN, people.GIVEN_WOMEN)
    letters = spoken(
        (names, people.PLACES, people.VILLAGES, people.TRADES, people.COUNTS, entries.NOTES, "0123456789")
    )
    letters |= {letter.upper() for letter in letters}
    drawn = _font(font, 40)
    missing = bytes(drawn.getmask("\uffff"))
    assert [letter for letter in sorted(letters - {" "}) if bytes(drawn.getmask(letter)) == missing] == []


def test_numbers_and_dates_in_words():
    expected = {
        5: "năm", 10: "mười", 15: "mười lăm", 21: "hai mươi mốt", 40: "bốn mươi", 55: "năm mươi lăm",
        105: "một trăm lẻ năm", 212: "hai trăm mười hai", 1990: "một nghìn chín trăm chín mươi",
        2002: "hai nghìn không trăm lẻ hai", 2015: "hai nghìn không trăm mười lăm",
    }  # fmt: skip
    assert {number: people.number_in_words(number) for number in expected} == expected
    words = people.date_in_words(datetime.date(2009, 5, 21))
    assert words == "Ngày hai mươi mốt, tháng năm, năm hai nghìn không trăm lẻ chín"


def test_the_committed_set_is_whole():
    images = {path.relative_to(books.PAGES).as_posix() for path in books.PAGES.rglob("*") if path.is_file()}
    assert images == {f"{name}.jpg" for name in books.COMMITTED}
    for name in books.COMMITTED:
        truth = json.loads((books.TRUTH / f"{name}.truth.json").read_text(encoding="utf-8"))
        with Image.open(books.TRUTH / f"{name}.ink.png") as mask:
            assert mask.mode == "1" and list(mask.size) == truth["size"]
    assert {name.split("/")[0] for name in books.COMMITTED} == set(books.DEMO_BOOKS.values())


def test_the_committed_set_lies_in_order_of_its_cases():
    for folder in books.DEMO_BOOKS.values():
        numbers = []
        for name in sorted(name for name in books.COMMITTED if name.startswith(folder)):
            truth = json.loads((books.TRUTH / f"{name}.truth.json").read_text(encoding="utf-8"))
            numbers += [case["number"] for case in truth["cases"]]
        assert numbers == sorted(set(numbers))


def test_all_that_is_committed_takes_less_than_six_megabytes():
    files = [path for path in SAMPLES.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) < 6e6
    assert sum(path.stat().st_size for path in FONTS.glob("*.ttf")) < 700e3


def test_every_font_has_its_licence():
    for path in FONTS.glob("*.ttf"):
        text = path.with_suffix(".LICENSE.txt").read_text(encoding="utf-8")
        assert "SIL OPEN FONT LICENSE" in text.upper()


@pytest.mark.parametrize("name", [name for name, (_, spec) in books.COMMITTED.items() if spec.era == "form"])
def test_the_committed_set_is_what_the_generator_makes(name):
    seed, spec = books.COMMITTED[name]
    made = make(spec, seed)
    kept = json.loads((books.TRUTH / f"{name}.truth.json").read_text(encoding="utf-8"))
    assert made.truth["text"] == kept["text"] and made.truth["cases"] == kept["cases"]
    assert np.array(made.truth["pages"][0]["corners"]) == pytest.approx(
        np.array(kept["pages"][0]["corners"]), abs=0.1
    )
    with Image.open(books.TRUTH / f"{name}.ink.png") as mask:
        assert ((made.ink == 0) != ~np.asarray(mask)).mean() < 0.001
    with Image.open(books.PAGES / f"{name}.jpg") as image:
        assert image.getexif().get(0x0112, 1) == (6 if spec.sideways else 1)

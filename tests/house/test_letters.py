"""Words in pictures: set alike on every system, however their letters are made up."""

import unicodedata

from PIL import Image, ImageDraw

from texts.letters import drawable, letters

WORDS = "Sổ đăng ký kết hôn năm 1990, xã Ngọc Hồi: AVATAR"
WIDTH = 718  # px, on Linux and on Windows; 694 if they were laid out by a library that not every system has


def drawn(text):
    picture = Image.new("L", (900, 60), 255)
    ImageDraw.Draw(picture).text((10, 5), drawable(text), 0, font=letters("bold", 30))
    return picture


def test_words_are_as_wide_as_on_every_system():
    assert letters("bold", 30).getlength(WORDS) == WIDTH


def test_a_letter_and_its_marks_may_be_one_sign_or_several():
    assert drawn(unicodedata.normalize("NFD", WORDS)).tobytes() == drawn(WORDS).tobytes()

"""The catalogues: both languages say the same things, and every code that the program raises has its sentence."""

import ast
import re
import string
from pathlib import Path

import pytest

from texts import LANGUAGES, catalogue, say

ROOT = Path(__file__).parents[2]
FOLDERS = ("batch", "bookpack", "capture", "commands", "imaging", "originals", "province", "reporting", "settings",
           "station", "webstation")
RUNTIME = [*ROOT.glob("*.py"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
VIETNAMESE = re.compile("[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]", re.IGNORECASE)
RAISERS = {"error": {"UnreadableImage", "StorageFailed", "StoreBusy", "BadConfig", "BadIdentity", "NothingToDo",
                     "BrokenPackage", "CannotSign", "Refused", "UnreadableTable", "SohoaError"},
           "finding": {"Finding"}, "problem": {"Problem"}, "closing": {"Gap"},
           "case_problem": {"CaseProblem", "BadCell"}}


def _codes(section):
    """(code, file) of each call of a class of the section with its code written out."""
    for path in RUNTIME:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            if name in RAISERS[section] and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value, path.name


def _fields(sentence):
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_sentences_with_the_same_facts():
    vi, en = (catalogue(language) for language in LANGUAGES)
    assert vi.keys() == en.keys()
    for section in vi:
        assert vi[section].keys() == en[section].keys(), section
        for code in vi[section]:
            assert _fields(vi[section][code]) == _fields(en[section][code]), (section, code)


@pytest.mark.parametrize("section", sorted(RAISERS))
def test_every_code_in_the_program_has_its_sentence(section):
    known = catalogue("vi")[section]
    found = list(_codes(section))
    assert found
    assert [(code, file) for code, file in found if code not in known] == []


def test_vietnamese_is_written_with_its_marks_and_in_composed_letters():
    for section in catalogue("vi").values():
        for code, sentence in section.items():
            assert not re.search("[\u0300-\u036f]", sentence), code
            if len(re.sub("{.*?}", "", sentence)) > 30:
                assert VIETNAMESE.search(sentence), code


def test_numbers_are_written_as_the_language_writes_them():
    assert "1.234,5" in say("doctor", "room", "vi", gb=1234.5, folder="/")
    assert "1,234.5" in say("doctor", "room", "en", gb=1234.5, folder="/")


def test_times_are_written_as_people_write_them():
    assert "26.11.2026 04:15" in say("signature", "time", "vi", time="2026-11-26T04:15:33+07:00")


def test_an_unknown_code_hides_nothing():
    assert "new_kind" in say("finding", "new_kind", "vi", size=3)

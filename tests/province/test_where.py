"""`--where`: what is asked of books and of pages, and what is said of a question that nobody can answer."""

import pickle
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from changed_pages import page

from book import Identity
from errors import BadConfig
from province.where import KEYS, Where, parse
from texts import catalogue, say

KINDS = ("KS", "KH", "KT")
BOOK = Identity.parse("KS.1998.14800.03")


@pytest.mark.parametrize("text", [
    "", "   ", "type=KS", "type=ks", "type=KS year<1999", "type=KH,KS", "type = KH , KS  year <= 1998", "place=148*",
    "place=14800", "year>=1998 year<=1998", "year!=1999", "volume=3", "volume=1,2,3", "book=KS.1998.*", "type!=KH,KT",
])
def test_a_book_that_is_meant(text):
    assert parse(text, KINDS).book(BOOK)


@pytest.mark.parametrize("text", [
    "type=KH", "type=KS year<1998", "type!=KS", "type!=KS,KH", "place=149*", "place!=148*", "year>1998", "volume=4",
    "book=KH.*", "volume=1,2",
])
def test_a_book_that_is_not_meant(text):
    assert not parse(text, KINDS).book(BOOK)


def test_without_words_of_pages_no_page_has_to_be_known():
    where = parse("type=KS year<1999")
    assert not where.needs_pages
    assert where.capture([])
    assert not Where().needs_pages


def test_words_of_pages_say_nothing_of_the_book():
    where = parse("type=KS finding=faint_ink")
    assert where.needs_pages
    assert where.book(BOOK)
    assert not where.capture([])


@pytest.mark.parametrize(("text", "meant"), [
    ("finding=faint_ink", True), ("finding=glare,faint_ink", True), ("finding=glare", False), ("finding!=glare", True),
    ("finding!=faint_ink", False), ("finding=*", True), ("finding=*_ink", True), ("confidence<0.8", True),
    ("confidence>0.8", False), ("doubt>=0.5", True), ("angle>2", True), ("angle<2", False), ("side=left", True),
    ("side=right", False), ("paper=a4", True), ("paper=A3", False), ("kb>300", True), ("kb<300", False),
    ("drawing_kb<=20", True), ("warnings=0", True), ("warnings>0", False), ("finding=faint_ink angle>2 side=left", True),
])
def test_a_page(text, meant):
    one = page(notes=("faint_ink",), confidence=0.7, doubt=0.6, angle=-2.5, side="left", jpeg_bytes=310_000,
               drawing_bytes=20_000)
    assert parse(text).capture([one]) is meant


def test_all_words_must_hold_of_one_page():
    left, right = page(notes=("faint_ink",)), page(angle=5.0, side="right")
    assert parse("finding=faint_ink").capture([right, left])
    assert not parse("finding=faint_ink angle>2").capture([left, right])
    assert parse("finding=faint_ink angle>2").capture([right, replace(left, angle=3.0)])


@pytest.mark.parametrize(("text", "code", "facts"), [
    ("KS", "where_form", {"term": "KS"}),
    ("year<1999 type:KS", "where_form", {"term": "type:KS"}),
    ("type=", "where_form", {"term": "type="}),
    ("type=KS=KH", "where_form", {"term": "type=KS=KH"}),
    ("findings=faint_ink", "where_key", {"key": "findings", "nearest": "finding"}),
    ("year<năm", "where_number", {"value": "năm"}),
    ("type<KS", "where_order", {"operators": "= !="}),
    ("year<1990,1991", "where_order", {"operators": "= != < <= > >="}),
    ("finding=faint_inc", "where_value", {"known": "faint_ink"}),
    ("finding=glary", "where_value", {"known": "glare"}),
    ("type=KX", "where_value", {"known": "KH, KS, KT"}),
    ("type=Q", "where_value", {"known": "KH, KS, KT"}),
    ("side=middle", "where_value", {"value": "middle"}),
    ("paper=B9", "where_value", {"term": "paper=B9"}),
])
def test_what_cannot_be_answered_is_told_with_what_could(text, code, facts):
    with pytest.raises(BadConfig) as told:
        parse(text, KINDS)
    assert told.value.code == code
    assert facts.items() <= told.value.facts.items()
    for language in ("vi", "en"):
        assert "⟨" not in say("error", code, language, **told.value.facts)


def test_every_finding_can_be_asked_for():
    text = f"finding={','.join(catalogue('vi')['finding'])}"
    assert len(parse(text).terms[0].values) == len(catalogue("vi")["finding"])
    assert set(catalogue("vi")["finding"]) <= set(KEYS["finding"].known())


def test_a_question_travels_to_a_worker_and_the_same_words_are_the_same_question():
    where = parse("type=KS finding=faint_ink,glare angle>2")
    assert pickle.loads(pickle.dumps(where)) == where
    assert str(parse(" type=ks  finding=faint_ink , glare angle > 2 ")) == str(where)

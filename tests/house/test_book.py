"""The nouns: identities, canonical JSON, and the round trip of a recipe."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from book import By, Decision, Finding, Identity, Page, Recipe, Severity, Side, canonical_json, digest
from errors import BadIdentity, UnreadableImage

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-10**9, 10**9) | st.floats(-1e6, 1e6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
findings = st.builds(Finding, st.text(min_size=1, max_size=8), st.sampled_from(Severity),
                     st.dictionaries(st.text(max_size=4), st.integers(), max_size=2))
decisions = st.builds(Decision, st.sampled_from(["orient", "split"]), st.integers(1, 9),
                      st.dictionaries(st.text(max_size=5), json_values, max_size=3), st.floats(0, 1),
                      st.sampled_from(By), st.text(max_size=8), st.lists(findings, max_size=2).map(tuple))
recipes = st.builds(Recipe, st.just("ab" * 32), st.integers(0, 5), st.sampled_from(Side),
                    st.lists(decisions, max_size=3).map(tuple))


@given(recipes)
def test_a_recipe_comes_back_from_its_json(recipe):
    again = Recipe.from_json(recipe.to_json())
    assert again.digest == recipe.digest
    assert Recipe.from_json(again.to_json()) == again


@given(json_values)
def test_canonical_json_does_not_depend_on_the_order_of_keys(value):
    assert digest({"a": value, "b": 1}) == digest({"b": 1, "a": value})


def test_canonical_json_has_one_spelling_of_zero_and_none_of_nonsense():
    assert canonical_json([-0.0, 1e-9]) == "[0.0,0.0]"
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json(math.nan)


def test_an_identity_is_read_and_written():
    identity = Identity.parse("KH.1994.14800.3", {"KH": "kết hôn"})
    assert identity == Identity("KH", 1994, "14800", 3)
    assert str(identity) == "KH.1994.14800.03"


@pytest.mark.parametrize(("text", "code"), [
    ("", "book_id_form"), ("KH", "book_id_form"), ("KH.1994.14800", "book_id_form"), ("KH.1994.148.03", "book_id_form"),
    ("kh.1994.14800.03", "book_id_form"), ("../../etc.1994.14800.03", "book_id_form"), ("KH.1994.14800.00", "book_id_form"),
    ("KH.1994.14800.03\n.x", "book_id_form"), ("NUL.1994.14800.03", "book_id_form"), ("XX.1994.14800.03", "book_id_kind"),
    ("KH.1066.14800.03", "book_id_year"),
])
def test_a_wrong_identity_is_refused_with_its_reason(text, code):
    with pytest.raises(BadIdentity) as caught:
        Identity.parse(text, {"KH": "kết hôn"})
    assert caught.value.code == code


def test_page_ids_are_stable():
    assert Page("abcd1234", Side.WHOLE).id == "abcd1234"
    assert Page("abcd1234.2", Side.LEFT).id == "abcd1234.2-L"


def test_an_error_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(UnreadableImage("truncated", name="a.jpg")))
    assert (error.code, error.facts) == ("truncated", {"name": "a.jpg"})

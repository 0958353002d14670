"""Pages are ranked by one number of doubt, and places are told in words."""

import pytest

from book import Finding, Severity, doubt
from summary import explain
from texts import LANGUAGES
from texts.places import place


def warning(times=1.0):
    return Finding("blurred", Severity.WARNING, {"times": times})


def test_a_page_that_is_sure_and_without_findings_is_not_doubtful():
    assert doubt([], 1.0) == 0


def test_doubt_grows_with_severity_number_excess_and_unsureness():
    ranks = [doubt([], 0.9), doubt([Finding("faint_ink")], 0.9), doubt([warning()], 0.9), doubt([warning()], 0.5),
             doubt([warning(2)], 0.5), doubt([warning(2), warning()], 0.5)]
    assert ranks == sorted(ranks) and len(set(ranks)) == len(ranks)


def test_no_single_measure_outweighs_all_others():
    assert doubt([warning(1000)], 1.0) == doubt([warning(4)], 1.0) == 3


@pytest.mark.parametrize("boxes, words", [
    ([[0, 0, 1, 1]], "all over the page"), ([[0, 0, 0.2, 0.2]], "at the top left"),
    ([[0.4, 0.4, 0.6, 0.6]], "in the middle"),
    ([[0.05, 0.8, 0.95, 1]], "at the bottom"), ([[0.9, 0.4, 1, 0.6], [0, 0.45, 0.1, 0.5]], "at the right and at the left"),
    ([[0, 0, 0.1, 0.1], [0.9, 0, 1, 0.1], [0.9, 0.9, 1, 1]], "in many places"), (None, "on the page"),
])
def test_boxes_become_places_in_words(boxes, words):
    assert place(boxes, "en") == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_finding_says_its_place(language):
    finding = Finding("glare", Severity.WARNING, {"percent": 2.0, "where": [[0, 0, 0.2, 0.2]], "times": 5.0})
    said = explain(finding, language)
    assert place([[0, 0, 0.2, 0.2]], language) in said
    assert "⟨" not in said and "{" not in said

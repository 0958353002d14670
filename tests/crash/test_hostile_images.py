"""The quick form of benchmarks.hostile: no image takes the looker down, or makes it slow or large."""

import os

from batch import local
from benchmarks.hostile import look_at, look_at_all, mutant, written_bombs
from tests.windows.only import KEEPS_NO_MEMORY_LIMIT, no_wine

MUTANTS = 300


def test_mutants_are_read_or_put_aside_with_a_reason():
    tally = look_at_all(range(MUTANTS))
    assert tally.failures == []
    assert sum(tally.codes.values()) == MUTANTS
    assert 50 < tally.codes["fine"] < MUTANTS - 50  # neither harmless nor noise
    assert tally.memory[0] < 1500


@no_wine(KEEPS_NO_MEMORY_LIMIT)
def test_bombs_are_refused_or_their_reader_is_ended(tmp_path):
    bombs = list(written_bombs(tmp_path))
    tally = look_at_all(bombs)
    assert sum(tally.codes.values()) == len(bombs)
    assert {reason.split()[0] for reason, _ in tally.failures} <= {"worker_out_of_memory"}
    assert tally.memory[0] < 1500
    assert tally.codes["too_large"] >= 5


def test_a_reader_that_dies_is_told_of():
    with local.Pool(_die, 1) as pool:
        pool.give(0)
        (_, failure), = pool.results(30)
    assert failure.code == "worker_died"


def test_a_mutant_is_always_the_same():
    assert mutant(17) == mutant(17)
    assert mutant(17) != mutant(18)
    assert look_at(17).codes == look_at(17).codes


def _die(task):
    os._exit(9)

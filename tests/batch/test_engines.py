"""What both engines promise: one result a task, limits of its own, who goes first, and what a bad task costs."""

import os

import pytest

from batch.local import Failure, Pool
from tests.batch.conftest import LIMITS
from tests.batch.work import work
from tests.windows.only import KEEPS_NO_MEMORY_LIMIT, no_wine


@pytest.fixture(scope="module", params=["local", "cluster"])
def engine(request):
    if request.param == "cluster":
        yield request.getfixturevalue("cluster")
    else:
        with Pool(work, 2, LIMITS) as pool:
            yield pool


def results_of(engine, *tasks, **how):
    """Results in the order of the tasks, each told once."""
    numbers, told = [engine.give(task, **how) for task in tasks], []
    while engine.unfinished:
        told += engine.results()
    assert sorted(number for number, _ in told) == sorted(numbers)
    return [dict(told)[number] for number in numbers]


def test_each_task_gives_one_result(engine):
    assert results_of(engine, *(("double", number) for number in range(200))) == [2 * number for number in range(200)]
    assert engine.results() == []
    assert engine.jobs == 2


def test_refusals_and_defects_come_back_with_their_reason(engine):
    refused, defect = results_of(engine, ("refuse", "a.jpg"), ("defect", "oops"))
    assert refused == Failure("truncated", {"name": "a.jpg"})
    assert defect.code == "worker_defect" and "oops" in defect.facts["reason"]


def test_a_task_may_have_a_limit_of_its_own(engine):
    slow, = results_of(engine, ("hang", 0), seconds=0.5)
    assert slow == Failure("worker_too_slow", {"seconds": 0.5})
    assert results_of(engine, ("started", 0.7)) != [slow]


def test_what_is_to_go_first_does(engine):
    waiting = [engine.give(("started", 0.1)) for _ in range(16)]
    urgent = engine.give(("started", 0.0), first=True)
    began = {}
    while engine.unfinished:
        began |= dict(engine.results())
    before = sum(began[number] < began[urgent] for number in waiting)
    assert before < 8, "a few were on their way already, the others waited"


def test_waiting_ends_when_it_was_told_to(engine):
    number = engine.give(("started", 1.0))
    assert engine.results(timeout=0.1) == []
    assert engine.unfinished == 1
    assert [told for told, _ in engine.results()] == [number]


@no_wine(KEEPS_NO_MEMORY_LIMIT)
def test_poisoned_tasks_cost_only_themselves(engine):
    poison = {"die": "worker_died", "hang": "worker_too_slow", "eat": "worker_out_of_memory", "defect": "worker_defect"}
    before = workers_of(engine)
    numbers = [engine.give(("double", number)) for number in range(96)]
    bad = {engine.give((kind, 0), seconds=1.0 if kind == "hang" else None): code for kind, code in poison.items()}
    told = {}
    while engine.unfinished:
        told |= dict(engine.results())
    assert [told[number] for number in numbers] == [2 * number for number in range(96)]
    assert {number: told[number].code for number in bad} == bad
    assert workers_of(engine) == before, "Dask workers are the processes they were"


def workers_of(engine):
    return {} if isinstance(engine, Pool) else engine._link.client.run(os.getpid)

"""The pool of workers: results, order, crashes, hangs, defects and Ctrl-C."""

import os
import threading
import time

import pytest

from batch.local import Failure, Limits, Pool, run
from errors import UnreadableImage
from tests.windows.only import KEEPS_NO_MEMORY_LIMIT, no_wine

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def _work(task):
    kind, value = task
    if kind == "die":
        os._exit(9)
    if kind == "die once":
        if not os.path.exists(value):
            open(value, "w").close()
            os._exit(9)
        return "lived"
    if kind == "hang":
        time.sleep(600)
    if kind == "eat":
        return len(bytearray(8 * 2**30))
    if kind == "defect":
        raise ZeroDivisionError(value)
    if kind == "threads":
        import cv2

        return cv2.getNumThreads(), os.environ.get("OPENBLAS_NUM_THREADS")
    if kind == "nothing":
        return None
    if kind == "refuse":
        raise UnreadableImage("truncated", name=value)
    return value * 2


def test_each_task_gives_one_result_whatever_the_number_of_workers():
    tasks = [("double", number) for number in range(9)]
    for jobs in (1, 3):
        assert dict(run(_work, tasks, jobs)) == {number: number * 2 for number in range(9)}


def test_workers_do_not_get_in_each_others_way(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    for threads, told in ((1, "1"), (2, "2"), (0, "3")):
        with Pool(_work, 1, threads=threads) as pool:
            number, of_blas = pool.ask(("threads", 0))
        assert number == (threads or os.cpu_count())
        assert of_blas == told
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3"
    assert "OPENCV_FOR_THREADS_NUM" not in os.environ


def test_nothing_is_a_result_too():
    assert dict(run(_work, [("nothing", 0), ("double", 2)], jobs=1, limits=Limits(seconds=20))) == {0: None, 1: 4}


def test_no_tasks_give_no_results():
    assert list(run(_work, [])) == []


def test_a_task_that_kills_its_worker_costs_only_itself():
    results = dict(run(_work, [("double", 1), ("die", 0), ("double", 2)], jobs=2))
    assert (results[0], results[2]) == (2, 4)
    assert results[1].code == "worker_died"


def test_a_task_whose_worker_died_is_tried_once_more(tmp_path):
    assert dict(run(_work, [("die once", str(tmp_path / "died"))], jobs=1)) == {0: "lived"}


def test_a_hanging_task_is_ended():
    seconds = 2 if os.name != "nt" else 12  # of which a process needs some to start
    results = dict(run(_work, [("hang", 0), ("double", 2)], jobs=1, limits=Limits(seconds=seconds)))
    assert results[0] == Failure("worker_too_slow", {"seconds": seconds})
    assert results[1] == 4


@no_wine(KEEPS_NO_MEMORY_LIMIT)
def test_a_task_that_wants_too_much_memory_is_given_up():
    results = dict(run(_work, [("eat", 0), ("double", 2)], jobs=1, limits=Limits(memory_mb=1000)))
    assert results[0].code == "worker_out_of_memory"
    assert results[1] == 4


def test_refusals_and_defects_come_back_with_their_reason():
    results = dict(run(_work, [("refuse", "a.jpg"), ("defect", "oops")], jobs=1))
    assert results[0] == Failure("truncated", {"name": "a.jpg"})
    assert results[1].code == "worker_defect"
    assert "oops" in results[1].facts["reason"]


def test_closing_the_iterator_ends_the_workers():
    results = run(_work, [("double", 1), ("hang", 0)], jobs=2)
    assert next(results) == (0, 2)
    start = time.monotonic()
    results.close()
    assert time.monotonic() - start < 60


def test_a_pool_lives_on_from_task_to_task_and_outlives_its_workers():
    with Pool(_work, jobs=1, limits=Limits(seconds=20)) as pool:
        assert pool.ask(("double", 4)) == 8
        assert pool.ask(("die", 0)).code == "worker_died"
        assert pool.ask(("refuse", "a.jpg")) == Failure("truncated", {"name": "a.jpg"})
        first, second = pool.give(("double", 1)), pool.give(("double", 2))
        results = {}
        while pool.unfinished:
            results |= dict(pool.results())
        assert results == {first: 2, second: 4}
        assert pool.results() == []


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.5])
def test_a_pool_can_be_stopped_by_another_thread_at_any_moment(pause):
    def ask():
        try:
            pool.ask(("hang", 0))
        except RuntimeError as error:
            told.append(str(error))

    pool, told = Pool(_work, 1), []
    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(pause)
    pool.stop()
    thread.join(10)
    assert told == ["the pool is stopped"]
    assert not any(worker.process.is_alive() for worker in pool._workers)
    pool.close()


def test_waiting_for_a_pool_ends_when_it_was_told_to():
    with Pool(_work, jobs=1) as pool:
        pool.give(("hang", 0))
        assert pool.results(timeout=0.1) == []
        assert pool.unfinished == 1

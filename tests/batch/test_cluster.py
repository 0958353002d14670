"""A cluster that things happen to: workers and schedulers are killed, workers have another program."""

import os
import threading
import time

import pytest

from batch.cluster import Cluster, SchedulerLost
from batch.local import Failure
from tests.batch.conftest import LIMITS, a_port, dask, ended
from tests.batch.work import program, work

psutil = pytest.importorskip("psutil")
pytest.importorskip("distributed")


class ByHand:
    """A scheduler and a worker as on machines of their own: whatever ends is started again, the scheduler when asked."""

    def __init__(self, port):
        self.address, self._port, self._over = f"tcp://127.0.0.1:{port}", str(port), threading.Event()
        self.start()
        self._supervisor = threading.Thread(target=self._keep_a_worker)
        self._supervisor.start()

    def start(self):
        unforgiving = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
        self._scheduler = dask("scheduler", "--host", "127.0.0.1", "--port", self._port, **unforgiving)

    def kill(self):
        self._scheduler.kill()
        self._scheduler.wait()

    def close(self):
        self._over.set()
        self._supervisor.join()
        self.kill()

    def _keep_a_worker(self):
        while not self._over.is_set():
            process = dask("worker", self.address, "--nthreads", "1")
            with ended(process):
                while process.poll() is None and not self._over.wait(0.1):
                    pass


@pytest.fixture(scope="module")
def by_hand():
    cluster = ByHand(a_port())
    yield cluster
    cluster.close()


def is_over(process):
    """Also where nobody has taken note of its end: its parent is gone, and not every machine has one that does."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def all_of(engine, numbers, seconds=60):
    told, until = [], time.monotonic() + seconds
    while engine.unfinished and time.monotonic() < until:
        told += engine.results(timeout=1)
    assert sorted(number for number, _ in told) == sorted(numbers)
    return dict(told)


def test_workers_that_are_killed_lose_nothing_and_are_replaced(cluster):
    numbers = [cluster.give(("started", 0.1)) for _ in range(80)]
    told = []
    for _ in range(2):
        told += cluster.results()
        psutil.Process(next(iter(pids(cluster).values()))).kill()
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            told += cluster.results(timeout=0.2)
    while cluster.unfinished:
        told += cluster.results()
    assert sorted(number for number, _ in told) == numbers
    assert all(isinstance(result, float) for _, result in told)
    wait_for(lambda: cluster.jobs == 2 and cluster.workers() == {"127.0.0.1": 2})


def test_a_child_ends_with_its_worker_though_it_is_at_work(cluster, tmp_path):
    mark = tmp_path / "child"
    number = cluster.give(("mark", str(mark)))
    wait_for(lambda: mark.exists() and mark.read_text())
    child = psutil.Process(int(mark.read_text()))
    child.parent().kill()
    wait_for(lambda: is_over(child))
    assert all_of(cluster, [number]) == {number: "done by another"}


def test_children_keep_the_memory_that_they_will_want_again(cluster):
    name = "MALLOC_TRIM_THRESHOLD_"
    number = cluster.give(("environment", name))
    assert all_of(cluster, [number]) == {number: "unset"}


def test_it_listens_to_this_machine_alone(cluster):
    pages = {psutil.Process().pid, *pids(cluster).values()}
    listening = [at.laddr.ip for at in psutil.net_connections("tcp") if at.pid in pages and at.status == psutil.CONN_LISTEN]
    assert set(listening) == {"127.0.0.1"}
    assert cluster.dashboard is None or cluster.dashboard.startswith("http://127.0.0.1:")


def test_closing_leaves_no_process_though_a_task_hangs(tmp_path):
    before, mark = set(psutil.Process().children(recursive=True)), tmp_path / "child"
    with Cluster(work, workers=1, limits=LIMITS) as engine:
        engine.give(("mark", str(mark)))
        wait_for(lambda: mark.exists() and mark.read_text())
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [process for process in left if "resource_tracker" not in " ".join(process.cmdline())]
    assert not psutil.pid_exists(int(mark.read_text()))


def test_a_task_that_dask_gives_up_is_given_again_but_not_for_ever(by_hand, monkeypatch):
    with Cluster(work, scheduler=by_hand.address, limits=LIMITS) as engine:
        wait_for(lambda: engine.workers())
        for patience, ends_well in ((3, True), (0, False)):
            monkeypatch.setattr("batch.cluster.GIVEN_AGAIN", patience)
            number = engine.give(("started", 1.0))
            engine.results(timeout=0.5)
            wait_for(lambda: pids(engine))
            psutil.Process(next(iter(pids(engine).values()))).kill()
            result = all_of(engine, [number])[number]
            assert isinstance(result, float) if ends_well else result == Failure("worker_died", {"exit": None})
        wait_for(lambda: pids(engine))
        engine._link.client.unregister_worker_plugin(engine._run)  # so that the function is nowhere
        number = engine.give(("double", 1))
        assert all_of(engine, [number])[number].code == "worker_died"


def test_a_scheduler_that_is_killed_and_started_again_loses_nothing(by_hand):
    with Cluster(work, scheduler=by_hand.address, limits=LIMITS) as engine:
        numbers = [engine.give(("started", 0.1)) for _ in range(20)]
        told = engine.results()
        by_hand.kill()
        told += engine.results(timeout=1.5)
        assert not engine.connected
        by_hand.start()
        late = [engine.give(("double", number)) for number in range(5)]
        results = dict(told) | all_of(engine, set(numbers + late) - {number for number, _ in told})
    assert [results[number] for number in late] == [0, 2, 4, 6, 8]
    assert all(isinstance(results[number], float) for number in numbers)


def test_a_scheduler_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("batch.cluster.CONNECT", 0.5)
    with pytest.raises(SchedulerLost) as lost:
        Cluster(work, scheduler=f"tcp://127.0.0.1:{a_port()}")
    assert lost.value.code == "scheduler_unreachable"


def test_nobody_waits_for_ever_for_a_scheduler(monkeypatch):
    port = a_port()
    monkeypatch.setattr("batch.cluster.AGAIN", 0.5)
    scheduler = dask("scheduler", "--host", "127.0.0.1", "--port", str(port))
    with ended(scheduler), Cluster(work, scheduler=f"tcp://127.0.0.1:{port}", patience=1.0) as engine:
        engine.give(("double", 1))
        assert (engine.workers(), engine.jobs) == ({}, 1)
        scheduler.kill()
        with pytest.raises(SchedulerLost) as lost:
            while True:
                engine.results(timeout=1)
        assert lost.value.code == "scheduler_lost"
        assert engine.unfinished == 1


def test_workers_with_another_program_or_none_do_no_work(tmp_path, monkeypatch):
    monkeypatch.setattr("batch.cluster.LOOK_AROUND", 0.2)
    port = a_port()
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['batch'] = None\n")
    address = f"tcp://127.0.0.1:{port}"
    scheduler = dask("scheduler", "--host", "127.0.0.1", "--port", str(port), first=str(tmp_path))
    other, none = worker(address, SOHOA_TEST_VERSION="2"), worker(address, first=str(tmp_path))
    with ended(scheduler, other, none), Cluster(work, scheduler=address, limits=LIMITS, version=program) as engine:
        wait_for(lambda: engine.workers() == {"127.0.0.1": 2})
        numbers = [engine.give(("double", number)) for number in range(6)]
        failed = all_of(engine, numbers)
        assert {failure.code for failure in failed.values()} == {"worker_other_version"}
        assert {"theirs": "2", "ours": "1"} in [failure.facts for failure in failed.values()]
        with ended(worker(address)):
            wait_for(lambda: engine.workers() == {"127.0.0.1": 3})
            numbers = [engine.give(("double", number)) for number in range(30)]
            assert sorted(all_of(engine, numbers).values()) == [2 * number for number in range(30)]


def worker(address, **environment):
    return dask("worker", address, "--nthreads", "1", "--memory-limit", "0", "--no-nanny", **environment)


def pids(engine):
    return engine._link.client.run(os.getpid)


def wait_for(there, seconds=60):
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until
        time.sleep(0.05)

"""Small sources of books, and an engine that carries orders out where it stands: quick, and a debugger can follow."""

import shutil
from collections import deque
from dataclasses import dataclass, field, replace

import pytest
from PIL import Image

import settings
from batch.local import Failure
from errors import SohoaError
from province.batch import carry_out, plan
from province.job import Job
from province.storage import open_storage

BOOKS = ("KH.1990.14800.01", "KS.2001.14800.02")


@dataclass
class Inline:
    """An engine of one worker: this process. `fail` may raise instead of an order."""

    job: Job
    fail: object = None
    jobs: int = 1
    done: list = field(default_factory=list)  # orders that were carried out
    _waiting: deque = field(default_factory=deque)
    _last: int = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._waiting.clear()

    @property
    def unfinished(self):
        return len(self._waiting)

    def give(self, task, seconds=None, first=False):
        self._last += 1
        (self._waiting.appendleft if first else self._waiting.append)((self._last, task))
        return self._last

    def results(self, timeout=None):
        if not self._waiting:
            return []
        number, order = self._waiting.popleft()
        try:
            if self.fail is not None:
                self.fail(order)
            self.done.append(order)
            return [(number, self.job(order))]
        except SohoaError as error:
            return [(number, Failure(error.code, dict(error.facts)))]


def run(source, dest, engine=Inline, fail=None, since=0.0, develop=True, **said):
    """One batch; the plan, the tally and the engine."""
    job = Job(open_storage(str(source)), open_storage(str(dest)), said.pop("settings", None) or settings.load(), **said)
    found = plan(job, since)
    made = engine(job, fail)
    return found, carry_out(job, found, lambda: made, lambda _: None, develop), made


def tree(folder, *parts):
    """The bytes of all files in folders below, by name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for part in parts or ("",)
            for path in sorted((folder / part).rglob("*")) if path.is_file()}


@pytest.fixture(scope="session")
def folder_source(small_pages, tmp_path_factory):
    """Two books as plain folders in a district's folder: two captures each, and a file that is none of theirs."""
    root = tmp_path_factory.mktemp("province") / "source"
    for book, names in zip(BOOKS, (("IMG_4.jpg", "IMG_12.jpg"), ("IMG_8.jpg", "IMG_16.jpg")), strict=True):
        folder = root / "Huyện Một" / book
        folder.mkdir(parents=True)
        for name in names:
            _smaller(small_pages / name, folder / name)
    return root


def _smaller(image, target):
    with Image.open(image) as opened:
        exif = opened.getexif()
        opened.thumbnail((900, 900))
        opened.save(target, quality=85, exif=exif)


@pytest.fixture(scope="session", autouse=True)
def developed_once(tmp_path_factory):
    """Most tests are about what is developed, not about developing: the same task gives the same files as the first time."""
    from developing import develop

    made = tmp_path_factory.mktemp("made")

    def again(task):
        folder = made / task.basis
        if not folder.exists():
            develop(replace(task, pages=folder))
        for path in folder.iterdir():
            if path.name != task.facts.name:
                shutil.copy(path, task.pages)
        shutil.copy(folder / task.facts.name, task.pages)
        return task.facts.name

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("province.orders.develop", again)
        yield


@pytest.fixture(scope="session")
def finished(folder_source, developed_once, tmp_path_factory):
    """What a batch makes of `folder_source`: only to be read."""
    dest = tmp_path_factory.mktemp("finished") / "dest"
    run(folder_source, dest)
    return dest


@pytest.fixture
def dest(finished, tmp_path):
    """A copy of a finished destination."""
    return shutil.copytree(finished, tmp_path / "dest")

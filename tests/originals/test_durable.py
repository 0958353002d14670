"""Durable writing: order of the steps, what a failing disk and a kill at each step leave behind."""

import errno
import os
import stat
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from errors import StorageFailed, StoreBusy
from originals import durable

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX file modes and folder flushes")


class Killed(BaseException):
    """The process is gone: no step after this one happens."""


class Disk:
    """Stands in for `os` and `open` in `durable`: notes each step that changes the disk, and fails at one."""

    CHANGES = ("fsync", "replace", "mkdir", "chmod", "unlink", "rmdir")

    def __init__(self, fail_at=None, failure=None):
        self.steps, self.fail_at, self.failure, self.dead = [], fail_at, failure, False

    def __getattr__(self, name):
        function = getattr(os, name)
        return self._counted(name, function) if name in self.CHANGES else function

    def _counted(self, name, function):
        def step(*arguments, **options):
            self.step(name, *arguments)
            return function(*arguments, **options)

        return step

    def step(self, name, *arguments):
        if self.dead:
            raise Killed
        self.steps.append((name, *arguments))
        if len(self.steps) - 1 == self.fail_at:
            self.dead = isinstance(self.failure, Killed)
            raise self.failure

    def open_file(self, path, mode="r", **options):
        if mode in ("xb", "ab"):
            self.step("open", path)
            return File(self, open(path, mode, **options))
        return open(path, mode, **options)


class File:
    """A file whose writes are steps; each write reaches the disk by half before it fails."""

    def __init__(self, disk, file):
        self._disk, self._file = disk, file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, data):
        try:
            self._disk.step("write", len(data))
        except BaseException:
            self._file.write(data[: len(data) // 2])
            self._file.flush()
            raise
        return self._file.write(data)


def with_disk(monkeypatch, **options):
    disk = Disk(**options)
    monkeypatch.setattr(durable, "os", disk)
    monkeypatch.setattr(durable, "open", disk.open_file, raising=False)
    return disk


def names(steps):
    return [step[0] for step in steps]


def work(folder):
    durable.write_once(folder / "ab" / "original", b"first " * 1000)
    durable.write_file(folder / "cache", [b"second ", b"half"])
    durable.append_line(folder / "log", '{"n":1}')
    durable.append_line(folder / "log", '{"n":2}')


def final_files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith(durable.TEMP)}


WHOLE = {"ab/original": b"first " * 1000, "cache": b"second half", "log": b'{"n":1}\n{"n":2}\n'}


def steps_of_work(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        disk = with_disk(patch)
        work(tmp_path / "counted")
    return len(disk.steps)


@posix
def test_received_means_durable(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    disk = with_disk(monkeypatch)
    durable.write_once(tmp_path / "a" / "original", b"bytes")
    assert names(disk.steps) == ["open", "write", "fsync", "chmod", "replace", "fsync", "unlink"]


@posix
def test_a_line_is_flushed_before_it_counts(tmp_path, monkeypatch):
    disk = with_disk(monkeypatch)
    durable.append_line(tmp_path / "log", "{}")
    assert names(disk.steps) == ["open", "write", "fsync", "fsync"]  # the second one is the folder's


def test_a_kill_at_each_step_leaves_nothing_half_done(tmp_path, monkeypatch):
    for number in range(steps_of_work(tmp_path, monkeypatch)):
        folder = tmp_path / str(number)
        with monkeypatch.context() as patch, pytest.raises(Killed):
            with_disk(patch, fail_at=number, failure=Killed())
            work(folder)
        for name, content in final_files(folder).items():
            if name == "log":
                assert durable.read_lines(folder / name)[0] in ([], ['{"n":1}'], ['{"n":1}', '{"n":2}'])
            else:
                assert content == WHOLE[name]
        durable.remove_temp(folder)
        assert not list(folder.rglob(durable.TEMP + "*"))


@pytest.mark.parametrize(("number", "code"), [
    (errno.ENOSPC, "disk_full"), (errno.EIO, "disk_failed"), (errno.EROFS, "read_only_disk"),
    (errno.EACCES, "cannot_write"),
])
def test_a_failing_disk_is_told_and_goes_on_when_it_works_again(tmp_path, monkeypatch, number, code):
    passing = {"unlink"}  # a temp file that stays is cleared away later
    if os.name == "nt" and number == errno.EACCES:
        passing.add("replace")  # another program had the file open: it is tried again
    for step in range(steps_of_work(tmp_path, monkeypatch)):
        folder = tmp_path / f"{code}{step}"
        with monkeypatch.context() as patch:
            disk = with_disk(patch, fail_at=step, failure=OSError(number, os.strerror(number)))
            try:
                work(folder)
            except StorageFailed as error:
                assert error.code == code
                assert str(tmp_path) in error.facts["file"]
            else:
                assert names(disk.steps)[step] in passing
        for name, content in final_files(folder).items():
            assert WHOLE[name].startswith(content) if name == "log" else content == WHOLE[name]
        (folder / "log").unlink(missing_ok=True)
        work(folder)
        assert final_files(folder) == WHOLE


@posix
def test_an_original_is_read_only(tmp_path):
    durable.write_once(tmp_path / "original", b"bytes")
    assert stat.S_IMODE((tmp_path / "original").stat().st_mode) == 0o444


def test_the_same_bytes_may_come_again_and_others_may_not(tmp_path):
    path = tmp_path / "original"
    durable.write_once(path, b"bytes")
    durable.write_once(path, b"bytes")
    with pytest.raises(StorageFailed) as caught:
        durable.write_once(path, b"other")
    assert caught.value.code == "original_differs"
    assert path.read_bytes() == b"bytes"
    assert [entry.name for entry in tmp_path.iterdir()] == ["original"]


def test_a_cache_file_is_replaced_whole(tmp_path):
    path = tmp_path / "cache"
    durable.write_file(path, [b"old"])

    def chunks():
        yield b"new "
        assert path.read_bytes() == b"old"
        yield b"bytes"

    durable.write_file(path, chunks())
    assert path.read_bytes() == b"new bytes"


def test_a_source_that_breaks_off_leaves_the_old_file(tmp_path):
    path = tmp_path / "cache"
    durable.write_file(path, [b"old"])

    def chunks():
        yield b"new "
        raise RuntimeError

    with pytest.raises(RuntimeError):
        durable.write_file(path, chunks())
    assert final_files(tmp_path) == {"cache": b"old"}
    assert not list(tmp_path.glob(durable.TEMP + "*"))


@pytest.mark.parametrize("torn", [b'{"n":', b'{"name":"\xe1\xbb', b"\0" * 50])
def test_a_torn_last_line_is_no_line_and_is_cut_off_before_the_next(tmp_path, torn):
    path = tmp_path / "log"
    path.write_bytes(b'{"n":1}\n' + torn)
    assert durable.read_lines(path)[0] == ['{"n":1}']
    durable.append_line(path, '{"n":2}')
    assert path.read_bytes() == b'{"n":1}\n{"n":2}\n'


def test_a_last_line_that_lacks_only_its_end_is_kept(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b'{"n":1}\n{"n":2}')
    assert durable.read_lines(path)[0] == ['{"n":1}', '{"n":2}']
    durable.append_line(path, '{"n":3}')
    assert path.read_bytes() == b'{"n":1}\n{"n":2}\n{"n":3}\n'


def test_lines_end_only_where_they_end(tmp_path):
    line = '{"name":"a\u2028b\u0085c\x0b"}'
    durable.append_line(tmp_path / "log", line)
    assert durable.read_lines(tmp_path / "log")[0] == [line]
    with pytest.raises(ValueError, match="one event"):
        durable.append_line(tmp_path / "log", "two\nlines")


def test_a_file_or_folder_in_the_making_has_no_name_until_it_is_whole(tmp_path):
    with durable.whole_file(tmp_path / "book.pdf") as temp:
        temp.write_bytes(b"pages")
        assert temp.suffix == ".pdf"
        assert not (tmp_path / "book.pdf").exists()
    with durable.whole_folder(tmp_path / "bag") as temp:
        (temp / "data").mkdir()
        (temp / "data" / "one").write_bytes(b"1")
        assert not (tmp_path / "bag").exists()
    assert final_files(tmp_path) == {"book.pdf": b"pages", "bag/data/one": b"1"}
    for making in (durable.whole_file(tmp_path / "book.pdf"), durable.whole_folder(tmp_path / "bag")):
        with pytest.raises(RuntimeError), making as temp:
            (temp if temp.suffix else temp / "half").write_bytes(b"half")
            raise RuntimeError
    assert final_files(tmp_path) == {"book.pdf": b"pages", "bag/data/one": b"1"}
    assert sorted(os.listdir(tmp_path)) == ["bag", "book.pdf"]


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    for content in (b"old", b"new"):
        with durable.whole_folder(tmp_path / "bag") as temp:
            (temp / content.decode()).write_bytes(content)
    assert final_files(tmp_path) == {"bag/new": b"new"}


def test_a_disk_that_fills_up_while_a_library_writes_is_told(tmp_path):
    with pytest.raises(StorageFailed) as caught, durable.whole_file(tmp_path / "book.pdf") as temp:
        temp.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "no room")
    assert caught.value.code == "disk_full"
    assert os.listdir(tmp_path) == []


def test_only_temp_names_are_cleared_away(tmp_path):
    kept = ["a.jpg", ".tmp-mine", "deep/b.jpg"]
    gone = [".tmp-0123456789abcdef", "deep/.tmp-0123456789abcdef.pdf", ".tmp-fedcba9876543210/bag/data"]
    for name in kept + gone:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    durable.remove_temp(tmp_path)
    left = (path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert sorted(left) == sorted(kept)


def test_removing_what_is_not_there_is_fine(tmp_path):
    durable.remove(tmp_path / "none")
    durable.write_once(tmp_path / "folder" / "deep" / "file", b"x")  # which is read-only
    durable.remove(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_a_file_that_somebody_reads_is_replaced_and_removed_when_it_is_closed(tmp_path):
    durable.write_file(tmp_path / "cache", [b"old"])
    for change in (partial(durable.write_file, tmp_path / "cache", [b"new"]), partial(durable.remove, tmp_path / "cache")):
        reader = open(tmp_path / "cache", "rb")  # noqa: SIM115  closed by the timer
        closing = threading.Timer(0.2, reader.close)
        closing.start()
        change()
        closing.join()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("refusals", "comes"), [(durable.FOLDER_TRIES - 1, True), (durable.FOLDER_TRIES, False)])
def test_on_windows_a_folder_that_a_virus_scanner_looks_through_is_waited_for(tmp_path, monkeypatch, refusals, comes):
    refused = iter(range(refusals))

    def rename(source, target):
        if source.is_dir() and next(refused, None) is not None:
            raise PermissionError(errno.EACCES, "in use")
        os.replace(source, target)

    monkeypatch.setattr(durable, "WINDOWS", True)
    monkeypatch.setattr(durable, "PAUSE", 0.0)
    monkeypatch.setattr(durable, "replace_through", rename)
    with suppress(StorageFailed), durable.whole_folder(tmp_path / "release") as temp:
        (temp / "python.exe").write_bytes(b"MZ")
    assert (tmp_path / "release").is_dir() == comes


def test_who_waits_for_a_lock_gets_it_when_it_is_let_go(tmp_path):
    order = []

    def wait_for_it():
        with durable.locked(tmp_path / "lock", wait=True):
            order.append("second")

    with durable.locked(tmp_path / "lock"):
        other = threading.Thread(target=wait_for_it)
        other.start()
        other.join(0.1)
        order.append("first")
    other.join(30)
    assert order == ["first", "second"]


def test_one_lock_at_a_time(tmp_path):
    with durable.locked(tmp_path / "lock"):
        with pytest.raises(StoreBusy), durable.locked(tmp_path / "lock"):
            pass
        with pytest.raises(OSError, match="of the work"), durable.locked(Path(tmp_path, "other")):
            raise OSError("of the work")  # not the lock's, so it stays what it is
    with durable.locked(tmp_path / "lock"):
        pass


def test_bytes_go_where_they_belong_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "uploads" / "part"
    durable.append_bytes(path, 0, b"one ")
    for offset in (0, 3, 5):
        with pytest.raises(ValueError):
            durable.append_bytes(path, offset, b"two")
    with monkeypatch.context() as patch, pytest.raises(StorageFailed) as caught:
        with_disk(patch, fail_at=1, failure=OSError(errno.ENOSPC, "no room"))
        durable.append_bytes(path, 4, b"two " * 1000)
    assert caught.value.code == "disk_full"
    assert path.read_bytes() == b"one "
    durable.append_bytes(path, 4, b"two")
    assert durable.keep_whole(path, tmp_path / "spool" / "whole") == tmp_path / "spool" / "whole"
    assert (tmp_path / "spool" / "whole").read_bytes() == b"one two" and not path.exists()


@posix
def test_a_file_that_came_piece_by_piece_is_flushed_before_it_has_its_name(tmp_path, monkeypatch):
    durable.append_bytes(tmp_path / "part", 0, b"bytes")
    (tmp_path / "spool").mkdir()
    disk = with_disk(monkeypatch)
    durable.keep_whole(tmp_path / "part", tmp_path / "spool" / "whole")
    assert names(disk.steps) == ["fsync", "replace", "fsync", "fsync"]


@posix
def test_a_private_file_is_never_open_to_others(tmp_path, monkeypatch):
    modes = []
    with monkeypatch.context() as patch:
        disk = with_disk(patch)
        patch.setattr(disk, "step", lambda *_: modes.extend(stat.S_IMODE(path.stat().st_mode)
                                                            for path in tmp_path.iterdir()), raising=False)
        durable.write_private(tmp_path / "key", b"secret")
    assert set(modes) == {0o600}

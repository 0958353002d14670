"""One contract, kept by a folder, S3, SFTP and WebDAV; and what becomes of it when the way there is bad."""

import os
import pickle
import subprocess
import sys
import time
import unicodedata
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from errors import BadConfig, StorageFailed
from originals import durable
from province.scratch import kept_as
from province.storage import LocalStorage, is_safe, open_storage
from tests.province.servers import (  # noqa: F401
    BUCKET,
    PASSWORD,
    FaultProxy,
    in_environment,
    s3_environment,
    s3_server,
    sftp_server,
    webdav_server,
)
from tests.windows.only import is_wine
from texts import say

ROOT = Path(__file__).parents[2]
NAMES = ["a.jpg", "Sổ 1/ảnh số 9.jpg", "Sổ 1/50%20 #1&+.jpg", "Sổ 1/v2/ảnh 'x' (2).jpg", "b/c/d/e.txt"]
KINDS = ["folder", "s3", "sftp", "webdav"]
MB = 1 << 20


@pytest.fixture(params=KINDS)
def storage(request, tmp_path):
    """An empty storage of each kind."""
    if request.param == "folder":
        return open_storage(str(tmp_path / "store"))
    name = f"{request.param}_server"
    return open_storage(f"{request.getfixturevalue(name).url}/{os.urandom(4).hex()}/Hà Nam 100%25", patience_s=5)


@pytest.fixture
def s3(s3_server):  # noqa: F811
    """A storage on S3, empty."""
    return open_storage(f"{s3_server.url}/{os.urandom(4).hex()}", patience_s=5)


def shown(entries):
    return sorted((entry.name, entry.size) for entry in entries)


def failing(code, call, *arguments):
    with pytest.raises(StorageFailed) as caught:
        call(*arguments)
    assert caught.value.code == code
    assert PASSWORD not in str(caught.value)
    assert "{" not in say("error", code, "vi", **caught.value.facts)
    return caught.value


# --- The contract ---------------------------------------------------------------------------------------------


def test_what_is_written_is_listed_and_read(storage):
    assert list(storage.list()) == []
    assert storage.look() == ([], [])
    for at, name in enumerate(NAMES):
        storage.write(name, b"x" * at)
    assert shown(storage.list()) == sorted((name, at) for at, name in enumerate(NAMES))
    assert [storage.read(name) for name in NAMES] == [b"x" * at for at in range(len(NAMES))]
    folders, files = storage.look()
    assert (folders, shown(files)) == (["Sổ 1", "b"], [("a.jpg", 0)])
    folders, files = storage.look("Sổ 1")
    assert (folders, [file.name for file in files]) == (["Sổ 1/v2"], sorted(NAMES[1:3]))
    assert shown(storage.list("Sổ 1")) == sorted((name, NAMES.index(name)) for name in NAMES[1:4])
    assert list(storage.list("Sổ")) == []
    by_wine = is_wine() and storage.url.startswith("sftp:")  # it tells the test's server of an invalid name, not of a file
    for name in ["none/there"] if by_wine else ["none/there", "a.jpg"]:
        assert list(storage.list(name)) == []
        assert storage.look(name) == ([], [])


@pytest.mark.parametrize("storage", ["folder", "s3", "sftp"], indirect=True)
def test_signs_of_an_address_may_stand_in_a_name(storage):
    """WsgiDAV ends a name there when a file is moved, so this is not asked of WebDAV."""
    if os.name == "nt" and not storage.url.startswith("s3:"):
        pytest.skip("Windows has no such names, neither on its disk nor on that of the test's server")
    storage.write("Trang 1?;.jpg", b"1")
    assert shown(storage.list()) == [("Trang 1?;.jpg", 1)]
    assert storage.read("Trang 1?;.jpg") == b"1"


def test_a_folder_below_is_a_storage(storage):
    storage.at("Sổ 1").at("v2").write("x.jpg", b"1")
    below = storage.at("Sổ 1/v2")
    assert below == storage.at("Sổ 1").at("v2")
    assert shown(below.list()) == [("x.jpg", 1)]
    assert storage.at("") is storage
    assert storage.read("Sổ 1/v2/x.jpg") == b"1"


def test_a_file_is_there_or_not(storage):
    storage.write("a/b.jpg", b"1")
    assert [storage.exists(name) for name in ("a/b.jpg", "a", "a/c.jpg", "b/b.jpg")] == [True, False, False, False]
    failing("storage_missing", storage.read, "a/c.jpg")
    failing("storage_missing", storage.read, "b/c.jpg")
    with pytest.raises(StorageFailed), storage.reading("a/c.jpg"):
        pass
    storage.remove(["a/b.jpg", "a/c.jpg", "none/there"])
    assert list(storage.list()) == []


def test_many_files_are_brought_at_once(storage, tmp_path):
    names = [f"Sổ/{number}.jpg" for number in range(9)]
    for at, name in enumerate(names):
        storage.write(name, bytes([at]))
    found = storage.copies(iter(names), tmp_path / "copies")
    assert {name: path.read_bytes() for name, path in found.items()} == {name: bytes([at]) for at, name in enumerate(names)}
    assert storage.copies([], tmp_path / "copies") == {}
    failing("storage_missing", storage.copies, [*names, "Sổ/10.jpg"], tmp_path / "more")


def test_a_folder_is_not_removed_with_what_is_in_it(storage):
    storage.write("a/b.jpg", b"1")
    storage.remove(["a"])
    assert shown(storage.list()) == [("a/b.jpg", 1)]


def test_what_is_replaced_has_another_stamp(storage):
    before = time.time()
    storage.write("a", b"1")
    first, = storage.list()
    assert first == next(storage.list())
    storage.write("a", b"22")
    second, = storage.list()
    assert storage.read("a") == b"22"
    assert first.stamp != second.stamp
    assert second.stamp
    assert abs(second.modified - before) < 30


def test_a_file_is_created_once(storage):
    assert storage.create("locks/a", b"I")
    assert not storage.create("locks/a", b"you")
    assert storage.read("locks/a") == b"I"
    assert shown(storage.list()) == [("locks/a", 1)]


def _create(storage, who):
    return storage.create("one", who)


def test_of_several_processes_that_create_a_file_one_does(storage):
    with get_context("spawn").Pool(2) as pool:
        won = pool.starmap(_create, [(storage, bytes([who])) for who in range(6)], chunksize=1)
    assert won.count(True) == 1
    assert storage.read("one") == bytes([won.index(True)])


def test_a_file_can_be_read_where_a_path_is_wanted(storage):
    storage.write("Sổ 1/ảnh.jpg", b"picture")
    with storage.reading("Sổ 1/ảnh.jpg") as path:
        assert path.read_bytes() == b"picture"
        assert path.suffix == ".jpg"
    assert path.exists() == (storage.path is not None)


def test_a_folder_is_filled_with_whole_files(storage):
    storage.write("book/old", b"0")
    with storage.filling("book", last=("whole.json",)) as folder:
        durable.write_file(folder / "b" / "c.jpg", [b"11", b"1"])
        durable.write_file(folder / "whole.json", [b"{}"])
        if storage.path is None:
            (folder / f"{durable.TEMP}0123456789abcdef").write_bytes(b"half")
            assert shown(storage.list("book")) == [("book/old", 1)]
    assert shown(storage.list()) == [("book/b/c.jpg", 3), ("book/old", 1), ("book/whole.json", 2)]
    assert folder.exists() == (storage.path is not None)


def test_what_tells_that_the_rest_is_there_comes_last(through):
    storage, proxy = through(lambda number, method: "503" if number % 3 == 0 else "")
    names = [f"data/{at}.jpg" for at in range(8)]
    with storage.filling("book", last=("seal.*", "whole.json")) as folder:
        for name in ["whole.json", "seal.txt", *names]:
            durable.write_file(folder / name, [b"1"])
    put = [path.partition("/book/")[2] for method, path, fault in proxy.requests if method == "PUT" and not fault]
    assert sorted(put[:-2]) == names
    assert put[-2:] == ["seal.txt", "whole.json"]


def test_where_the_rest_cannot_be_put_nothing_tells_that_it_is_there(through):
    storage, proxy = through(lambda number, method: "503" if number > 4 else "", patience_s=0.3)
    with pytest.raises(StorageFailed), storage.filling("book", last=("whole.json",)) as folder:
        for name in ["whole.json", *(f"{at}.jpg" for at in range(8))]:
            durable.write_file(folder / name, [b"1"])
    assert len(proxy.requests) > 5
    assert not any(path.endswith("whole.json") for method, path, _ in proxy.requests if method == "PUT")


def test_a_block_that_fails_puts_nothing(s3):
    with pytest.raises(ValueError), s3.filling("book") as folder:
        durable.write_file(folder / "a", [b"1"])
        raise ValueError
    assert list(s3.list()) == []


def test_temp_names_are_in_no_listing(storage):
    with storage.filling("") as folder:
        if storage.path:
            durable.write_file(folder / ".tmp-0123456789abcdef", [b"half"])
            durable.write_file(folder / "a" / ".tmp-0123456789abcdef" / "b", [b"half"])
    storage.write(".tmp-fedcba9876543210", b"half")
    storage.write("a/whole", b"whole")
    assert shown(storage.list()) == [("a/whole", 5)]
    assert [file.name for file in storage.look()[1]] == []


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/../b", "/a", "a//b", "a/", "a\\b", "a\nb", "C:a", "a\udcff"])
def test_a_name_that_leads_elsewhere_is_refused(storage, name):
    assert not is_safe(name)
    failing("storage_name", storage.read, name)
    failing("storage_name", storage.write, name, b"")
    failing("storage_name", storage.exists, name)
    failing("storage_name", storage.remove, [name])
    if name:
        failing("storage_name", storage.at, name)
        failing("storage_name", lambda: list(storage.list(name)))


def test_a_storage_is_a_value(storage):
    again = pickle.loads(pickle.dumps(storage))
    assert again == storage
    assert len({again, storage}) == 1
    assert PASSWORD not in repr(storage) + str(storage) + storage.url
    again.write("a", b"1")
    assert storage.read("a") == b"1"


def _read(storage, name):
    return storage.read(name)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX forks")
def test_a_forked_child_has_a_connection_of_its_own(storage):
    storage.write("a", b"1")
    with get_context("fork").Pool(2) as pool:
        assert pool.starmap(_read, [(storage, "a")] * 4) == [b"1"] * 4
    assert storage.read("a") == b"1"


# --- Addresses ------------------------------------------------------------------------------------------------


def test_an_address_tells_where_and_never_the_password(tmp_path):
    assert open_storage(str(tmp_path)) == open_storage(tmp_path.as_uri()) == LocalStorage(str(tmp_path))
    assert open_storage("x").path == Path.cwd() / "x"
    remote = open_storage("sftp://ng%C6%B0%E1%BB%9Di:p%40s%2Fs@host:2222/S%E1%BB%95%201/x/")
    assert (remote.login.user, remote.login.password, remote.below) == ("người", "p@s/s", "Sổ 1/x")
    assert remote.url == "sftp://người@host:2222/S%E1%BB%95%201/x"
    assert open_storage("s3://kho/S%20 1/?#").url == "s3://kho/S%20 1/?#"
    assert open_storage("webdavs://h/a%20b").below == "a b"


@pytest.mark.parametrize(("url", "code"), [
    ("ftp://u:geheim@h/x", "storage_kind"), ("s3:///x", "storage_url"), ("sftp://u:geheim@h/../x", "storage_url"),
    ("webdav://u:geheim@h:port/x", "storage_url"),
    pytest.param("file://elsewhere/x", "storage_url", marks=pytest.mark.skipif(os.name == "nt", reason="a share there")),
])
def test_an_address_that_cannot_be_used_is_told(url, code):
    with pytest.raises(BadConfig) as caught:
        open_storage(url)
    assert caught.value.code == code
    assert "geheim" not in say("error", code, "en", **caught.value.facts)
    assert "{" not in say("error", code, "vi", **caught.value.facts)


def test_copies_are_called_what_every_disk_can_tell_apart():
    kept = {"sổ/01.jpg": "sổ/01.jpg", "SỔ/01.JPG": ".copy-1.JPG", unicodedata.normalize("NFD", "sổ/01.jpg"): ".copy-2.jpg",
            "CON.jpg": ".copy-3.jpg", "sổ/a:b.jpg": ".copy-4.jpg", "lpt1": ".copy-5", "ends.": ".copy-6",
            "Concord.jpg": "Concord.jpg"}
    assert kept_as([*kept, *kept]) == kept


def test_a_missing_part_is_named(monkeypatch):
    monkeypatch.setattr("province.remote.find_spec", lambda name: None)
    with pytest.raises(BadConfig) as caught:
        open_storage("s3://kho/x")
    assert (caught.value.code, caught.value.facts["missing"]) == ("storage_needs_extra", "s3fs")


def test_a_folder_needs_no_extra():
    code = ("import sys; from province.storage import open_storage; next(open_storage('.').list());"
            "print([name for name in ('fsspec', 's3fs', 'paramiko', 'webdav4', 'httpx') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- What a folder may hold -----------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows, names a file system that allows them")
def test_links_do_not_lead_out_of_a_folder(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"s")
    store = tmp_path / "store"
    (store / "in").mkdir(parents=True)
    (store / "in" / "a").write_bytes(b"a")
    (store / "in" / "b\\c").write_bytes(b"b")
    (store / "out").symlink_to(tmp_path / "outside")
    (store / "file").symlink_to(tmp_path / "outside" / "secret")
    os.mkfifo(store / "pipe")
    storage, seen = open_storage(str(store)), []
    assert shown(storage.list(passed_over=seen.append)) == [("in/a", 1)]
    assert sorted(seen) == ["file", "in/b\\c", "out", "pipe"]
    assert list(storage.list("out")) == list(storage.at("out").list()) == []
    failing("storage_missing", storage.read, "file")
    failing("storage_missing", storage.read, "pipe")
    failing("storage_name", storage.read, "out/secret")
    failing("storage_name", storage.at("out").write, "new", b"")
    failing("storage_name", storage.remove, ["out/secret"])
    linked = tmp_path / "linked"
    linked.symlink_to(store)
    assert shown(open_storage(str(linked)).list()) == [("in/a", 1)]  # a person named it


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may read everything")
def test_a_folder_that_may_not_be_read_is_told(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    failing("storage_refused", lambda: list(open_storage(str(tmp_path)).list()))


@pytest.mark.skipif(os.name == "nt", reason="the test's server has a disk of Windows, which has no such names")
def test_links_and_strange_names_of_a_server_are_passed_over(sftp_server):  # noqa: F811
    folder = sftp_server.folder / "strange"
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(b"a")
    (folder / "a\\b").write_bytes(b"b")
    (folder / "loop").symlink_to(folder)
    seen = []
    assert shown(open_storage(f"{sftp_server.url}/strange").list(passed_over=seen.append)) == [("a", 1)]
    assert sorted(seen) == ["a\\b", "loop"]


def test_strange_keys_of_a_bucket_are_passed_over(s3):
    for key in ("a", "x/../y", "//z", "folder/"):
        s3._store._call("put_object", Key=f"{s3.below}/{key}", Body=b"1")
    seen = []
    assert shown(s3.list(passed_over=seen.append)) == [("a", 1)]
    assert sorted(seen) == ["//z", "x/../y"]


# --- What may go wrong ----------------------------------------------------------------------------------------


@pytest.fixture
def through(s3_server, monkeypatch):  # noqa: F811
    """A storage on S3 behind faults: `through(fault)` gives the storage and the proxy."""
    proxies = []

    def start(fault, patience_s=20.0, **options):
        proxy = FaultProxy(s3_server.endpoint, fault, **options).__enter__()
        proxies.append(proxy)
        for name, value in s3_environment(proxy.endpoint).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("province.stores._OPENED", {})
        monkeypatch.setattr("province.stores.FIRST_PAUSE", 0.02)
        return open_storage(f"s3://{BUCKET}/{os.urandom(4).hex()}", patience_s), proxy

    yield start
    for proxy in proxies:
        proxy.__exit__()


@pytest.mark.parametrize("kind", ["503", "cut", "half", "lost"])
def test_faults_in_bursts_are_outlived(through, kind):
    storage, proxy = through(lambda number, method: kind if number % 5 < 3 else "")
    for at in range(3):
        storage.write(f"{at}.jpg", bytes([at]) * 1000)
    assert storage.create("new", b"mine")
    assert not storage.create("new", b"other")
    assert shown(storage.list()) == [("0.jpg", 1000), ("1.jpg", 1000), ("2.jpg", 1000), ("new", 4)]
    assert [storage.read(f"{at}.jpg")[:1] for at in range(3)] == [b"\0", b"\1", b"\2"]
    storage.remove(["0.jpg", "1.jpg"])
    assert not storage.exists("0.jpg")
    assert sum(fault == kind for _, _, fault in proxy.requests) > 10


def test_a_listing_asks_for_no_single_file(through):
    storage, proxy = through(lambda number, method: "")
    for at in range(20):
        storage.write(f"{at % 4}/{at}.jpg", b"1")
    before = len(proxy.requests)
    assert len(list(storage.list())) == 20
    assert len(storage.look()[0]) == 4
    assert [method for method, _, _ in proxy.requests[before:]] == ["GET", "GET"]


def test_a_long_listing_comes_in_pages(through, monkeypatch):
    storage, _ = through(lambda number, method: "503" if number % 2 else "")
    call = type(storage._store)._call
    monkeypatch.setattr(type(storage._store), "_call", lambda self, method, **words: call(
        self, method, **words, **({"MaxKeys": 3} if method == "list_objects_v2" else {})))
    for at in range(8):
        storage.write(f"{at}.jpg", b"1")
    assert [entry.name for entry in storage.list()] == [f"{at}.jpg" for at in range(8)]


def test_a_large_file_goes_on_where_it_broke_off(through, tmp_path, monkeypatch):
    monkeypatch.setattr("province.s3.PART", 5 * MB)
    data = os.urandom(12 * MB)
    storage, proxy = through(lambda number, method: ("", "half", "", "lost", "503")[number % 5])
    with storage.filling("book") as folder:
        durable.write_file(folder / "big.zip", [data])
    with storage.reading("book/big.zip") as path:
        assert path.read_bytes() == data
    fetched = [fault for method, path, fault in proxy.requests if method == "GET" and path.endswith("big.zip")]
    assert len(fetched) < 6  # each broken answer brought half of what was left


def test_a_server_that_says_nothing_is_left(through, monkeypatch):
    monkeypatch.setitem(import_module("province.s3").CONFIG, "read_timeout", 0.3)
    storage, _ = through(lambda number, method: "stall" if number == 0 else "", stall_s=1.0)
    storage.write("a", b"1")
    assert storage.read("a") == b"1"


@pytest.mark.parametrize("url", ["s3://province/x", "sftp://u:pw@127.0.0.1:1/x", "webdav://u:pw@127.0.0.1:1/x"])
def test_a_store_that_stays_away_is_told_after_the_patience(url, monkeypatch):
    for name, value in s3_environment("http://127.0.0.1:1").items():
        monkeypatch.setenv(name, value)
    storage, start = open_storage(url, patience_s=0.7), time.monotonic()
    error = failing("storage_unreachable", storage.read, "a")
    assert 0.6 < time.monotonic() - start < 30
    assert "0,70 giây" in say("error", error.code, "vi", **error.facts)


def test_faults_without_end_are_told_after_the_patience(through):
    storage, proxy = through(lambda number, method: "503", patience_s=0.5)
    failing("storage_unreachable", storage.write, "a", b"1")
    failing("storage_unreachable", lambda: list(storage.list()))
    assert len(proxy.requests) > 4


def ask_for_keys(server, after):
    """Has moto look at who asks, once it has answered so many requests."""
    headers = {"Content-Type": "text/plain"}
    urlopen(Request(f"{server.endpoint}/moto-api/reset-auth", after, headers, method="POST")).close()


def test_wrong_credentials_are_told_at_once(s3_server, sftp_server, webdav_server):  # noqa: F811
    start = time.monotonic()
    for server in (sftp_server, webdav_server):
        wrong = server.url.replace("%401", "-wrong")
        failing("storage_refused", open_storage(wrong).read, "a")
        failing("storage_refused", lambda wrong=wrong: list(open_storage(wrong).list()))
    ask_for_keys(s3_server, b"0")
    try:
        failing("storage_refused", open_storage(s3_server.url, 301).write, "a", b"1")
        failing("storage_refused", lambda: list(open_storage(s3_server.url, 301).list()))
    finally:
        ask_for_keys(s3_server, b"inf")
    assert time.monotonic() - start < 100  # the patience is 300 s each


def test_no_credentials_are_told(s3_server, monkeypatch):  # noqa: F811
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    failing("storage_refused", open_storage(s3_server.url, 302).read, "a")


def test_a_bucket_that_is_not_there_is_told(s3_server):  # noqa: F811
    storage = open_storage("s3://not-there/x")
    failing("storage_missing", lambda: list(storage.list()))
    failing("storage_missing", storage.write, "a", b"1")


def test_a_server_that_ssh_does_not_know_is_refused(sftp_server, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    error = failing("storage_refused", open_storage(sftp_server.url, 303).read, "a")
    assert "known_hosts" in error.facts["reason"]


def _put_slowly(storage):
    """Begins to put a large file, and tells on a line when bytes are on their way."""
    import threading

    class Slow:
        def __init__(self):
            self.left = 64 * MB

        def seek(self, at):
            self.left = 64 * MB

        def read(self, size=-1):
            size = min(size if size > 0 else MB, MB, self.left)
            self.left -= size
            if self.left < 56 * MB:
                print("sending", flush=True)
                threading.Event().wait()
            return b"x" * size

    storage._store.put(storage._key("big"), Slow(), 64 * MB)


@pytest.mark.parametrize("kind", ["s3", "sftp", "webdav"])
def test_a_killed_upload_leaves_nothing_under_its_name(kind, request, monkeypatch):
    server = request.getfixturevalue(f"{kind}_server")
    storage = open_storage(f"{server.url}/killed")
    storage.write("big", b"old")
    code = (f"import pickle; from tests.province import test_storage as t; import province.s3; province.s3.PART = {5 * MB};"
            f"t._put_slowly(pickle.loads({pickle.dumps(storage)!r}))")
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "sending\n"
        child.kill()
    assert shown(storage.list()) == [("big", 3)]
    assert storage.read("big") == b"old"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_large_files_are_never_whole_in_memory(s3, tmp_path):
    code = f"""
import pickle, pathlib
from originals import durable
storage = pickle.loads({pickle.dumps(s3)!r})
def peak():
    return int(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1]) // 1024
storage.write('warm', b'x'); storage.read('warm')
before = peak()
with storage.filling('book') as folder:
    durable.write_file(folder / 'big', (bytes([n]) * {MB} for n in range(200)))
with storage.reading('book/big') as path:
    assert path.stat().st_size == 200 * {MB}
    with open(path, 'rb') as file:
        assert all(file.read({MB}) == bytes([n]) * {MB} for n in range(200))
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100  # MB

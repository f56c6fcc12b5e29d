"""Paths below a mount point on real processes: listed, looked at and read through the CLI and the mount. In a directory; under
rgw.sh in a bucket of a real S3 server."""
import errno
import hashlib
import json
import os
import signal
import subprocess
import time
import urllib.request

import pytest

from conftest import Cluster, used, wait_for
from stores import new_store

IN_BUCKET = "FOREBAY_S3_ENDPOINT" in os.environ
MEBIBYTE = 1 << 20


class UnderCluster(Cluster):
    """A mounted local cluster over a store at /ufs."""

    def __init__(self):
        super().__init__()
        self.store = new_store(self.base / "store")

    def start(self, *more, check=True):
        options = [word for option in self.store.options for word in ("--ufs-option", option)]
        defines = ["-D", "forebay.worker.persist.request_timeout=5s", "-D", "forebay.persist.lease=3s"]
        return super().start("--ufs", self.store.uri, *options, *defines, *more, check=check)

    @property
    def ufs(self):
        return self.mount / "ufs"

    def metric(self, name):
        """Summed over workers."""
        total = 0.0
        for role in self.status()["roles"]:
            if not role["name"].startswith("worker"):
                continue
            with urllib.request.urlopen(f"http://127.0.0.1:{role['web_port']}/metrics", timeout=10) as answer:
                for line in answer.read().decode().splitlines():
                    if line.startswith(name) and line[len(name)] in " {":
                        total += float(line.rsplit(" ", 1)[1])
        return total

    def fetched(self):
        return self.metric("forebay_worker_page_fetched_bytes_total")


@pytest.fixture(scope="module")
def shared():
    with used(UnderCluster) as cluster:
        yield cluster


@pytest.fixture
def own():
    with used(UnderCluster, start=False) as cluster:
        yield cluster


def random_bytes(count, seed):
    return b"".join(hashlib.sha256(f"{seed}/{i}".encode()).digest() for i in range((count + 31) // 32))[:count]


# ---- names ----


def test_what_is_in_the_store_is_listed_and_stat_without_having_been_written_here(shared):
    shared.store.put("names/b", b"12345")
    shared.store.put("names/a-b", b"1")
    shared.store.put("names/a/deep/file", b"")
    shared.store.put("names/sp ace+ü%41", b"123")
    assert sorted(os.listdir(shared.ufs / "names")) == ["a", "a-b", "b", "sp ace+ü%41"]
    assert (shared.ufs / "names/a/deep").is_dir()
    assert (shared.ufs / "names/b").stat().st_size == 5
    assert (shared.ufs / "names/sp ace+ü%41").read_bytes() == b"123"
    assert "ufs" in os.listdir(shared.mount)
    listed = {entry["path"]: entry for entry in shared.json("fs", "ls", "-R", "/ufs/names")}
    assert set(listed) == {"/ufs/names/" + name for name in ("a", "a/deep", "a/deep/file", "a-b", "b", "sp ace+ü%41")}
    assert listed["/ufs/names/b"]["size"] == 5
    assert shared.json("fs", "stat", "/ufs/names/b")[0]["size"] == 5
    assert shared.fs("test", "-d", "/ufs/names/a").returncode == 0
    assert shared.fs("test", "-e", "/ufs/names/nothing", check=False).returncode == 1
    with pytest.raises(FileNotFoundError):
        (shared.ufs / "names/nothing").stat()
    with pytest.raises(FileNotFoundError):
        (shared.ufs / "nothing/at/all").stat()


def test_a_large_directory_is_listed_page_by_page_each_name_once(shared):
    names = [f"f{i:05}" for i in range(2500 if not IN_BUCKET else 1200)]
    for name in names:
        shared.store.put("large/" + name, b"")
    # Directories and names that sort between "d1" and "d1/".
    for name in ("d1/x", "d1-a", "d1.b", "d1 c", "d2/y"):
        shared.store.put("large/" + name, b"")
    expected = sorted(names + ["d1", "d1-a", "d1.b", "d1 c", "d2"])
    assert sorted(os.listdir(shared.ufs / "large")) == expected
    lines = shared.json("fs", "ls", "/ufs/large")
    assert sorted(entry["path"].rsplit("/", 1)[1] for entry in lines) == expected


def test_inode_numbers_are_the_same_for_everybody_and_change_with_the_content(shared):
    shared.store.put("inodes/a", b"one")
    first = (shared.ufs / "inodes/a").stat().st_ino
    assert int(shared.fs("stat", "-f", "%i", "/ufs/inodes/a").out) == first
    assert first >= 1 << 62
    shared.store.put("inodes/a", b"another")
    wait_for(lambda: (shared.ufs / "inodes/a").stat().st_ino != first, what="another inode")


# ---- content ----


def test_content_is_the_stores_in_whole_and_in_ranges(shared):
    content = random_bytes(9 * MEBIBYTE + 12345, "content")
    shared.store.put("content/large", content)
    shared.store.put("content/empty", b"")
    assert (shared.ufs / "content/large").read_bytes() == content
    assert (shared.ufs / "content/empty").read_bytes() == b""
    with open(shared.ufs / "content/large", "rb") as file:
        for offset, length in ((0, 1), (MEBIBYTE - 1, 2), (4 * MEBIBYTE - 5, 10), (9 * MEBIBYTE, 99999), (len(content) - 1, 10)):
            assert os.pread(file.fileno(), length, offset) == content[offset : offset + length]
    assert shared.fs("cat", "/ufs/content/large").stdout == content
    assert shared.fs("tail", "-c", "100", "/ufs/content/large").stdout == content[-100:]
    assert shared.fs("head", "-c", "100", "/ufs/content/large").stdout == content[:100]
    target = shared.base / "got"
    shared.fs("get", "/ufs/content", target)
    assert (target / "large").read_bytes() == content
    assert hashlib.md5(content).hexdigest() in shared.fs("checksum", "/ufs/content/large").out
    assert str(len(content)) in shared.fs("du", "-s", "/ufs/content").out


def test_a_second_read_comes_from_the_page_store(shared):
    content = random_bytes(5 * MEBIBYTE, "pages")
    shared.store.put("pages/f", content)
    assert shared.fs("cat", "/ufs/pages/f").stdout == content
    before = shared.fetched()
    assert shared.fs("cat", "/ufs/pages/f").stdout == content
    assert shared.fetched() == before


def test_a_changed_object_is_never_mixed_with_what_it_was(shared):
    size = 6 * MEBIBYTE
    shared.store.put("changed/f", b"A" * size)
    with open(shared.ufs / "changed/f", "rb") as reader:
        assert os.pread(reader.fileno(), 10, 0) == b"A" * 10
        shared.store.put("changed/f", b"B" * size)
        for offset in range(0, size, MEBIBYTE):
            try:
                assert set(os.pread(reader.fileno(), MEBIBYTE, offset)) == set(b"A")
            except OSError as error:
                assert error.errno in (errno.ESTALE, errno.EIO)
        wait_for(lambda: (shared.ufs / "changed/f").read_bytes() == b"B" * size, what="the new content")
    assert shared.fs("cat", "/ufs/changed/f").stdout == b"B" * size


# ---- one cache ----


def test_a_persisted_file_is_read_through_its_key_without_asking_the_store_for_bytes(own):
    own.start()
    content = random_bytes(3 * MEBIBYTE, "one cache")
    (own.cache / "persist/f").write_bytes(content)
    own.fs("persist", "--wait", "/cache-only/persist/f")
    before = own.fetched()
    assert own.fs("cat", "/ufs/persist/f").stdout == content
    assert (own.ufs / "persist/f").read_bytes() == content
    assert own.fetched() == before
    # Somebody else's bytes are not the cache's.
    own.store.put("persist/f", b"foreign")
    assert own.fs("cat", "/ufs/persist/f").stdout == b"foreign"
    assert (own.cache / "persist/f").read_bytes() == content


# ---- changes ----


def test_files_are_written_through_and_appear_when_they_are_closed(shared):
    content = random_bytes(20 * MEBIBYTE + 5, "written")
    local = shared.base / "local"
    local.write_bytes(content)
    (shared.ufs / "made/deep").mkdir(parents=True)
    with open(shared.ufs / "made/deep/f", "wb") as writer:
        writer.write(content[: 10 * MEBIBYTE])
        assert "made/deep/f" not in shared.store.listing()
        writer.write(content[10 * MEBIBYTE :])
    assert shared.store.listing()["made/deep/f"] == hashlib.sha256(content).hexdigest()
    assert (shared.ufs / "made/deep/f").read_bytes() == content
    shared.fs("put", local, "/ufs/made/put")
    assert shared.store.listing()["made/put"] == hashlib.sha256(content).hexdigest()
    subprocess.run(["cp", local, shared.ufs / "made/cp"], check=True)
    assert shared.store.listing()["made/cp"] == hashlib.sha256(content).hexdigest()
    subprocess.run(f"(echo one; cat /dev/null; echo two) > {shared.ufs}/made/shell", shell=True, check=True)
    assert (shared.ufs / "made/shell").read_text() == "one\ntwo\n"
    with open(shared.ufs / "made/shell", "a") as more:
        more.write("three\n")
    assert (shared.ufs / "made/shell").read_text() == "one\ntwo\nthree\n"
    assert shared.store.uploads() == []


def test_names_are_moved_and_removed_in_the_store(shared):
    shared.store.put("names2/f", b"1")
    shared.store.put("names2/g", b"2")
    (shared.ufs / "names2/f").rename(shared.ufs / "names2/moved")
    assert (shared.ufs / "names2/moved").read_bytes() == b"1"
    shared.fs("mv", "/ufs/names2/g", "/ufs/names2/h")
    assert {key for key in shared.store.listing() if key.startswith("names2/")} == {"names2/moved", "names2/h"}
    with pytest.raises(OSError) as refused:
        (shared.ufs / "names2").rmdir()
    assert refused.value.errno == errno.ENOTEMPTY
    (shared.ufs / "names2/moved").unlink()
    shared.fs("rm", "-R", "/ufs/names2")
    assert not [key for key in shared.store.listing() if key.startswith("names2/")]
    wait_for(lambda: not (shared.ufs / "names2").exists(), what="the kernel to ask again")


def test_a_removal_from_the_cache_only_leaves_the_store_alone(shared):
    shared.store.put("only/f", b"1")
    done = shared.fs("rm", "-R", "--alluxio-only", "/ufs/only", check=False)
    assert done.returncode == 1 and "in an under store" in done.err
    assert (shared.ufs / "only/f").read_bytes() == b"1"


def test_what_a_store_cannot_do_is_a_clear_error(shared):
    shared.store.put("fixed/f", b"0123456789")
    with open(shared.ufs / "fixed/f", "r+b", buffering=0) as file:
        with pytest.raises(OSError) as refused:
            os.pwrite(file.fileno(), b"x", 5)
        assert refused.value.errno == errno.EOPNOTSUPP
    for change in (
        lambda: (shared.ufs / "fixed/link").symlink_to("f"),
        lambda: os.mkfifo(shared.ufs / "fixed/fifo"),
        *([lambda: (shared.ufs / "fixed/f").chmod(0o600)] if IN_BUCKET else []),
    ):
        with pytest.raises(OSError) as refused:
            change()
        assert refused.value.errno == errno.EOPNOTSUPP
    with pytest.raises(OSError) as refused:
        (shared.ufs / "fixed/f").rename(shared.cache / "f")
    assert refused.value.errno == errno.EXDEV
    assert (shared.ufs / "fixed/f").read_bytes() == b"0123456789"


def test_a_write_to_a_persisted_key_is_somebody_elses_change(own):
    own.start()
    (own.cache / "persist/f").write_bytes(b"version 1")
    own.fs("persist", "--wait", "/cache-only/persist/f")
    (own.ufs / "persist/f").write_bytes(b"written below the mount")
    (own.cache / "persist/f").write_bytes(b"version 2")
    wait_for(lambda: own.json("persist", "conflicts"), seconds=30, what="a conflict")
    assert (own.ufs / "persist/f").read_bytes() == b"written below the mount"
    assert (own.cache / "persist/f").read_bytes() == b"version 2"


# ---- import ----


def test_import_makes_files_of_what_is_in_the_store_and_reading_brings_them_back(own):
    own.start()
    contents = {f"d{i % 3}/f{i}": random_bytes(1000 * i, f"import {i}") for i in range(40)}
    for name, content in contents.items():
        own.store.put("persist/" + name, content)
    (own.cache / "persist/d0").mkdir()
    (own.cache / "persist/d0/f3").write_bytes(b"mine")
    done = own.run("admin", "import", "/cache-only/persist", "--output", "json", check=False)
    assert done.returncode == 4, done.err
    summary = json.loads(done.out)
    assert summary["imported"] == 39
    assert [each["path"] for each in summary["skipped_files"]] == ["/cache-only/persist/d0/f3"]
    again = json.loads(own.run("admin", "import", "/cache-only/persist", "--output", "json", check=False).out)
    assert again["imported"] == 0
    assert again["imported_before"] == 39
    for name, content in contents.items():
        if name != "d0/f3":
            assert (own.cache / "persist" / name).read_bytes() == content
    assert (own.cache / "persist/d0/f3").read_bytes() == b"mine"
    states = {entry["path"]: entry["state"] for entry in own.json("fs", "ls", "/cache-only/persist/d1")}
    assert set(states.values()) == {"PERSISTED"}
    own.run("admin", "fsck")


# ---- names that have to stay ----


def test_the_mount_point_stays_where_it_is(shared):
    assert shared.fs("mv", "/ufs", "/elsewhere", check=False).returncode != 0
    with pytest.raises(OSError):
        shared.ufs.rmdir()


def test_copies_out_of_the_store_into_the_cache(shared):
    shared.store.put("copies/f", b"copied")
    shared.fs("cp", "/ufs/copies/f", "/cache-only/copied")
    assert (shared.cache / "copied").read_bytes() == b"copied"


def test_symbolic_links_of_the_namespace_lead_into_a_mount(shared):
    shared.store.put("linked/f", b"through a link")
    (shared.cache / "link").symlink_to("../ufs/linked")
    assert (shared.cache / "link/f").read_bytes() == b"through a link"
    assert shared.fs("cat", "/cache-only/link/f").stdout == b"through a link"


@pytest.mark.skipif(IN_BUCKET, reason="a bucket has no symbolic links")
def test_symbolic_links_of_a_nas_are_not_followed(shared):
    secret = shared.base / "secret"
    secret.write_text("not below the mount")
    shared.store.put("links/f", b"x")
    (shared.store.path / "links/out").symlink_to(secret)
    (shared.store.path / "links/up").symlink_to(shared.base)
    assert os.listdir(shared.ufs / "links") == ["f"]
    for path in ("out", "up/secret"):
        with pytest.raises(FileNotFoundError):
            (shared.ufs / "links" / path).read_text()
        assert shared.fs("cat", "/ufs/links/" + path, check=False).returncode != 0


# ---- failures ----


def test_another_worker_serves_when_one_is_killed_in_the_middle(own):
    own.start()
    content = random_bytes(24 * MEBIBYTE, "killed")
    own.store.put("killed", content)
    with open(own.ufs / "killed", "rb") as reader:
        assert reader.read(2 * MEBIBYTE) == content[: 2 * MEBIBYTE]
        os.kill(own.pids()["worker-1"], signal.SIGKILL)
        assert reader.read() == content[2 * MEBIBYTE :]


def test_a_damaged_or_removed_page_store_costs_speed_only(own):
    own.start()
    content = random_bytes(3 * MEBIBYTE, "damaged")
    own.store.put("f", content)
    assert own.fs("cat", "/ufs/f").stdout == content
    pages = [page for page in (own.dir / "pages").rglob("*") if page.is_file() and page.name != "lock"]
    assert pages
    own.stop()
    for page in pages:
        damaged = bytearray(page.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        page.write_bytes(damaged)
    own.start()
    assert own.fs("cat", "/ufs/f").stdout == content
    assert own.metric("forebay_worker_pages_damaged_total") >= 1
    subprocess.run(["rm", "-rf", str(own.dir / "pages")], check=True)
    own.store.put("g", content)
    assert own.fs("cat", "/ufs/f").stdout == content
    assert own.fs("cat", "/ufs/g").stdout == content


@pytest.mark.skipif(IN_BUCKET, reason="the directory of the store is moved away")
def test_a_store_that_is_gone_is_an_error_with_a_name_and_no_hang(own):
    own.start()
    own.store.put("f", b"there")
    assert own.fs("cat", "/ufs/f").stdout == b"there"
    away = own.base / "away"
    own.store.path.rename(away)
    began = time.monotonic()
    failed = own.fs("cat", "/ufs/f", check=False)
    assert failed.returncode != 0
    assert "/ufs" in failed.err
    with pytest.raises(OSError):
        os.listdir(own.ufs)
    assert time.monotonic() - began < 30
    away.rename(own.store.path)
    assert own.fs("cat", "/ufs/f").stdout == b"there"


def test_permissions_are_those_of_the_mount(own):
    own.start()
    own.store.put("secret/f", b"for its owner")
    if IN_BUCKET:
        options = [word for option in own.store.options for word in ("--option", option)]
        own.run("mount", "add", "--path", "/private", "--ufs-uri", own.store.uri + "/secret", *options,
                "--option", "file-mode=600", "--option", "directory-mode=700", "--option", "uid=1234")
        file = own.mount / "private/f"
        wait_for(file.exists, what="the new mount")
        assert file.stat().st_uid == 1234
        assert file.stat().st_mode & 0o777 == 0o600
    else:
        (own.store.path / "secret/f").chmod(0o600)
        file = own.ufs / "secret/f"
        assert file.stat().st_mode & 0o777 == 0o600
    denied = subprocess.run(["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups", "cat", str(file)], capture_output=True)
    assert b"Permission denied" in denied.stderr

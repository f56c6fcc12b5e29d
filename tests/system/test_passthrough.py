"""Files that the kernel reads and writes by itself, against the same operations on a local file system, and what is left when a process
dies in the middle. Every test that compares runs in both modes: passthrough, and through the daemon.

FOREBAY_FSX_OPS (1500) and FOREBAY_FSX_SEED can be set.
"""
import contextlib
import errno
import json
import mmap
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

import pytest

from conftest import Cluster, alive, run, used, wait_for

MIB = 1 << 20
OPS = int(os.environ.get("FOREBAY_FSX_OPS", "1500"))
SEED = int(os.environ.get("FOREBAY_FSX_SEED", "1"))


class Mounted(Cluster):
    def __init__(self, passthrough, **options):
        super().__init__(**options)
        self.passthrough = passthrough

    def start(self, *more, check=True):
        arguments = ["local", "start", "--dir", self.dir, "--ports", "auto", "--mount", self.mount, *more]
        return run(*arguments, check=check, env={"FOREBAY_FUSE_PASSTHROUGH": "auto" if self.passthrough else "off"})

    def mode(self):
        lines = [json.loads(line) for line in (self.dir / "log" / "fuse.log").read_text().splitlines() if "how files are read" in line]
        return lines[-1]["mode"] if lines else ""


def kernel_has_passthrough():
    release = os.uname().release.split(".")
    return (int(release[0]), int(release[1].split("-")[0])) >= (6, 9) and os.geteuid() == 0


@pytest.fixture(params=[True, False], ids=["passthrough", "daemon"])
def mounted(request):
    with used(lambda: Mounted(request.param)) as cluster:
        yield cluster


@pytest.fixture
def passing():
    if not kernel_has_passthrough():
        pytest.fail("this kernel has no passthrough, or this is not root", pytrace=False)
    with used(lambda: Mounted(True)) as cluster:
        yield cluster


@pytest.fixture
def reference():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="forebay-pass-", dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def data_files(cluster):
    return [path for path in (cluster.dir / "data").glob("**/objects/*/*.data") if path.is_file()]


def sealed(cluster, path):
    """The file has a version: nobody writes it any more."""
    return wait_for(lambda: not cluster.json("fs", "stat", path)[0]["open_for_write"], what=f"seal of {path}")


def test_the_mode_is_told(mounted):
    expected = "passthrough" if mounted.passthrough and kernel_has_passthrough() else "daemon"
    assert mounted.mode().startswith(expected)
    (mounted.cache / "f").write_bytes(os.urandom(MIB))
    assert bool(data_files(mounted)) == (expected == "passthrough")
    assert (mounted.cache / "f").stat().st_size == MIB


def as_user(uid, action):
    os.setegid(uid)
    os.seteuid(uid)
    try:
        return action()
    finally:
        os.seteuid(0)
        os.setegid(0)


def modes_after_writes(folder, told, borrows):
    """Somebody without privilege has the file open longer than the superuser; both write; the superuser also through the other's descriptor,
    if it `borrows` it. Its mode after each step, here and as `told`."""
    path, somebody, modes = folder / "set-id", 65533, []

    def step(action):
        action()
        modes.append(oct(path.stat().st_mode & 0o7777))
        modes.append(told(path) or modes[-1])

    folder.chmod(0o777)
    first = as_user(somebody, lambda: os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
    second = os.open(path, os.O_RDWR)
    step(lambda: os.fchmod(second, 0o6777))
    step(lambda: (os.pwrite(second, b"the superuser", 0), os.fsync(second)))
    if borrows:
        step(lambda: (os.pwrite(first, b"again", 0), os.fsync(first)))
    step(lambda: (as_user(somebody, lambda: os.pwrite(first, b"somebody", 0)), os.fsync(first)))
    step(lambda: os.fchmod(second, 0o6777))
    step(lambda: (os.pwrite(second, b"the superuser", 0), os.close(first)))
    step(lambda: os.close(second))
    return modes


def test_who_writes_decides_about_set_user_id_not_who_opened_first(mounted, reference):
    if os.geteuid() != 0:
        pytest.fail("somebody else can be acted as only by root", pytrace=False)
    mounted.base.chmod(0o755)

    def at_master(path):
        return oct(int(mounted.json("fs", "stat", f"/cache-only/{path.name}")[0]["mode"], 8))

    borrows = mounted.passthrough  # else what comes through a descriptor counts as written by whoever has opened it
    assert modes_after_writes(mounted.cache, at_master, borrows) == modes_after_writes(reference, lambda path: None, borrows)


class Twin:
    """One file on the mount and its twin on a local file system: the same is done to both, and both answer the same."""

    def __init__(self, folders, rng):
        self.paths = [folder / "file" for folder in folders]
        self.rng, self.open, self.maps = rng, [], []

    def both(self, action, what):
        results = []
        for side in (0, 1):
            try:
                results.append(action(side))
            except OSError as error:
                results.append(("errno", error.errno))
        assert results[0] == results[1], f"{what}: {str(results[0])[:200]} here, {str(results[1])[:200]} there"
        return results[1]

    def any_open(self, writes=False):
        usable = [o for o in self.open if not writes or o[1] & (os.O_WRONLY | os.O_RDWR)]
        return self.rng.choice(usable) if usable else None

    def op_open(self):
        flags = self.rng.choice([os.O_RDONLY, os.O_RDWR, os.O_WRONLY, os.O_RDWR | os.O_TRUNC, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_APPEND,
                                 os.O_WRONLY | os.O_CREAT | os.O_TRUNC])
        if len(self.open) >= 4:
            return
        fds = [None, None]

        def act(side):
            fds[side] = os.open(self.paths[side], flags, 0o644)
            return "open"

        if self.both(act, f"open {flags:o}") == "open":
            self.open.append((fds, flags))

    def op_close(self):
        if self.open:
            fds, flags = self.open.pop(self.rng.randrange(len(self.open)))
            self.both(lambda side: os.close(fds[side]), "close")

    def op_write(self):
        found = self.any_open(writes=True)
        if found:
            data, offset = self.rng.randbytes(self.rng.choice([1, 100, 4096, 5000, 70_000, 300_000])), self.rng.randrange(400_000)
            self.both(lambda side: os.pwrite(found[0][side], data, offset), "write")

    def op_read(self):
        found = self.any_open()
        if found:
            length, offset = self.rng.choice([1, 100, 4096, 200_000]), self.rng.randrange(500_000)
            self.both(lambda side: os.pread(found[0][side], length, offset), f"read {length} at {offset} flags {found[1]:o}")

    def op_truncate(self):
        size, found = self.rng.choice([0, 1, 4095, 4096, 100_000, 350_000, 600_000]), self.any_open(writes=True)
        if found and self.rng.random() < 0.7:
            self.both(lambda side: os.ftruncate(found[0][side], size), "ftruncate")
        else:
            self.both(lambda side: os.truncate(self.paths[side], size), "truncate")

    def op_fsync(self):
        found = self.any_open()
        if found:
            self.both(lambda side: os.fsync(found[0][side]), "fsync")

    def op_map(self):
        found = self.any_open()
        size = self.paths[1].stat().st_size
        if not found or size == 0 or not found[1] & os.O_RDWR or len(self.maps) >= 2:
            return
        maps = [mmap.mmap(found[0][side], size) for side in (0, 1)]
        self.maps.append(maps)

    def op_store(self):
        if not self.maps:
            return
        maps, size = self.rng.choice(self.maps), self.paths[1].stat().st_size
        size = min(size, len(maps[1]))
        if size == 0:
            return
        offset = self.rng.randrange(size)
        data = self.rng.randbytes(min(self.rng.choice([1, 5000]), size - offset))
        for each in maps:
            each[offset:offset + len(data)] = data
        assert maps[0][:size] == maps[1][:size]

    def op_unmap(self):
        if self.maps:
            for each in self.maps.pop():
                each.flush()
                each.close()

    def op_stat(self):
        self.both(lambda side: self.paths[side].stat().st_size, "size")

    def op_compare(self):
        self.both(lambda side: self.paths[side].read_bytes(), "content")

    def finish(self):
        while self.maps:
            self.op_unmap()
        while self.open:
            self.op_close()
        self.op_compare()


@pytest.mark.parametrize("seed", [SEED, SEED + 1, SEED + 2])
def test_random_operations_leave_what_a_local_file_holds(mounted, reference, seed):
    rng = random.Random(seed)
    twin = Twin((mounted.cache, reference), rng)
    twin.both(lambda side: twin.paths[side].write_bytes(b""), "create")
    operations = [twin.op_open, twin.op_open, twin.op_close, twin.op_write, twin.op_write, twin.op_write, twin.op_read, twin.op_read, twin.op_truncate,
                  twin.op_fsync, twin.op_map, twin.op_store, twin.op_unmap, twin.op_stat, twin.op_compare]
    done = []
    try:
        for _ in range(OPS):
            operation = rng.choice(operations)
            done.append(operation.__name__)
            operation()
        done.append("finish")
        twin.finish()
    except AssertionError as wrong:
        raise AssertionError(f"seed {seed}, operation {len(done)}: {' '.join(done[-20:])}\n{wrong}") from None
    sealed(mounted, "/cache-only/file")
    assert mounted.fs("cat", "/cache-only/file").stdout == twin.paths[1].read_bytes()


@pytest.mark.parametrize("size, at", [(0, 0), (MIB, 0), (MIB, 700_000)], ids=["empty", "one-hole", "bytes-and-hole"])
def test_a_reader_from_before_sees_the_next_writer_of_a_sparse_file(mounted, size, at):
    path = mounted.cache / f"sparse-{size}-{at}"
    with open(path, "wb", buffering=0) as first:
        reader = open(path, "rb", buffering=0)
        first.truncate(size)
        if at:
            os.pwrite(first.fileno(), b"middle", at)
    with reader, open(path, "r+b", buffering=0) as second:
        second.write(b"bytes")
        assert os.pread(reader.fileno(), 5, 0) == b"bytes"
        assert os.pread(reader.fileno(), 6, at) == (b"middle" if at else (b"bytes\0" if size else b"bytes"))
    assert path.stat().st_size == max(size, 5)
    assert path.read_bytes()[:5] == b"bytes"


def test_a_reader_sees_what_is_written_after_a_truncation_by_name(mounted):
    path = mounted.cache / "cut"
    for round in range(3):
        path.write_bytes(b"x" * MIB)
        sealed(mounted, "/cache-only/cut")
        with open(path, "rb", buffering=0) as reader:
            assert len(reader.read()) == MIB
            os.truncate(path, 300_000 + round)
            with open(path, "r+b", buffering=0) as writer:
                os.pwrite(writer.fileno(), b"bytes", 1000)
            assert os.pread(reader.fileno(), 5, 1000) == b"bytes"
            assert os.fstat(reader.fileno()).st_size == 300_000 + round


def test_a_reader_sees_what_is_appended_after_it_has_opened_the_file(mounted):
    path = mounted.cache / "log"
    path.write_bytes(b"x" * MIB)
    sealed(mounted, "/cache-only/log")
    with open(path, "rb", buffering=0) as reader:
        assert len(reader.read()) == MIB
        for line in (b"one\n", b"two\n"):
            with open(path, "ab") as writer:
                writer.write(line)
            assert reader.read() == line
        with open(path, "r+b") as writer:
            writer.write(b"head")
        reader.seek(0)
        assert reader.read(5) == b"headx"
        os.truncate(path, 10)
        reader.seek(0)
        assert reader.read() == b"headxxxxxx"
    sealed(mounted, "/cache-only/log")
    assert mounted.fs("cat", "/cache-only/log").stdout == b"headxxxxxx"


def test_what_is_stored_through_a_mapping_after_the_close_is_in_the_file(mounted):
    path = mounted.cache / "mapped"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(fd, b"-" * MIB)
    view = mmap.mmap(fd, MIB)
    os.close(fd)
    time.sleep(0.5)
    view[500_000:500_004] = b"late"
    view.flush()
    view.close()
    sealed(mounted, "/cache-only/mapped")
    content = mounted.fs("cat", "/cache-only/mapped").stdout
    assert content[499_999:500_005] == b"-late-" and len(content) == MIB


def test_renamed_and_removed_files_go_on(mounted):
    path, other = mounted.cache / "a", mounted.cache / "b"
    with open(path, "w+b") as file:
        file.write(b"1" * MIB)
        file.flush()
        path.rename(other)
        file.write(b"2" * MIB)
        file.flush()
        assert other.stat().st_size == 2 * MIB
        other.unlink()
        file.write(b"3")
        file.seek(2 * MIB - 1)
        assert file.read() == b"23"
    wait_for(lambda: not data_files(mounted), 60, "the space of a removed file")


def test_holes_take_no_space(mounted):
    path = mounted.cache / "sparse"
    with open(path, "wb") as file:
        file.seek(64 * MIB)
        file.write(b"end")
        file.flush()
        os.fsync(file.fileno())
        assert os.stat(path).st_blocks * 512 < MIB
    sealed(mounted, "/cache-only/sparse")
    assert path.stat().st_size == 64 * MIB + 3 and path.stat().st_blocks * 512 < MIB
    content = mounted.fs("cat", "/cache-only/sparse").stdout
    assert content == bytes(64 * MIB) + b"end"


def test_another_client_reads_up_to_the_last_fsync(mounted):
    with open(mounted.cache / "growing", "wb") as file:
        file.write(b"a" * MIB)
        file.flush()
        os.fsync(file.fileno())
        file.write(b"b" * MIB)
        file.flush()
        seen = mounted.fs("cat", "/cache-only/growing").stdout
        assert seen[:MIB] == b"a" * MIB and len(seen) in (MIB, 2 * MIB)
    assert mounted.fs("cat", "/cache-only/growing").stdout == b"a" * MIB + b"b" * MIB


def test_another_clients_new_version_is_read_by_the_next_open(mounted, tmp_path):
    path, new = mounted.cache / "f", tmp_path / "new"
    path.write_bytes(b"1" * MIB)
    sealed(mounted, "/cache-only/f")
    with open(path, "rb") as old:
        assert old.read(1) == b"1"
        new.write_bytes(b"2" * MIB)
        mounted.fs("put", "-f", new, "/cache-only/f")
        with open(path, "rb") as reader:
            assert reader.read() == b"2" * MIB
    assert path.read_bytes() == b"2" * MIB


# ---- deaths ----

WRITER = textwrap.dedent("""
    import os, sys, time
    fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    for i in range(64):
        os.write(fd, bytes([65 + i % 26]) * (1 << 20))
        if i % 4 == 3:
            os.fsync(fd)
            print(i + 1, flush=True)
        time.sleep(0.01)
    if len(sys.argv) > 2:
        time.sleep(1000)
    os.close(fd)
    print("closed", flush=True)
""")


def content_of(mib):
    return b"".join(bytes([65 + i % 26]) * MIB for i in range(mib))


def start_writer(path, *more):
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), *more], stdout=subprocess.PIPE, text=True)


def test_a_killed_program_leaves_its_file_whole(passing):
    writer = start_writer(passing.cache / "f", "hang")
    for expected in range(4, 44, 4):
        assert writer.stdout.readline().strip() == str(expected)
    writer.kill()
    writer.wait()
    sealed(passing, "/cache-only/f")
    size = (passing.cache / "f").stat().st_size
    assert size >= 40 * MIB and passing.fs("cat", "/cache-only/f").stdout == content_of(64)[:size]


def test_a_killed_daemon_leaves_the_file_as_of_its_last_fsync_and_returns_the_space(passing):
    writer = start_writer(passing.cache / "f", "hang")
    for _ in range(5):
        acknowledged = int(writer.stdout.readline())
    daemon = passing.pids()["fuse"]
    os.kill(daemon, signal.SIGKILL)
    wait_for(lambda: not alive(daemon), what="death of the daemon")
    # The session ends by itself; the program still has the file and may write into it.
    wait_for(lambda: not passing.json("fs", "stat", "/cache-only/f")[0]["open_for_write"], 60, "end of the session")
    content = wait_for(lambda: passing.fs("cat", "/cache-only/f", check=False).stdout, what="a readable file")
    assert len(content) >= acknowledged * MIB and content == content_of(64)[:len(content)]
    writer.kill()
    writer.wait()
    passing.fs("rm", "/cache-only/f")
    wait_for(lambda: not data_files(passing), 90, "the space of the removed file")
    assert (passing.cache).exists()


@pytest.mark.parametrize("victims", [("worker-1", "worker-2"), ("master",), ("worker-1", "worker-2", "master")])
def test_killed_roles_cost_an_open_file_nothing(passing, victims):
    writer = start_writer(passing.cache / "f")
    for _ in range(3):
        writer.stdout.readline()
    for victim in victims:
        os.kill(passing.pids()[victim], signal.SIGKILL)
    out, _ = writer.communicate(timeout=120)
    assert writer.returncode == 0 and out.split()[-1] == "closed"
    sealed(passing, "/cache-only/f")
    assert passing.fs("cat", "/cache-only/f").stdout == content_of(64)
    assert (passing.cache / "f").read_bytes() == content_of(64)


@contextlib.contextmanager
def cluster_on_small_medium(mib, quota, *settings):
    """A cluster of one worker, whose tier is a file system of its own; and where that is."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="forebay-full-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", folder], check=True)
    cluster = Mounted(True)
    try:
        cluster.start("--workers", "1", "--tier", f"MEM:{folder}:{quota}", *settings)
        yield cluster, folder
    finally:
        cluster.close()
        subprocess.run(["umount", "-l", folder])
        folder.rmdir()


def fill(path):
    """Writes until ENOSPC."""
    with pytest.raises(OSError) as full:
        with open(path, "wb", buffering=0) as file:
            for _ in range(400):
                file.write(b"x" * MIB)
    assert full.value.errno == 28


def test_a_quota_holds_where_the_medium_would_not_end_the_write(passing):
    with cluster_on_small_medium(300, "100MB") as (cluster, folder):
        fill(cluster.cache / "big")
        taken = os.statvfs(folder)
        assert (taken.f_blocks - taken.f_bfree) * taken.f_frsize <= 101 * MIB


def test_a_quota_is_used_to_its_end_through_the_daemon(passing):
    """The last grant is what is left, less what is around the bytes of an object."""
    with cluster_on_small_medium(300, "100MB", "-D", "forebay.fuse.passthrough=off") as (cluster, _):
        for name in ("first", "second"):
            fill(cluster.cache / name)
            assert (cluster.cache / name).stat().st_size >= 98 * MIB
            (cluster.cache / name).unlink()  # and what is written next waits for its space


def test_a_full_medium_is_told_to_the_program(passing):
    """Of which the tier may use 100 MB: with this setting its quota does not keep the kernel from writing."""
    with cluster_on_small_medium(128, "100MB", "-D", "forebay.worker.stage_room=0") as (cluster, folder):
        fill(cluster.cache / "big")
        (cluster.cache / "big").unlink()
        wait_for(lambda: os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize > 50 * MIB, 5, "its space on the medium")
        wait_for(lambda: os.statvfs(cluster.mount).f_bavail * os.statvfs(cluster.mount).f_frsize > 50 * MIB, 5, "its space")
        (cluster.cache / "small").write_bytes(b"y" * MIB)
        assert (cluster.cache / "small").read_bytes() == b"y" * MIB


def test_a_file_that_is_read_is_opened_for_writing_over_and_over_in_little_room(passing):
    with cluster_on_small_medium(400, "400MB") as (cluster, folder):
        file = cluster.cache / "f"
        file.write_bytes(b"x" * 60 * MIB)
        with open(file, "rb", buffering=0) as reader:
            assert reader.read(1) == b"x"
            for i in range(200):
                with open(file, "r+b", buffering=0) as writer:
                    if i % 2 == 0:
                        writer.write(b"%03d" % i)
                reader.seek(0)
                assert reader.read(3) == b"%03d" % (i // 2 * 2), i
            room = os.statvfs(folder)
            assert (room.f_blocks - room.f_bfree) * room.f_frsize < 200 * MIB  # the file, and what copies were made meanwhile
        assert cluster.fs("cat", "/cache-only/f").stdout[:3] == b"198"


def write_at(path, offset):
    with open(path, "wb", buffering=0) as file:
        file.seek(offset)
        file.write(b"a")


def test_bytes_beyond_what_a_worker_can_seal_are_refused_where_the_kernel_writes_them(passing):
    with cluster_on_small_medium(300, "300MB") as (cluster, _):
        for offset in (1 << 45, (1 << 63) - 2):
            with pytest.raises(OSError) as refused:
                write_at(cluster.cache / f"f{offset}", offset)
            assert refused.value.errno == errno.EFBIG


def test_bytes_at_the_largest_offset_are_kept_through_the_daemon():
    with used(lambda: Mounted(False)) as cluster:
        write_at(cluster.cache / "f", (1 << 63) - 2)
        with open(cluster.cache / "f", "rb", buffering=0) as file:
            assert os.pread(file.fileno(), 1, (1 << 63) - 2) == b"a"

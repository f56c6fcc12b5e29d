"""What a local file system does beyond names and bytes, on real processes: extended attributes, holes, files without a name. All of it is
there after everything was killed, and what is persisted is right."""
import ctypes
import errno
import os
import pathlib
import stat
import tempfile

import pytest

from conftest import wait_for

libc = ctypes.CDLL(None, use_errno=True)
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
BLOCK = 1 << 20


def fallocate(file, mode, offset, length):
    if libc.fallocate(file.fileno(), mode, ctypes.c_long(offset), ctypes.c_long(length)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@pytest.mark.parametrize("directory", [False, True])
def test_extended_attributes_survive_everything(cluster, directory):
    path = cluster.cache / "f"
    path.mkdir() if directory else path.write_bytes(b"text")
    values = {f"user.{i}": os.urandom(i * 100) for i in range(20)} | {"trusted.t": b"1", "security.s": b"2"}
    for name, value in values.items():
        os.setxattr(path, name, value)
    moved = cluster.cache / "moved"
    path.rename(moved)
    cluster.kill_everything()
    cluster.start()
    assert {name: os.getxattr(moved, name) for name in os.listxattr(moved)} == values
    assert sorted(cluster.json("fs", "stat", "/cache-only/moved")[0]["xattrs"]) == sorted(values)
    for name in values:
        os.removexattr(moved, name)
    assert os.listxattr(moved) == []


def test_holes_are_zeros_for_everybody_and_in_the_under_store(cluster):
    content = bytearray(os.urandom(8 * BLOCK))
    path = cluster.cache / "persist" / "f"
    path.write_bytes(content)
    stored = path.stat().st_blocks
    with open(path, "r+b") as file:
        fallocate(file, PUNCH_HOLE | KEEP_SIZE, BLOCK, 3 * BLOCK)
        content[BLOCK:4 * BLOCK] = bytes(3 * BLOCK)
        assert os.pread(file.fileno(), len(content), 0) == content
        assert os.lseek(file.fileno(), 0, os.SEEK_HOLE) == BLOCK
        assert os.lseek(file.fileno(), BLOCK, os.SEEK_DATA) == 4 * BLOCK
        fallocate(file, ZERO_RANGE, 7 * BLOCK, 3 * BLOCK)
        content[7 * BLOCK:] = bytes(3 * BLOCK)
    assert path.stat().st_size == 10 * BLOCK
    assert path.stat().st_blocks == stored - 4 * BLOCK // 512
    assert cluster.fs("cat", "/cache-only/persist/f").stdout == content
    cluster.fs("persist", "--wait", "/cache-only/persist/f")
    assert (cluster.dir / "ufs" / "persist" / "f").read_bytes() == content
    cluster.kill_everything()
    cluster.start()
    assert path.read_bytes() == content


def test_space_that_was_punched_comes_back(cluster):
    def free():
        space = os.statvfs(cluster.mount)
        return space.f_bavail * space.f_frsize

    empty = free()
    path = cluster.cache / "f"
    path.write_bytes(os.urandom(64 * BLOCK))
    wait_for(lambda: free() <= empty - 60 * BLOCK, what="report of the space that is taken")
    with open(path, "r+b") as file:
        fallocate(file, PUNCH_HOLE | KEEP_SIZE, 0, 64 * BLOCK)
    assert path.stat().st_blocks == 0
    wait_for(lambda: free() >= empty - 4 * BLOCK, what="return of the space")


def test_a_file_without_a_name_gets_one_or_goes(cluster):
    named = os.open(cluster.cache, os.O_TMPFILE | os.O_RDWR, 0o640)
    unnamed = os.open(cluster.cache, os.O_TMPFILE | os.O_WRONLY)
    for fd in (named, unnamed):
        os.write(fd, b"text")
    directory = os.open(cluster.cache, os.O_RDONLY)  # for linkat(2): link(2) follows nothing
    os.link(f"/proc/self/fd/{named}", "f", src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=True)
    os.close(directory)
    os.close(named)
    os.close(unnamed)
    assert sorted(os.listdir(cluster.cache)) == ["f", "persist"]
    cluster.kill_everything()
    cluster.start()
    assert (cluster.cache / "f").read_bytes() == b"text"
    assert (cluster.cache / "f").stat().st_mode & 0o777 == 0o640
    wait_for(lambda: cluster.json("info", "report")["reclaiming"] == 0, what="end of the unnamed file")


def test_copies_within_the_mount(cluster):
    content = os.urandom(3 * BLOCK)
    (cluster.cache / "from").write_bytes(content)
    with open(cluster.cache / "from", "rb") as source, open(cluster.cache / "to", "wb") as target:
        copied = 0
        while count := os.copy_file_range(source.fileno(), target.fileno(), len(content)):
            copied += count
    assert copied == len(content)
    assert (cluster.cache / "to").read_bytes() == content


def outcomes_of_copies(folder):
    """copy_file_range with what it has to refuse: what comes of each, an errno or so many bytes."""
    source, copy, fifo, device = folder / "source", folder / "copy", folder / "fifo", folder / "null"
    source.write_bytes(b"a" * 1000)
    os.mkfifo(fifo)
    os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    outcomes = []

    def attempt(to, flags, offset=0, length=100, frm=source):
        try:
            fds = [os.open(frm, os.O_RDONLY), os.open(to, flags, 0o644)]
        except OSError as error:
            return outcomes.append(("open", errno.errorcode[error.errno]))
        try:
            outcomes.append(os.copy_file_range(fds[0], fds[1], length, offset_src=offset, offset_dst=None))
        except OSError as error:
            outcomes.append(errno.errorcode[error.errno])
        finally:
            for fd in fds:
                os.close(fd)

    attempt(copy, os.O_RDWR | os.O_CREAT, offset=1000)
    attempt(copy, os.O_RDWR | os.O_CREAT, offset=950)
    attempt(copy, os.O_RDONLY)
    attempt(copy, os.O_RDWR | os.O_APPEND)
    attempt(fifo, os.O_RDWR)
    attempt(copy, os.O_RDWR, frm=folder)
    attempt(source, os.O_RDWR, offset=10, length=500)
    outcomes.append(copy.read_bytes())
    return outcomes, device


def test_copy_file_range_refuses_what_a_local_file_system_refuses(cluster):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as reference:
        expected, _ = outcomes_of_copies(pathlib.Path(reference))
        outcomes, device = outcomes_of_copies(cluster.cache)
    assert outcomes == expected
    # The mount is `nodev`: where xfstests generic/184 and 434 open a device file, they are refused.
    with pytest.raises(PermissionError):
        os.open(device, os.O_WRONLY)


def test_a_directory_with_set_group_id_gives_its_group_and_keeps_the_bit_from_strangers(cluster):
    """xfstests generic/633, setgid_create, but for what it opens and runs."""
    def seen(status):
        return oct(status.st_mode), status.st_gid, status.st_uid

    def modes(folder):
        found = {}
        os.chown(folder, -1, 65534)
        folder.chmod(0o2777)
        umask = os.umask(0)
        try:
            for who in (0, 65533):
                os.setegid(who)
                os.seteuid(who)
                place = folder / str(who)
                place.mkdir(0o770)
                os.close(os.open(place / "file", os.O_CREAT | os.O_RDWR, 0o2770))
                os.close(os.open(place / "plain", os.O_CREAT | os.O_RDWR, 0o2760))
                os.mknod(place / "node", 0o2770 | stat.S_IFREG)
                os.mknod(place / "fifo", 0o2770 | stat.S_IFIFO)
                unnamed = os.open(place, os.O_TMPFILE | os.O_RDWR, 0o2770)
                found[f"{who}/unnamed"] = seen(os.fstat(unnamed))
                os.close(unnamed)
                os.seteuid(0)
                os.setegid(0)
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.umask(umask)
        return found | {str(path.relative_to(folder)): seen(path.stat()) for path in folder.rglob("*")}

    cluster.base.chmod(0o755)
    (cluster.cache / "d").mkdir()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as reference:
        pathlib.Path(reference).chmod(0o755)
        local = pathlib.Path(reference) / "d"
        local.mkdir()
        assert modes(cluster.cache / "d") == modes(local)

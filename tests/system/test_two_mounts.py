"""Two mounts of one cluster, as on two hosts: what one has closed, the other sees at its next open."""
import fcntl
import os
import random
import signal
import subprocess
import time

import pytest

from conftest import BINARY, wait_for


@pytest.fixture
def other(cluster):
    """The cluster's cache through a second mount."""
    point = cluster.base / "other"
    point.mkdir()
    daemon = subprocess.Popen([str(BINARY), "fuse", str(point), "--conf", str(cluster.conf), "-D", "forebay.fuse.web_port=0"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: os.path.ismount(point), what="the second mount")
        yield point / "cache-only"
    finally:
        daemon.terminate()
        daemon.wait(timeout=30)
        subprocess.run(["umount", "-l", str(point)], capture_output=True)


def test_an_open_sees_what_the_other_mount_has_closed(cluster, other):
    seed = int(os.environ.get("FOREBAY_TWO_MOUNTS_SEED", "7"))
    rng = random.Random(seed)
    (cluster.cache / "d").mkdir()
    wait_for((other / "d").exists, what="the directory at the other mount")
    sides = [cluster.cache / "d", other / "d"]
    for step in range(400):
        name = f"f{step % 7}"
        text = rng.randbytes(rng.choice([0, 1, 100, 4096, 70_000, 300_000]))
        rng.shuffle(sides)
        how = rng.choice(["truncate", "append", "replace"])
        writer, reader = sides[0] / name, sides[1] / name
        if how == "append":
            before = writer.read_bytes() if writer.exists() else b""
            with open(writer, "ab") as file:
                file.write(text)
            text = before + text
        elif how == "truncate":
            writer.write_bytes(text)
        else:
            temporary = sides[0] / "new"
            temporary.write_bytes(text)
            os.rename(temporary, writer)
        with open(reader, "rb") as file:
            seen = os.fstat(file.fileno()).st_size
            got = file.read()
        assert (seen, len(got)) == (len(text), len(text)) and got == text, f"seed {seed}, step {step}, {how}"


def test_a_file_that_is_being_written_is_seen_up_to_its_last_fsync(cluster, other):
    parts = [os.urandom(300_000) for _ in range(5)]
    with open(cluster.cache / "growing", "wb", buffering=0) as file:
        written = b""
        for part in parts:
            file.write(part)
            os.fsync(file.fileno())
            written += part
            wait_for((other / "growing").exists, what="the file at the other mount")
            assert (other / "growing").read_bytes() == written


def test_a_name_that_the_other_mount_replaces_all_the_time_can_be_opened(cluster, other):
    place, there = cluster.cache, other
    (place / "name").write_text("x")
    wait_for((there / "name").exists, what="the name at the other mount")
    end = time.monotonic() + 5
    pid = os.fork()
    if pid == 0:
        while time.monotonic() < end + 0.2:
            (there / "next").write_text("x")
            os.rename(there / "next", there / "name")
        os._exit(0)
    opens = 0
    try:
        while time.monotonic() < end:
            assert (place / "name").read_text() == "x"
            opens += 1
    finally:
        os.waitpid(pid, 0)
    assert opens > 100


def holding(take):
    """A process that takes a lock and has it until it is killed: its pid."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        take()
        os.write(tell, b"!")
        while True:
            signal.pause()
    os.close(tell)
    assert os.read(told, 1) == b"!"
    os.close(told)
    return pid


@pytest.mark.parametrize("kind", ["flock", "posix"])
def test_locks_hold_within_a_mount_wait_for_their_owner_and_end_with_it(cluster, kind):
    path = cluster.cache / "locked"
    path.write_text("x")
    lock = fcntl.flock if kind == "flock" else fcntl.lockf

    def take(how=fcntl.LOCK_EX):
        lock(os.open(path, os.O_RDWR), how)

    owner = holding(take)
    with pytest.raises(BlockingIOError):
        take(fcntl.LOCK_EX | fcntl.LOCK_NB)
    waiting, began = os.fork(), time.monotonic()
    if waiting == 0:
        signal.alarm(20)
        take()
        os._exit(0 if time.monotonic() - began > 0.2 else 1)
    time.sleep(0.3)
    os.kill(owner, signal.SIGKILL)
    os.waitpid(owner, 0)
    assert os.waitpid(waiting, 0)[1] == 0
    take(fcntl.LOCK_EX | fcntl.LOCK_NB)

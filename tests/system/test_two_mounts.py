"""Two mounts of one cluster, as on two hosts: what one has closed, the other sees at its next open."""
import os
import random
import subprocess

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

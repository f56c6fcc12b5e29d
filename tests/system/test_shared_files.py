"""Programs that share files through mappings and locks, and are killed in the middle, in every way that bytes take."""
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zlib

import pytest

from conftest import Cluster, require_fuse
from test_modes import MODES

QUOTA = "1GB"  # of each worker: much for these files, little for what is granted to them and not used


@pytest.fixture(scope="module", params=MODES)
def place(request, tmp_path_factory):
    require_fuse()
    cluster = Cluster()
    try:
        cluster.mode = request.param
        cluster.start("--tier", f"SSD:{tmp_path_factory.mktemp('tier')}:{QUOTA}", *MODES[request.param])
        yield cluster
    finally:
        cluster.close()


# ---- a database with a write-ahead log: its index is a mapping that all processes share ----

SQLITE = """
import os, random, sqlite3, sys, zlib
what, path, me, acknowledged = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
shaped = random.Random(os.getpid())

def connect():
    base = sqlite3.connect(path, timeout=60, isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=NORMAL")
    return base

def body():
    bytes_ = shaped.randbytes(shaped.randrange(1, 6000))
    return zlib.crc32(bytes_).to_bytes(4, "little") + bytes_

base = connect()
if what == "write":
    told = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    while True:
        base.execute("BEGIN IMMEDIATE")
        number = (base.execute("SELECT MAX(number) FROM entries WHERE writer = ?", (me,)).fetchone()[0] or 0) + 1
        base.execute("INSERT INTO entries VALUES (?, ?, ?)", (me, number, body()))
        base.execute("UPDATE balance SET amount = amount - 1 WHERE id = ?", (shaped.randrange(10),))
        base.execute("UPDATE balance SET amount = amount + 1 WHERE id = ?", (shaped.randrange(10),))
        if shaped.random() < 0.02:
            base.execute("DELETE FROM entries WHERE writer = ? AND number < ?", (me, number - 50))
        base.execute("COMMIT")
        os.pwrite(told, str(number).encode(), 0)
        if shaped.random() < 0.01:
            base.execute("PRAGMA wal_checkpoint(%s)" % shaped.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"]))
seen = {}
while True:
    base.execute("BEGIN")
    assert base.execute("SELECT SUM(amount) FROM balance").fetchone()[0] == 1000, "half of a transaction"
    now = dict(base.execute("SELECT writer, MAX(number) FROM entries GROUP BY writer").fetchall())
    assert all(now.get(writer, 0) >= number for writer, number in seen.items()), f"{now} after {seen}"
    seen = now
    base.execute("COMMIT")
    if shaped.random() < 0.05:
        base.close()
        base = connect()
"""

ROUNDS, SECONDS_OF_ROUND, WRITERS, READERS = 3, 1.5, 3, 2


def check_database(base, acknowledged):
    assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert base.execute("SELECT SUM(amount) FROM balance").fetchone()[0] == 1000
    for (body,) in base.execute("SELECT body FROM entries"):
        assert zlib.crc32(body[4:]).to_bytes(4, "little") == body[:4]
    told = [int(file.read_text() or 0) if file.exists() else 0 for file in acknowledged]
    assert any(told)
    for writer, number in enumerate(told):
        last = base.execute("SELECT MAX(number) FROM entries WHERE writer = ?", (writer,)).fetchone()[0] or 0
        assert last >= number, f"writer {writer} was told of {number}, and {last} is there"


def test_a_database_with_a_write_ahead_log_survives_its_killed_processes(place, tmp_path):
    path = place.cache / "base.sqlite"
    base = sqlite3.connect(path)
    base.executescript("PRAGMA journal_mode=WAL; CREATE TABLE entries(writer INT, number INT, body BLOB); CREATE INDEX at ON entries(writer, number);"
                       "CREATE TABLE balance(id INT, amount INT);")
    base.executemany("INSERT INTO balance VALUES (?, 100)", [(i,) for i in range(10)])
    base.commit()
    base.close()
    acknowledged = [tmp_path / f"acknowledged-{i}" for i in range(WRITERS)]
    for _ in range(ROUNDS):
        programs = [subprocess.Popen([sys.executable, "-c", SQLITE, "write", path, str(i), acknowledged[i]], stderr=subprocess.PIPE)
                    for i in range(WRITERS)]
        programs += [subprocess.Popen([sys.executable, "-c", SQLITE, "read", path, "0", "-"], stderr=subprocess.PIPE) for _ in range(READERS)]
        try:
            time.sleep(SECONDS_OF_ROUND)  # how long they work is the test, not what it waits for
        finally:
            for program in programs:
                program.kill()
        for program in programs:
            errors = program.communicate()[1].decode(errors="replace")
            assert program.returncode == -signal.SIGKILL, errors
        base = sqlite3.connect(path, timeout=60)
        check_database(base, acknowledged)
        base.close()


# ---- two descriptors of one file ----

MANY = 200


def test_writers_that_come_and_go_take_no_space_from_others(place):
    """One has written at length and has the file open; each of the others opens it, writes a little, and closes it."""
    path = place.cache / "long"
    with open(path, "wb", buffering=0) as first:
        for i in range(40):
            first.write(bytes([i]) * (1 << 20))
        for i in range(MANY):
            first.write(b"x" * 4096)
            with open(path, "r+b", buffering=0) as other:
                os.pwrite(other.fileno(), b"y" * 100, i * 1000)
    seen = path.read_bytes()
    assert len(seen) == (40 << 20) + MANY * 4096 and seen[:1000] == b"y" * 100 + bytes(900)


def test_a_file_that_is_opened_written_and_closed_again_and_again_takes_the_space_of_its_bytes(place):
    """As LTP's growfiles does, while somebody else has it open: far more would be granted in a second than the workers have."""
    path = place.cache / "grown"
    with open(path, "wb", buffering=0) as file:
        file.write(b"0" * 200_000)
    # Where the kernel reads it by itself, each open for writing would copy the file for its reader: another matter.
    with open(path, "rb") if place.mode != "passthrough" else contextlib.nullcontext():
        for _ in range(3 * MANY):
            with open(path, "ab", buffering=0) as file:
                assert file.write(b"x" * 40_000) == 40_000
    assert path.stat().st_size == 200_000 + 3 * MANY * 40_000
    for i in range(3 * MANY):
        (place.cache / f"short-{i}").write_bytes(b"y" * 80_000)

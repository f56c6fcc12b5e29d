"""The storm on real processes: thousands of seeded operations on a mapped tree while roles are killed. At rest the store equals the
namespace, and no upload is left. FOREBAY_STORM_SEED repeats a run, FOREBAY_STORM_OPERATIONS sets its length."""
import datetime
import os
import random
import shutil
import signal
import sys
import threading
import time

import pytest

from conftest import wait_for
from test_persist import PersistCluster, own  # noqa: F401: a fixture

OPERATIONS = int(os.environ.get("FOREBAY_STORM_OPERATIONS", 1500))
CLIENTS = 3
KILLED = ["master", "worker-1", "worker-2", "coordinator"]


class Client:
    """Works in a directory of its own, and now and then moves things through one that all share."""

    def __init__(self, number, files, seed, operations):
        self.rng = random.Random(seed * 1000 + number)
        self.home, self.shared = files / f"client-{number}", files / "shared"
        self.number, self.operations = number, operations
        self.done, self.refused, self.broken = 0, [], None

    def name(self):
        return self.home / self.rng.choice(["", "", "d0", "d1", "d1/e"]) / f"f{self.rng.randrange(12)}"

    def content(self):
        size = self.rng.choice([0, 1, 100, 5_000, 70_000, 400_000])
        return self.rng.randbytes(self.rng.randrange(6, 12) << 20 if self.rng.random() < 0.01 else size)

    def write(self):
        self.name().write_bytes(self.content())

    def append(self):
        with open(self.name(), "ab") as file:
            file.write(self.content())

    def overwrite(self):
        with open(self.name(), "r+b") as file:
            file.seek(self.rng.randrange(5_000))
            file.write(self.content()[:50_000])

    def truncate(self):
        os.truncate(self.name(), self.rng.randrange(10_000))

    def rename(self):
        os.rename(self.name(), self.name())

    def swap(self):
        one, other, between = self.name(), self.name(), self.home / "swap.tmp"
        os.rename(one, between)
        os.rename(other, one)
        os.rename(between, other)

    def checkpoint(self):
        final = self.name()
        part = final.with_name(final.name + ".tmp")
        part.write_bytes(self.content())
        os.rename(part, final)

    def rename_directory(self):
        one, other = self.rng.sample(["d0", "d1", "d2"], 2)
        os.rename(self.home / one, self.home / other)

    def remove(self):
        self.name().unlink()

    def remove_and_write(self):
        name = self.name()
        name.unlink(missing_ok=True)
        name.write_bytes(self.content())

    def pass_on(self):
        os.rename(self.name(), self.shared / f"s{self.rng.randrange(6)}")

    def take(self):
        os.rename(self.shared / f"s{self.rng.randrange(6)}", self.name())

    def run(self):
        kinds = [self.write] * 6 + [self.append, self.overwrite, self.truncate, self.rename, self.swap, self.checkpoint, self.checkpoint]
        kinds += [self.rename_directory, self.remove, self.remove_and_write, self.pass_on, self.take]
        try:
            while self.done < self.operations:
                for directory in ("d0", "d1/e"):
                    (self.home / directory).mkdir(parents=True, exist_ok=True)
                kind = self.rng.choice(kinds)
                try:
                    kind()
                except (FileNotFoundError, NotADirectoryError, FileExistsError):
                    pass
                except OSError as refused:
                    if refused.errno != 39:  # ENOTEMPTY
                        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
                        self.refused.append(f"{now} {kind.__name__}: {refused}")
                self.done += 1
        except BaseException as broken:
            self.broken = broken


def test_the_store_equals_the_namespace_after_a_storm(own):  # noqa: F811
    seed = int(os.environ.get("FOREBAY_STORM_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"FOREBAY_STORM_SEED={seed}", file=sys.stderr)
    rng = random.Random(seed)
    own.start()
    (own.files / "shared").mkdir()
    clients = [Client(n, own.files, seed, OPERATIONS // CLIENTS) for n in range(CLIENTS)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    kills = dict.fromkeys(KILLED, 0)
    next_kill = 30
    while any(thread.is_alive() for thread in threads):
        # By progress, not by time: a role that dies again and again is started later and later, and nothing would go on.
        time.sleep(0.01)
        if sum(client.done for client in clients) < next_kill:
            continue
        next_kill += rng.randrange(20, 120)
        victim = rng.choice(KILLED)
        pid = own.pids().get(victim)
        try:
            if pid:
                os.kill(pid, signal.SIGKILL)
                kills[victim] += 1
        except ProcessLookupError:
            pass  # dead already
    for thread in threads:
        thread.join()
    refused = [each for client in clients for each in client.refused]
    print(f"killed: {kills}; {sum(c.done for c in clients)} operations, {len(refused)} refused {refused[:3]}", file=sys.stderr)
    if refused and "FOREBAY_STORM_LOGS" in os.environ:
        shutil.copytree(own.dir / "log", os.environ["FOREBAY_STORM_LOGS"], dirs_exist_ok=True)
    assert [client.broken for client in clients] == [None] * CLIENTS
    wait_for(lambda: own.status()["serves"], 60, "all roles ready")
    # The last one that was killed may have been dying when the status was asked for.
    wait_for(lambda: own.run("job", "ls", check=False).returncode == 0, 60, "an answer of the coordinator")
    jobs = own.json("job", "ls")
    begun = time.monotonic()
    # Where a request cannot be fenced, what was given up is not looked at before twice the time that one may take.
    own.wait_until_clean(120)
    print(f"{len(jobs)} jobs at the end of the storm, at rest {time.monotonic() - begun:.1f} s later", file=sys.stderr)
    own.expect_equal()
    found = own.json("admin", "fsck", check=False)
    assert found["problems"] == [], found

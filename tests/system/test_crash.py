"""SIGKILL at random moments under load, on real processes, against the storm's own record of what was acknowledged.

Each round kills the master, a worker, a writing client, or all of them at once, while several clients write; the supervisor brings the roles
back, a new client goes on where the killed one was, after checking that the tree it finds is one that its record allows. At the end
everything is read back and compared, the metadata is checked against itself and the workers, and no object may be left that no file names.

FOREBAY_CRASH_ROUNDS (40) and FOREBAY_CRASH_SEED (random) can be set; the seed is printed with a failure.
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

BUILD = pathlib.Path(os.environ.get("FOREBAY_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build/release"))
FOREBAY, STORM = BUILD / "forebay", BUILD / "tests/system/storm"
ROUNDS = int(os.environ.get("FOREBAY_CRASH_ROUNDS", "40"))
WRITERS = 3


class Writer:
    """One storm client: a process that is killed and started again, with a record file that stays."""

    def __init__(self, number, masters, folder):
        self.number, self.masters = number, masters
        self.record, self.log = folder / f"record-{number}", folder / f"writer-{number}.log"
        self.process, self.runs = None, 0

    def arguments(self, mode):
        return [STORM, mode, "--masters", self.masters, "--root", f"/storm/w{self.number}", "--record", self.record]

    def start(self):
        self.runs += 1
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([*self.arguments("write"), "--seed", str(self.number * 1000 + self.runs)], stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def check_alive(self):
        code = self.process.poll()
        assert code is None, f"writer {self.number} ended with {code}:\n{self.log.read_text()[-2000:]}"

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=120)
        assert code == 0, f"writer {self.number} ended with {code}:\n{self.log.read_text()[-2000:]}"

    def verify(self):
        result = subprocess.run(self.arguments("verify"), capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def acknowledged(self):
        return self.record.read_bytes().count(b"\nA\n") if self.record.exists() else 0


class Roles:
    """The processes of a local cluster, by their pid files."""

    def __init__(self, folder):
        self.folder = folder

    def pid(self, name):
        return int((self.folder / "run" / f"{name}.pid").read_text().split()[0])

    def kill(self, name):
        try:
            os.kill(self.pid(name), signal.SIGKILL)
        except (ProcessLookupError, FileNotFoundError):
            pass  # already dead: the supervisor is bringing it back


def wait_until(what, condition, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.2)  # polling another process: there is nothing to be notified by
    raise AssertionError(f"not within {seconds} s: {what}")


def report(cluster):
    result = subprocess.run([FOREBAY, "info", "report", "--conf", cluster / "forebay.toml", "--output", "json"],
                            capture_output=True, text=True, timeout=60)
    return json.loads(result.stdout) if result.returncode == 0 else None


@pytest.fixture
def cluster(tmp_path):
    folder = tmp_path / "cluster"
    subprocess.run([FOREBAY, "local", "start", "--dir", folder, "--ports", "auto"], check=True, timeout=60)
    yield folder
    subprocess.run([FOREBAY, "local", "stop", "--dir", folder], check=False, timeout=60)


def master_address(cluster):
    result = subprocess.run([FOREBAY, "conf", "get", "forebay.master.rpc_port", "--conf", cluster / "forebay.toml"],
                            capture_output=True, text=True, check=True, timeout=30)
    return f"localhost:{result.stdout.split()[-1]}"


def test_what_was_acknowledged_survives_sigkill_at_random_moments(cluster, tmp_path):
    seed = int(os.environ.get("FOREBAY_CRASH_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"FOREBAY_CRASH_SEED={seed}", file=sys.stderr)
    rng = random.Random(seed)
    roles = Roles(cluster)
    writers = [Writer(n, master_address(cluster), tmp_path) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    kills = {"master": 0, "worker-1": 0, "worker-2": 0, "client": 0, "all": 0}
    for _ in range(ROUNDS):
        time.sleep(rng.uniform(0.05, 0.8))  # the random moment
        for writer in writers:
            writer.check_alive()
        victim = rng.choice(list(kills))
        kills[victim] += 1
        if victim == "client":
            writer = rng.choice(writers)
            writer.kill()
            writer.start()
        elif victim == "all":
            for name in ("master", "worker-1", "worker-2"):
                roles.kill(name)
        else:
            roles.kill(victim)
    before = [writer.acknowledged() for writer in writers]
    wait_until("every writer gets on after the last kill",
               lambda: all(w.acknowledged() > b for w, b in zip(writers, before)), 90)
    for writer in writers:
        writer.stop()
    print("killed:", kills, *(writer.verify() for writer in writers), sep="\n  ", file=sys.stderr)
    subprocess.run([FOREBAY, "admin", "fsck", "--conf", cluster / "forebay.toml"], check=True, timeout=120)
    # Sessions of killed clients expire, their space comes back, and nothing else is stored than what files name.
    wait_until("objects without a file are gone", lambda: unreferenced(cluster) == 0, 60)


def unreferenced(cluster):
    """Objects on the workers' disks, less those that the metadata knows."""
    state = report(cluster)
    if state is None:
        return None
    stored = sum(1 for path in cluster.rglob("objects/*/*") if path.is_file())
    return stored - state["objects"]

"""SIGKILL at random moments under load, on real processes, against the storm's own record of what was acknowledged.

Each round kills the master, a worker, a writing client, or all of them at once, while several clients write; the supervisor brings the roles
back, a new client goes on where the killed one was, after checking that the tree it finds is one that its record allows. At the end
everything is read back and compared with the record, the metadata is sound, and the workers' directories hold what it refers to and nothing
else; when all is removed they are empty.

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

from conftest import BINARY, wait_for

STORM = pathlib.Path(os.environ.get("FOREBAY_STORM", BINARY.parent / "tests/system/storm"))
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


def kill_role(cluster, name):
    pid = cluster.pids().get(name)
    try:
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # already dead: the supervisor is bringing it back


def master_address(cluster):
    return "localhost:" + cluster.run("conf", "get", "forebay.master.rpc_port").out.split()[-1]


def objects_on_disk(cluster):
    """The files of objects below all tiers of all workers."""
    return {path for path in (cluster.dir / "data").glob("**/objects/*/*") if path.is_file() and path.suffix != ".data"}


def settled(cluster):
    """What fsck says, once the space of everything that was removed or given up is back."""

    def look():
        done = cluster.run("admin", "fsck", "--output", "json", check=False)
        found = json.loads(done.out) if done.out else {}
        quiet = found and found["to_be_removed"] == 0 and found["reclaiming"] == 0 and found["objects"] == len(objects_on_disk(cluster))
        settled.last = done.out or done.err
        return found if quiet and found["clean"] else None

    try:
        # The sweep that finds objects without a writer comes a minute after the master's last start.
        return wait_for(look, 150, "a clean fsck with nothing pending")
    except AssertionError as leaked:
        raise AssertionError(f"{leaked}\n{len(objects_on_disk(cluster))} objects on disk; the last fsck:\n{settled.last}") from None


def test_what_was_acknowledged_survives_sigkill_at_random_moments(cluster, tmp_path):
    seed = int(os.environ.get("FOREBAY_CRASH_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"FOREBAY_CRASH_SEED={seed}", file=sys.stderr)
    rng = random.Random(seed)
    writers = [Writer(n, master_address(cluster), tmp_path) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    kills = {"master": 0, "worker-1": 0, "worker-2": 0, "client": 0, "all": 0}
    try:
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
            else:
                for name in ("master", "worker-1", "worker-2") if victim == "all" else (victim,):
                    kill_role(cluster, name)
        before = [writer.acknowledged() for writer in writers]
        try:
            wait_for(lambda: all(w.acknowledged() > b for w, b in zip(writers, before)), 90, "progress after the last kill")
        except AssertionError as stuck:
            lines = [f"writer {w.number}: {w.acknowledged() - b} operations since, log: {w.log.read_text()[-500:]}" for w, b in zip(writers, before)]
            raise AssertionError("\n".join([str(stuck), *lines, str(cluster.status())])) from None
        for writer in writers:
            writer.stop()
    finally:
        for writer in writers:
            writer.kill()
    print("killed:", kills, *(writer.verify() for writer in writers), sep="\n  ", file=sys.stderr)
    found = settled(cluster)
    print("fsck:", found, file=sys.stderr)
    cluster.fs("rm", "-R", "/storm")
    assert settled(cluster)["objects"] == 0
    assert not objects_on_disk(cluster)

"""Fixtures for whole-process tests: `cluster` is a local cluster in a temporary folder, mounted, and always taken away again."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("FOREBAY_BINARY", ROOT / "build" / "release" / "forebay"))
SECONDS = 90  # for any one command


def require_fuse():
    """Skipping would hide that nothing was tested."""
    if not os.path.exists("/dev/fuse"):
        pytest.fail("/dev/fuse is missing: these tests mount (in a container: --device /dev/fuse --cap-add SYS_ADMIN)", pytrace=False)


def run(*arguments, check=True, env=None, timeout=SECONDS, **options):
    """forebay with these arguments; its outcome."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FOREBAY_", "ALLUXIO_"))}
    environment.update(env or {})
    done = subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, timeout=timeout, env=environment, **options)
    done.out = done.stdout.decode(errors="replace")
    done.err = done.stderr.decode(errors="replace")
    if check and done.returncode != 0:
        raise AssertionError(f"forebay {' '.join(map(str, arguments))} ended with {done.returncode}\n{done.out}\n{done.err}")
    return done


def wait_for(condition, seconds=20, what="condition"):
    """Looks again and again until the condition holds; its value."""
    limit = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < limit, f"{what} did not come true within {seconds} s"
        time.sleep(0.02)


class Cluster:
    """A local cluster in a folder of its own. Everything it starts is gone after close()."""

    def __init__(self, mounted=True, **options):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="forebay-test-"))
        self.dir = self.base / "cluster"
        self.mount = self.base / "mnt" if mounted else None
        if mounted:
            self.mount.mkdir()
        self.options = options

    @property
    def conf(self):
        return self.dir / "forebay.toml"

    @property
    def cache(self):
        return self.mount / "cache-only"

    def start(self, *more, check=True):
        arguments = ["local", "start", "--dir", self.dir, "--ports", "auto", *more]
        if self.mount:
            arguments += ["--mount", self.mount]
        for name, value in self.options.items():
            arguments += [f"--{name.replace('_', '-')}", value]
        return run(*arguments, check=check)

    def stop(self, check=True):
        return run("local", "stop", "--dir", self.dir, check=check)

    def status(self):
        return json.loads(run("local", "status", "--dir", self.dir, "--output", "json", check=False).out)

    def run(self, *arguments, **options):
        return run(*arguments, "--conf", self.conf, **options)

    def fs(self, *arguments, **options):
        return self.run("fs", *arguments, **options)

    def json(self, *arguments, **options):
        return json.loads(self.run(*arguments, "--output", "json", **options).out)

    def pids(self):
        """Name to pid of everything that has a pid file."""
        return {file.stem: int(file.read_text()) for file in sorted((self.dir / "run").glob("*.pid")) if file.read_text().strip()}

    def kill_everything(self):
        """SIGKILL for all of it, the supervisor first: it would start again what dies before it."""
        pids = self.pids()
        for name in sorted(pids, key=lambda n: n != "supervisor"):
            os.kill(pids[name], signal.SIGKILL)
        for name, pid in pids.items():
            wait_for(lambda: not alive(pid), what=f"death of {name}")

    def close(self):
        try:
            if (self.dir / "run").exists():
                self.stop(check=False)
        finally:
            if self.mount:
                subprocess.run(["umount", "-l", str(self.mount)], capture_output=True)
            shutil.rmtree(self.base, ignore_errors=True)


def alive(pid):
    """Runs; a zombie does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def used(make, start=True):
    """What make() gives, a Cluster or a kind of one, for as long as the block lasts."""
    require_fuse()
    cluster = make()
    try:
        if start:
            cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def cluster():
    """Started and mounted."""
    with used(Cluster) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def shared_cluster():
    """One for all tests of a module that leave it as they found it."""
    with used(Cluster) as cluster:
        yield cluster


@pytest.fixture
def place(shared_cluster):
    """A directory of its own in the shared cluster: the cluster, its path in the namespace, its path on the mount."""
    name = f"t{time.monotonic_ns()}"
    (shared_cluster.cache / name).mkdir()
    return shared_cluster, f"/cache-only/{name}", shared_cluster.cache / name


@pytest.fixture
def stopped_cluster():
    """Not started yet: for tests of starting."""
    with used(Cluster, start=False) as cluster:
        yield cluster

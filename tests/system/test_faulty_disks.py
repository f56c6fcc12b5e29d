"""File systems that go away or fill up underneath: of the under store, and of the master. Mounts small ones in memory: as root."""
import contextlib
import hashlib
import os
import pathlib
import subprocess
import time

from conftest import Cluster, used, wait_for
from test_persist import PersistCluster


@contextlib.contextmanager
def mounted(path, size="64m"):
    """A file system in memory at `path`; yields a function that takes it away and one that brings it back with what it had."""
    path = pathlib.Path(path)
    path.mkdir(parents=True, exist_ok=True)
    kept = path.parent / (path.name + ".kept")
    kept.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "forebay-test", str(kept)], check=True)

    def bring():
        subprocess.run(["mount", "--bind", str(kept), str(path)], check=True)

    def take():
        subprocess.run(["umount", "-l", str(path)], check=True)

    bring()
    try:
        yield take, bring
    finally:
        for each in (path, kept):
            subprocess.run(["umount", "-l", str(each)], capture_output=True)


def test_while_the_nas_is_not_mounted_nothing_is_lost_and_nothing_is_written_beside_it():
    with used(PersistCluster, start=False) as cluster, mounted(cluster.store.path) as (take, bring):
        cluster.start()
        files, content = cluster.files, os.urandom(3_000_000)
        for name in ("cold", "removed", "moved", "tree/file"):
            (files / name).parent.mkdir(exist_ok=True)
            (files / name).write_bytes(content)
        cluster.wait_until_clean()
        cluster.fs("free", "/cache-only/persist/cold")

        take()
        (files / "new").write_bytes(content)
        os.rename(files / "moved", files / "elsewhere")
        os.rename(files / "tree", files / "other tree")
        os.remove(files / "removed")
        why = "nothing is mounted at the under store's directory"
        wait_for(lambda: any(why in each["error"] for each in cluster.persist_status()["failures"]), what="the reason in persist status")
        listed = cluster.fs("ls", "/ufs/persist", check=False)
        assert listed.returncode == 1 and why in listed.err
        read = subprocess.run(["timeout", "5", "cat", str(files / "cold")], capture_output=True)
        assert read.returncode != 0 and read.stdout == b""
        assert cluster.persist_status()["lost"] == 0
        assert os.listdir(cluster.store.path) == [], "written beside the NAS"

        bring()
        cluster.run("persist", "retry")
        assert hashlib.sha256((files / "cold").read_bytes()).digest() == hashlib.sha256(content).digest()
        cluster.expect_equal()


def test_a_master_whose_disk_is_full_says_so_to_everybody_and_goes_on_when_there_is_room():
    with used(Cluster, start=False) as cluster, mounted(cluster.dir / "master", "200m"):
        cluster.start()
        (cluster.cache / "before").write_text("content")
        ballast = cluster.dir / "master/ballast"
        with open(ballast, "wb") as file:
            free = os.statvfs(ballast.parent).f_bavail * os.statvfs(ballast.parent).f_frsize
            os.posix_fallocate(file.fileno(), 0, free - 1_000_000)

        def is_refused():
            try:
                (cluster.cache / f"name {time.monotonic_ns()}").mkdir()
            except OSError:
                return True
            return False

        wait_for(is_refused, what="the end of room")
        assert (cluster.cache / "before").read_text() == "content", "reading goes on"
        why = "read-only until there"
        refused = cluster.fs("ls", "/", check=False)
        assert refused.returncode == 1
        assert "takes no new clients" in refused.err and why in refused.err and "no connection" not in refused.err
        report = cluster.run("info", "report")
        assert "read-only: " in report.out and why in report.out
        assert cluster.json("info", "report")["state"] == "read-only"

        ballast.unlink()
        wait_for(lambda: not is_refused(), what="the return of room")
        assert cluster.json("info", "report")["state"] == "serving"
        cluster.fs("ls", "/")

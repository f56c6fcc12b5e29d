"""Content that leaves the cache and comes back from the under store, and room that comes back, through real processes and a mount."""
import errno
import os

import pytest

from conftest import Cluster, used, wait_for

PATH = "/cache-only/persist/f"


def freed(cluster, path=PATH):
    """Once it is persisted."""
    wait_for(lambda: cluster.fs("free", path, check=False).returncode == 0, 60, f"{path} is persisted and leaves")
    assert cluster.json("fs", "stat", path)[0]["percent_in_cache"] == 0


def content_of(cluster, path=PATH):
    target = cluster.dir / "got"
    cluster.fs("get", path, target)
    content = target.read_bytes()
    target.unlink()
    return content


def test_what_is_freed_comes_back_when_it_is_read_or_loaded(cluster):
    content = os.urandom(30_000_000)
    file = cluster.cache / "persist" / "f"
    file.write_bytes(content)
    freed(cluster)
    assert content_of(cluster) == content
    assert cluster.json("fs", "stat", PATH)[0]["percent_in_cache"] == 100
    freed(cluster)
    with file.open("r+b") as patched:  # through the mount
        patched.seek(20_000_000)
        patched.write(b"new bytes")
    content = content[:20_000_000] + b"new bytes" + content[20_000_009:]
    assert file.read_bytes() == content
    freed(cluster)
    assert cluster.json("job", "load", "/cache-only/persist")["files"] == 1
    assert cluster.json("fs", "stat", PATH)[0]["percent_in_cache"] == 100
    assert content_of(cluster) == content


def test_what_is_pinned_stays(cluster):
    (cluster.cache / "persist" / "f").write_bytes(os.urandom(100_000))  # more than what is kept inline, which stays
    freed(cluster)
    content_of(cluster)
    cluster.fs("pin", "/cache-only/persist")
    assert cluster.fs("free", PATH, check=False).returncode != 0
    assert [entry["path"] for entry in cluster.json("fs", "ls", "-p", "-d", "/cache-only/persist")] == ["/cache-only/persist"]
    cluster.fs("unpin", "/cache-only/persist")
    freed(cluster)


def test_a_time_to_live_ends_a_file(cluster):
    (cluster.cache / "short").write_bytes(b"soon gone")
    (cluster.cache / "long").write_bytes(b"stays")
    cluster.fs("setTtl", "/cache-only/short", "1500")
    cluster.fs("setTtl", "/cache-only/long", "1h")
    assert cluster.fs("test", "-e", "/cache-only/short").returncode == 0
    wait_for(lambda: cluster.fs("test", "-e", "/cache-only/short", check=False).returncode == 1, 30, "it goes")
    assert cluster.fs("test", "-e", "/cache-only/long").returncode == 0
    assert "ttl_until" in cluster.json("fs", "stat", "/cache-only/long")[0]


class SmallCluster(Cluster):
    """One worker of 200 MB."""

    def __init__(self):
        super().__init__(workers=1, ufs="none")
        self.options["tier"] = f"SSD:{self.base}/data:200MB"


def test_a_writer_goes_on_after_the_file_that_filled_the_cluster_is_removed():
    with used(SmallCluster) as full:
        for turn in range(3):
            large = full.cache / f"large-{turn}"
            with pytest.raises(OSError) as refused, open(large, "wb", buffering=0) as file:
                for _ in range(400):
                    file.write(bytes(1 << 20))
            assert refused.value.errno == errno.ENOSPC
            large.unlink()
            after = full.cache / f"after-{turn}"
            with open(after, "wb", buffering=0) as file:
                for _ in range(20):
                    file.write(bytes(1 << 20))
            after.unlink()

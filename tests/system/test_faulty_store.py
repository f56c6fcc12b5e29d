"""A real S3 server behind a proxy that fails: what comes from in between is never taken for the store's word, and when it is over the store
is as the namespace without anybody's help. Under rgw.sh."""
import os
import random
import subprocess
import time

import pytest

from conftest import Cluster, used, wait_for
from faulty_proxy import FaultyProxy
from test_persist import PersistCluster

SECONDS = 6  # of each fault
CLEAN_WITHIN = 330  # what has failed waits five minutes at most


def changes(request):
    return request.method in ("PUT", "POST", "DELETE")


def everything(request):
    return True


# Name of the fault, to which requests it happens: to every other one, as behind a load balancer of two.
FAULTS = [("page", everything), ("page_with_etag", everything), ("not_found_page", everything), ("etag", changes)]


class FaultyCluster(PersistCluster):
    def __init__(self):
        super().__init__()
        self.proxy = FaultyProxy(self.store.endpoint)

    def start(self, *more, check=True):
        options = [f"endpoint={self.proxy.endpoint}", *self.store.options[1:]]
        options = [word for option in options for word in ("--ufs-option", option)]
        defines = ["-D", "forebay.persist.lease=3s", "-D", "forebay.worker.persist.request_timeout=10s"]
        return Cluster.start(self, "--ufs", self.store.uri, "--mapping", str(self.mapping), *options, *defines, *more, check=check)

    def close(self):
        self.proxy.close()
        super().close()


def read(path, seconds):
    """What comes of it in that time."""
    done = subprocess.run(["timeout", "-s", "KILL", str(seconds), "cat", str(path)], capture_output=True)
    return done.returncode, done.stdout


@pytest.mark.parametrize("name, concerns", FAULTS, ids=[each[0] for each in FAULTS])
def test_what_comes_from_in_between_is_not_the_stores_word(name, concerns):
    chance = random.Random(name)
    with used(FaultyCluster, start=False) as cluster:
        cluster.start()
        files = cluster.files
        contents = {"large": os.urandom(12_000_000), "small": os.urandom(5_000)}
        for each, content in contents.items():
            (files / each).write_bytes(content)
        for each in ("removed", "moved", "written over", "tree/one", "tree/two"):
            (files / each).parent.mkdir(exist_ok=True)
            (files / each).write_bytes(os.urandom(100_000))
        foreign = os.urandom(3_500_000)
        cluster.store.put("foreign", foreign)
        cluster.wait_until_clean()
        for each in contents:
            cluster.fs("free", f"/cache-only/persist/{each}")

        cluster.proxy.fault = lambda request: name if concerns(request) and chance.randrange(2) else None
        over = time.monotonic() + SECONDS
        (files / "new").write_bytes(os.urandom(200_000))
        (files / "new and large").write_bytes(os.urandom(20_000_000))
        os.rename(files / "moved", files / "elsewhere")
        os.rename(files / "tree", files / "other tree")
        os.remove(files / "removed")
        (files / "written over").write_bytes(os.urandom(300_000))
        for path, content in [(files / each, content) for each, content in contents.items()] + [(cluster.mount / "ufs/foreign", foreign)]:
            code, got = read(path, 2)
            assert content.startswith(got), "other bytes than were written"
            assert code != 0 or got == content
        subprocess.run(["timeout", "-s", "KILL", "2", "ls", "-l", str(cluster.mount / "ufs/persist")], capture_output=True)
        time.sleep(max(0, over - time.monotonic()))
        status = cluster.persist_status()
        assert status["lost"] == 0 and status["conflicts"] == 0, status
        cluster.proxy.fault = lambda request: None

        cluster.wait_until_clean(CLEAN_WITHIN)
        cluster.store.remove("foreign")
        cluster.expect_equal()
        for each, content in contents.items():
            assert (files / each).read_bytes() == content


def test_a_listing_without_an_end_ends(own_listing):
    cluster = own_listing
    cluster.proxy.fault = lambda request: "endless" if request.is_listing else None
    done = subprocess.run(["timeout", "-s", "KILL", "80", "ls", str(cluster.mount / "ufs")], capture_output=True)
    assert done.returncode == 2 and b"Input/output error" in done.stderr
    refused = cluster.fs("ls", "/ufs", check=False)
    assert refused.returncode == 1 and "the store's listing does not go on after 'b'" in refused.err
    cluster.proxy.fault = lambda request: None
    assert sorted(os.listdir(cluster.mount / "ufs")) == ["a", "b"]


@pytest.fixture
def own_listing():
    with used(FaultyCluster) as cluster:
        for key in ("a", "b"):
            cluster.store.put(key, b"content")
        yield cluster


def test_people_are_told_what_answers_instead_of_the_store():
    with used(FaultyCluster) as cluster:
        cluster.proxy.fault = lambda request: "not_found_page"
        for i in range(20):
            (cluster.files / str(i)).write_bytes(os.urandom(100_000))
        wanted = "not from the store: a page of a proxy or a load balancer"
        wait_for(lambda: wanted in cluster.run("persist", "status").out, 60, what="the reason in persist status")
        cluster.proxy.fault = lambda request: None
        cluster.expect_equal(CLEAN_WITHIN)

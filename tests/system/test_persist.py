"""Persistence on real processes: what is below a mapped directory equals what is in the store. In a directory; under rgw.sh in a
bucket of a real S3 server."""
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from conftest import Cluster, run, used, wait_for
from stores import BucketStore, DirectoryStore, new_store

IN_BUCKET = "FOREBAY_S3_ENDPOINT" in os.environ
CLEAN_WITHIN = 60  # seconds, with whatever was killed

MAPPING = {
    "cacheOnlyMountPoint": "/cache-only",
    "asyncUploadPathMapping": {"/cache-only/persist": {"path": "/ufs/persist", "onDelete": "delete"}},
    "blackList": [".tmp"],
}


def write_mapping(path, mapping):
    """As an editor does: a new file under the old name."""
    fresh = path.with_suffix(".new")
    fresh.write_text(mapping if isinstance(mapping, str) else json.dumps(mapping, indent=2))
    os.rename(fresh, path)


class PersistCluster(Cluster):
    """A mounted local cluster over a store, with the mapping above in force."""

    def __init__(self):
        super().__init__()
        self.store = new_store(self.base / "store")
        self.mapping = self.base / "mapping.json"
        write_mapping(self.mapping, MAPPING)

    def start(self, *more, check=True):
        options = [word for option in self.store.options for word in ("--ufs-option", option)]
        # A dead worker's uploads are taken over after a lease: short ones, so that the tests need not wait.
        defines = ["-D", "forebay.persist.lease=3s", "-D", f"forebay.worker.persist.request_timeout={10 if IN_BUCKET else 2}s"]
        return super().start("--ufs", self.store.uri, "--mapping", str(self.mapping), *options, *defines, *more, check=check)

    @property
    def files(self):
        return self.cache / "persist"

    def namespace(self):
        """Key in the store to SHA-256 of what the mount has."""
        found = {}
        for file in self.files.rglob("*"):
            if file.is_file() and ".tmp" not in file.name:
                found["persist/" + str(file.relative_to(self.files))] = hashlib.sha256(file.read_bytes()).hexdigest()
        return found

    def persist_status(self):
        return self.json("persist", "status")

    def wait_until_clean(self, seconds=CLEAN_WITHIN):
        last = {}

        def look():
            done = self.run("persist", "status", "--output", "json", check=False)
            last["status"] = done.out or done.err
            return done.returncode == 0 and json.loads(done.out)["clean"]

        try:
            wait_for(look, seconds, "a clean under store")
        except AssertionError as late:
            jobs = self.run("job", "ls", check=False)
            raise AssertionError(f"{late}\n{last['status']}\n{jobs.out}{jobs.err}") from None

    def expect_equal(self, seconds=CLEAN_WITHIN):
        self.wait_until_clean(seconds)
        assert self.store.listing() == self.namespace()
        assert self.store.uploads() == []


@pytest.fixture(scope="module")
def shared():
    with used(PersistCluster) as cluster:
        yield cluster


@pytest.fixture
def own():
    with used(PersistCluster, start=False) as cluster:
        yield cluster


# ---- what is written appears ----


def test_files_appear_under_their_names_with_their_bytes(shared):
    (shared.files / "deep/er").mkdir(parents=True)
    contents = {"small": b"some bytes", "empty": b"", "deep/er/large": os.urandom(40_000_000), "sp ace+ü%41": b"name"}
    for name, content in contents.items():
        (shared.files / name).write_bytes(content)
    (shared.files / "left.tmp").write_text("not this one")
    waited = shared.json("fs", "persist", "/cache-only/persist", "--wait")[0]
    assert waited["files"] == 5 and waited["persisted"] == 4 and waited["not_mapped"] == 1
    shared.expect_equal()
    assert shared.store.listing() == {f"persist/{n}": hashlib.sha256(c).hexdigest() for n, c in contents.items()}


def test_people_see_the_state_of_files(shared):
    (shared.files / "seen").write_text("content")
    (shared.cache / "elsewhere").write_text("content")
    shared.fs("persist", "/cache-only/persist/seen", "--wait")
    assert " PERSISTED " in shared.fs("ls", "/cache-only/persist/seen").out
    assert " NOT_PERSISTED " in shared.fs("ls", "/cache-only/elsewhere").out
    states = {each["path"]: each["state"] for each in shared.json("fs", "ls", "/cache-only/persist")}
    assert states["/cache-only/persist/seen"] == "PERSISTED" and states["/cache-only/persist/left.tmp"] == "NOT_PERSISTED"
    seen = shared.json("fs", "stat", "/cache-only/persist/seen")[0]
    assert seen["persisted_version"] == seen["version"] and seen["key"] == "/ufs/persist/seen" and seen["identity"]
    assert seen["stored_at"] == shared.store.uri + "/persist/seen"
    refused = shared.fs("persist", "/cache-only/elsewhere", check=False)
    assert refused.returncode == 1 and "no mapping covers it" in refused.err
    status = shared.persist_status()
    assert status["mappings"][0]["path"] == "/cache-only/persist" and "bytes_per_second" in status["coordinator"]
    assert "/cache-only/persist" in shared.run("persist", "status").out


def test_a_temporary_name_that_is_renamed_is_there_under_its_final_name_only(shared):
    for i in range(5):
        (shared.files / f"step-{i}.partial").write_bytes(os.urandom(300_000))
        os.rename(shared.files / f"step-{i}.partial", shared.files / f"step-{i}")
    (shared.files / "tree").mkdir()
    (shared.files / "tree/file").write_text("content")
    shared.wait_until_clean()
    os.rename(shared.files / "tree", shared.files / "moved")
    shared.expect_equal()
    assert "persist/moved/file" in shared.store.listing()


def test_changes_and_removals_during_uploads_converge(shared):
    for i in range(6):
        (shared.files / f"busy-{i}").write_bytes(os.urandom(9_000_000))
    (shared.files / "busy-0").write_bytes(b"second")
    with open(shared.files / "busy-1", "r+b") as file:
        file.truncate(1_000_000)
    with open(shared.files / "busy-2", "ab") as file:
        file.write(b"more")
    (shared.files / "busy-3").unlink()
    os.rename(shared.files / "busy-4", shared.files / "busy-5")
    shared.expect_equal()
    assert "persist/busy-3" not in shared.store.listing()


def test_jobs_are_seen_and_can_be_cancelled(own):
    own.start("-D", "forebay.worker.persist.bandwidth=2MB")
    (own.files / "slow").write_bytes(os.urandom(20_000_000))
    jobs = wait_for(lambda: [j for j in own.json("job", "ls") if j["kind"] == "upload"], what="an upload in flight")
    assert jobs[0]["key"] == "/ufs/persist/slow" and jobs[0]["size"] == 20_000_000
    told = own.json("job", "stat", jobs[0]["job"], "-v")
    assert told["job"] == jobs[0]["job"] and len(told["trace"]) == 32
    assert "/ufs/persist/slow" in own.run("job", "ls").out
    own.run("job", "cancel", jobs[0]["job"])
    wait_for(lambda: jobs[0]["job"] not in [j["job"] for j in own.json("job", "ls")], what="the end of the cancelled job")
    assert " TO_BE_PERSISTED " in own.fs("ls", "/cache-only/persist/slow").out  # its duty is tried again
    assert own.run("job", "cancel", "999999", check=False).returncode == 1


# ---- deaths ----


@pytest.mark.parametrize("role", ["master", "worker-1", "worker-2", "coordinator"])
def test_sigkill_of_a_role_in_the_middle_loses_nothing(shared, role):
    for i in range(12):
        (shared.files / f"{role}-{i}").write_bytes(os.urandom(50_000 if i % 4 else 12_000_000))
    os.kill(shared.pids()[role], signal.SIGKILL)
    wait_for(lambda: shared.status()["serves"], 30, "all roles ready")
    (shared.files / f"{role}-0").write_bytes(b"rewritten")
    (shared.files / f"{role}-1").unlink()
    os.rename(shared.files / f"{role}-2", shared.files / f"{role}-final")
    shared.expect_equal()


def test_sigkill_of_everything_loses_nothing(shared):
    for i in range(8):
        (shared.files / f"all-{i}").write_bytes(os.urandom(6_000_000))
    shared.kill_everything()
    shared.start()
    # What the mount had not let go of is sealed when its session's lease ends: until then no version waits.
    shared.fs("persist", "/cache-only/persist", "--wait")
    shared.expect_equal()


# ---- trouble with the store ----


def test_a_store_that_cannot_be_written_is_seen_and_is_written_once_it_can(own):
    if IN_BUCKET:
        own.store = DirectoryStore(own.base / "store")
    own.start()
    store = str(own.store.path)
    subprocess.run(["mount", "--bind", store, store], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", store], check=True)
        (own.files / "waits").write_text("content")
        failure = wait_for(lambda: [f for f in own.persist_status()["failures"] if "path" in f], what="a failure that is shown")[0]
        assert failure["path"] == "/cache-only/persist/waits" and "ead-only" in failure["error"]
        assert " TO_BE_PERSISTED " in own.fs("ls", "/cache-only/persist/waits").out
        late = own.fs("persist", "/cache-only/persist/waits", "--wait", "-t", "1500", check=False)
        assert late.returncode == 1 and "ead-only" in late.err
    finally:
        subprocess.run(["umount", store], check=True)
    own.run("persist", "retry")
    own.expect_equal()


def test_somebody_elses_object_is_never_overwritten_unless_told(own):
    own.start()
    own.store.put("persist/theirs", b"not ours")
    (own.files / "theirs").write_text("ours")
    (own.files / "other").write_text("goes on")
    conflict = wait_for(lambda: own.json("persist", "conflicts"), what="a conflict")[0]
    assert conflict["path"] == "/cache-only/persist/theirs" and conflict["their_size"] == 8
    assert "theirs" in own.run("persist", "conflicts").out
    waited = own.fs("persist", "/cache-only/persist/theirs", "--wait", check=False)
    assert waited.returncode == 1 and "/ufs/persist/theirs" in waited.err
    own.fs("persist", "/cache-only/persist/other", "--wait")
    assert own.store.listing()["persist/theirs"] == hashlib.sha256(b"not ours").hexdigest()
    own.run("persist", "resolve", "/cache-only/persist/theirs", "--by", "cache-wins")
    own.expect_equal()
    again = own.run("persist", "resolve", "/cache-only/persist/theirs", "--by", "cache-wins", check=False)
    assert again.returncode == 1 and "no conflict" in again.err


# ---- mounts and mappings ----


def test_fsck_names_what_the_store_has_lost_and_what_somebody_has_changed(own):
    own.start()
    for name in ("changed", "lost", "good"):
        (own.files / name).write_text(name)
    own.wait_until_clean()
    found = own.json("admin", "fsck")
    assert found["clean"] and found["stored_keys"] == 3
    own.store.put("persist/changed", b"by somebody else")
    own.store.put("persist/theirs", b"of no interest")
    own.store.remove("persist/lost")
    found = own.json("admin", "fsck", check=False)
    problems = {each["where"].rpartition("/")[2]: each["problem"] for each in found["problems"]}
    assert set(problems) == {"changed", "lost"} and "somebody has changed it" in problems["changed"] and "nothing" in problems["lost"]


def test_what_is_open_for_writing_is_not_clean(shared):
    shared.wait_until_clean()
    with open(shared.files / "open", "wb") as file:
        file.write(b"not all of it yet")
        file.flush()
        os.fsync(file.fileno())
        status = shared.persist_status()
        assert not status["clean"] and status["writing"] == 1 and status["waiting"]["persist"] == 0
        assert status["mappings"][0]["writing"] == 1
    shared.expect_equal()


def test_a_mapping_file_is_followed_and_a_bad_one_leaves_the_old_in_force(own):
    own.start()
    good = {**MAPPING, "asyncUploadPathMapping": {**MAPPING["asyncUploadPathMapping"], "/cache-only/b": "/ufs/b"}}
    write_mapping(own.mapping, good)
    wait_for(lambda: len(own.json("persist", "mapping")["mappings"]) == 2, what="the new mapping")
    (own.cache / "b/file").write_text("content")
    own.wait_until_clean()
    assert "b/file" in own.store.listing()

    bad = {
        '{\n  "cacheOnlyMountPoint": "/cache-only",\n  nonsense': "line 3",
        json.dumps({**MAPPING, "asyncUploadPathMapping": {"/cache-only/a": "/nowhere/a"}}): "mount add",
        json.dumps({**MAPPING, "asyncUploadPathMapping": {"/cache-only/a": "/ufs/a", "/cache-only/a/b": "/ufs/c"}}): "overlaps",
        json.dumps({**MAPPING, "asyncUploadPathMapping": {"/cache-only/a": "/cache-only/a"}}): "'/cache-only/a'",
        json.dumps({**MAPPING, "asyncUploadPathMapping": {"/cache-only/a": "/ufs/a", "/cache-only/b": "/ufs/a/b"}}): "target",
    }
    for text, expected in bad.items():
        write_mapping(own.mapping, text)
        refused = own.run("persist", "mapping", "reload", check=False)
        assert refused.returncode == 2 and expected in refused.err and str(own.mapping) in refused.err, refused.err
        shown = own.json("persist", "mapping")
        assert expected in shown["problem"] and len(shown["mappings"]) == 2
        assert expected in own.persist_status()["mapping_problem"]
    (own.cache / "b/second").write_text("the old one works")
    own.wait_until_clean()
    assert "b/second" in own.store.listing()
    write_mapping(own.mapping, MAPPING)
    own.run("persist", "mapping", "reload")
    assert own.json("persist", "mapping")["problem"] == ""


def test_the_page_of_the_reference_works_as_printed(own):
    write_mapping(own.mapping, """{
  "cacheOnlyMountPoint": "/cache-only",
  "asyncUploadPathMapping": {
    "/cache-only/a": "/s3/a",
    "/cache-only/b": "/local/c"
  },
  "blackList": [
    ".tmp"
  ]
}
""")
    own.start()
    assert "/s3/a" in own.json("persist", "mapping")["problem"]  # nothing is mounted there yet: it waits for that
    options = [word for option in own.store.options for word in ("--option", option)]
    if not IN_BUCKET:
        (own.store.path / "below").mkdir()
    own.run("mount", "add", "--path", "/s3", "--ufs-uri", own.store.uri + "/below", *options)
    (own.base / "local").mkdir()
    own.run("mount", "add", "--path", "/local", "--ufs-uri", f"file://{own.base}/local")
    wait_for(lambda: own.json("persist", "mapping")["problem"] == "", what="the mapping in force")
    (own.cache / "a/one").write_text("1")
    (own.cache / "b/two").write_text("2")
    (own.cache / "a/not.tmp").write_text("3")
    own.wait_until_clean()
    assert (own.base / "local/c/two").read_text() == "2"
    assert [key for key in own.store.listing() if key.startswith("below/")] == ["below/a/one"]
    own.fs("rm", "/cache_only/b/two")
    own.wait_until_clean()
    assert (own.base / "local/c/two").exists()  # the plain form keeps it


def test_start_refuses_a_malformed_mapping_and_a_store_that_is_not_there(own):
    write_mapping(own.mapping, '{"cacheOnlyMountPoint": "/cache-only",\n"asyncUploadPathMapping": }')
    refused = own.start(check=False)
    assert refused.returncode == 2 and f"{own.mapping}: line 2" in refused.err and not own.pids()
    write_mapping(own.mapping, MAPPING)
    if IN_BUCKET:
        own.store.bucket = "no-such-bucket-" + own.store.bucket
    else:
        own.store.path = own.base / "missing"
    refused = own.start(check=False)
    assert refused.returncode == 2 and own.store.uri in refused.err, refused.err
    assert not own.pids()


def test_mounts_that_cannot_be_used_are_refused_and_secrets_are_shown_nowhere(shared):
    secret = "do-not-show-this-7131"
    for uri, options, expected in [
        ("file:///no/such/directory", [], "/no/such/directory"),
        ("ftp://host/x", [], "s3://bucket/prefix"),
        (f"file://{shared.base}", ["bufer=1MB"], "buffer"),
        ("s3://bucket", [f"secret-key={secret}", "access-key=a", "endpoint=http://127.0.0.1:9"], "127.0.0.1"),
    ]:
        words = [word for option in options for word in ("--option", option)]
        done = shared.run("mount", "add", "--path", "/refused", "--ufs-uri", uri, *words, check=False)
        assert done.returncode != 0 and expected in done.err, done.err
        assert secret not in done.err + done.out
    if IN_BUCKET:
        wrong = ["--option", "endpoint=" + shared.store.endpoint, "--option", "access-key=" + shared.store.access]
        done = shared.run("mount", "add", "--path", "/refused", "--ufs-uri", shared.store.uri, *wrong, "--option", f"secret-key={secret}", check=False)
        assert done.returncode != 0 and "SignatureDoesNotMatch" in done.err, done.err
    refused = shared.run("mount", "add", "--path", "/ufs/below", "--ufs-uri", f"file://{shared.base}", check=False)
    assert refused.returncode == 1 and "'/ufs'" in refused.err
    refused = shared.run("mount", "remove", "--path", "/ufs", check=False)
    assert refused.returncode == 1 and "mapping" in refused.err
    (shared.base / "other").mkdir(exist_ok=True)
    shared.run("mount", "add", "--path", "/other", "--ufs-uri", str(shared.base / "other"))
    shared.run("mount", "update", "--path", "/other", "--option", "calls=4")
    mounts = {each["path"]: each for each in shared.json("mount", "list")}
    assert mounts["/other"]["options"]["calls"] == "4" and set(mounts) == {"/ufs", "/other"}
    shared.run("mount", "remove", "--path", "/other")
    listed = shared.run("mount", "list").out + shared.run("mount", "list", "--output", "json").out
    hidden = [secret] + ([shared.store.secret] if IN_BUCKET else [])
    everything = listed + "".join(f.read_text(errors="replace") for d in ("log", "run") for f in (shared.dir / d).iterdir() if f.is_file())
    everything += shared.conf.read_text()
    assert not [each for each in hidden if each in everything]


def test_metrics_tell_what_waits_and_what_was_done(shared):
    import urllib.request

    def metrics(role):
        ports = {r["name"]: r["web_port"] for r in shared.status()["roles"]}
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[role]}/metrics", timeout=10) as answer:
            return answer.read().decode()

    (shared.files / "counted").write_text("content")
    shared.wait_until_clean()
    wait_for(lambda: "forebay_persist_oldest_dirty_seconds 0\n" in metrics("master"), 30, "a count of nothing")
    assert 'forebay_persist_waiting{kind="persist"} 0' in metrics("master")
    wait_for(lambda: 'forebay_coordinator_jobs_total{result="done"} 0' not in metrics("coordinator"), 30, "a job that was counted")
    assert "forebay_coordinator_open_breakers 0" in metrics("coordinator")
    assert any('forebay_worker_persist_tasks_total{result="done"}' in metrics(f"worker-{n}") for n in (1, 2))

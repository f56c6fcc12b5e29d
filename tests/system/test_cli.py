"""The program as a user meets it: starting, stopping, surviving SIGKILL, files, bad input, metrics, JSON."""
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

from conftest import ROOT, Cluster, alive, require_fuse, run, wait_for


def web(cluster, role, page):
    ports = {r["name"]: r["web_port"] for r in cluster.status()["roles"]}
    with urllib.request.urlopen(f"http://127.0.0.1:{ports[role]}{page}", timeout=10) as answer:
        return answer.read().decode()


# ---- starting, stopping, dying ----


def test_start_serves_a_mount_and_stop_leaves_nothing(stopped_cluster):
    cluster = stopped_cluster
    out = cluster.start().out
    assert "worker-2" in out and "started in" in out and str(cluster.conf) in out
    (cluster.cache / "hello").write_text("world")
    assert cluster.fs("cat", "/cache-only/hello").out == "world"
    pids = cluster.pids()
    assert set(pids) == {"supervisor", "master", "worker-1", "worker-2", "coordinator", "fuse"}
    cluster.stop()
    assert not any(alive(pid) for pid in pids.values())
    assert not os.path.ismount(cluster.mount)
    assert run("local", "status", "--dir", cluster.dir, check=False).returncode == 3
    assert "does not run" in cluster.stop().out


def test_cache_only_is_writable_by_everybody_like_tmp(cluster):
    assert oct(os.stat(cluster.cache).st_mode & 0o7777) == "0o1777"


def test_data_survives_stop_and_start(cluster):
    content = os.urandom(3_000_000)
    (cluster.cache / "file").write_bytes(content)
    cluster.stop()
    cluster.start()
    assert (cluster.cache / "file").read_bytes() == content


def test_a_second_start_says_that_it_runs(cluster):
    before = cluster.pids()
    again = cluster.start()
    assert "runs already" in again.out
    assert cluster.pids() == before


def test_everything_survives_sigkill_of_every_process(cluster):
    content = os.urandom(5_000_000)
    (cluster.cache / "large").write_bytes(content)
    for i in range(50):
        (cluster.cache / f"small-{i}").write_text(str(i))
    cluster.kill_everything()
    with pytest.raises(OSError):  # Transport endpoint is not connected
        os.listdir(cluster.mount)
    cluster.start()
    assert (cluster.cache / "large").read_bytes() == content
    assert [(cluster.cache / f"small-{i}").read_text() for i in range(50)] == [str(i) for i in range(50)]


def test_start_right_after_sigkill_waits_for_the_dying(cluster):
    (cluster.cache / "file").write_bytes(os.urandom(50_000_000))  # memory that takes a moment to be given back
    for _ in range(3):
        for name, pid in sorted(cluster.pids().items(), key=lambda item: item[0] != "supervisor"):
            os.kill(pid, signal.SIGKILL)
        cluster.start()
        assert [role["restarts"] for role in cluster.status()["roles"]] == [0, 0, 0, 0, 0]


def test_fsck_is_clean_until_bytes_are_lost(cluster):
    for i in range(8):
        (cluster.cache / f"file-{i}").write_bytes(os.urandom(100_000))
    found = cluster.json("admin", "fsck")
    assert found["clean"] and found["problems"] == [] and found["objects"] == 8 and found["records"] > 30
    assert "problems               0" in cluster.run("admin", "fsck").out
    cluster.stop()
    objects = sorted(path for path in (cluster.dir / "data").glob("**/objects/*/*") if path.is_file())
    objects[0].unlink()
    cluster.start()

    def damaged():
        done = cluster.run("admin", "fsck", "--output", "json", check=False)
        return done if done.returncode == 1 else None

    problems = json.loads(wait_for(damaged, 30, "the loss in fsck").out)["problems"]
    assert len(problems) == 1 and str(int(objects[0].name, 16)) in json.dumps(problems)


def test_roles_go_on_without_their_supervisor_and_are_taken_over(cluster):
    before = cluster.pids()
    os.kill(before["supervisor"], signal.SIGKILL)
    wait_for(lambda: not alive(before["supervisor"]))
    (cluster.cache / "meanwhile").write_text("written")
    cluster.start()
    after = cluster.pids()
    assert {k: v for k, v in after.items() if k != "supervisor"} == {k: v for k, v in before.items() if k != "supervisor"}
    assert after["supervisor"] != before["supervisor"]
    os.kill(after["worker-1"], signal.SIGKILL)  # and watched again
    wait_for(lambda: cluster.status()["serves"] and cluster.pids()["worker-1"] != after["worker-1"])


def test_stop_ends_roles_whose_supervisor_is_gone(cluster):
    pids = cluster.pids()
    os.kill(pids["supervisor"], signal.SIGKILL)
    wait_for(lambda: not alive(pids["supervisor"]))
    cluster.stop()
    assert not any(alive(pid) for pid in pids.values())
    assert not os.path.ismount(cluster.mount)


@pytest.mark.parametrize("role", ["master", "worker-1", "coordinator", "fuse"])
def test_a_role_that_dies_runs_again_within_a_second(cluster, role):
    (cluster.cache / "file").write_text("content")
    old = cluster.pids()[role]
    os.kill(old, signal.SIGKILL)
    begin = time.monotonic()
    wait_for(lambda: cluster.pids().get(role, old) not in (old, 0), what=f"restart of {role}")
    assert time.monotonic() - begin < 1.5
    wait_for(lambda: cluster.status()["serves"], what="all roles ready")
    assert (cluster.cache / "file").read_text() == "content"
    restarted = [r for r in cluster.status()["roles"] if r["name"] == role][0]
    assert restarted["restarts"] >= 1


def test_no_restart_leaves_a_dead_role(stopped_cluster):
    cluster = stopped_cluster
    cluster.start("--no-restart")
    pid = cluster.pids()["worker-2"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not cluster.status()["serves"])
    worker = [r for r in cluster.status()["roles"] if r["name"] == "worker-2"][0]
    assert worker["state"] == "stopped" and "Killed" in worker["reason"]
    assert run("local", "status", "--dir", cluster.dir, check=False).returncode == 1


def test_stop_never_kills_a_stranger_named_by_an_old_pid_file(stopped_cluster):
    cluster = stopped_cluster
    cluster.start()
    cluster.kill_everything()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        for file in (cluster.dir / "run").glob("*.pid"):
            file.write_text(f"{stranger.pid}\n")
        cluster.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_run_in_the_foreground_ends_with_a_signal(stopped_cluster):
    from conftest import BINARY
    cluster = stopped_cluster
    process = subprocess.Popen(
        [BINARY, "local", "run", "--dir", cluster.dir, "--mount", cluster.mount, "--ports", "auto"], stderr=subprocess.PIPE)
    try:
        wait_for(lambda: (cluster.dir / "run" / "state.json").exists() and cluster.status()["serves"], seconds=60)
        (cluster.cache / "x").write_text("y")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        assert not os.path.ismount(cluster.mount)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_without_a_mount_the_cluster_serves_commands(stopped_cluster):
    cluster = Cluster(mounted=False)
    try:
        cluster.start()
        cluster.fs("mkdir", "/cache-only/d")
        assert set(cluster.pids()) == {"supervisor", "master", "worker-1", "worker-2", "coordinator"}
    finally:
        cluster.close()


# ---- bad input ----


def refused(cluster, *more, code=2):
    done = cluster.start(*more, check=False)
    assert done.returncode == code, done.out + done.err
    assert not cluster.pids()
    return done.err


def test_start_refuses_more_than_one_copy(stopped_cluster):
    assert "2 is not supported; only 1 is" in refused(stopped_cluster, "--replication", "2")


def test_start_names_a_mount_point_that_is_missing(stopped_cluster):
    stopped_cluster.mount.rmdir()
    assert str(stopped_cluster.mount) in refused(stopped_cluster)


def test_start_names_a_mount_point_that_holds_files(stopped_cluster):
    (stopped_cluster.mount / "mine").write_text("keep me")
    assert str(stopped_cluster.mount) in refused(stopped_cluster)
    assert (stopped_cluster.mount / "mine").read_text() == "keep me"


def test_start_names_a_mount_point_that_another_cluster_uses(cluster):
    other = Cluster(mounted=False)
    try:
        done = run("local", "start", "--dir", other.dir, "--ports", "auto", "--mount", cluster.mount, check=False)
        assert done.returncode == 2 and str(cluster.mount) in done.err
    finally:
        other.close()
    assert cluster.status()["serves"]


def test_start_names_a_port_in_use(stopped_cluster):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("local", "start", "--dir", stopped_cluster.dir, "-D", f"forebay.master.rpc_port={port}", check=False)
    assert done.returncode == 2
    assert f"port {port}" in done.err and "--ports auto" in done.err


def test_start_names_a_directory_that_cannot_be_written():
    done = run("local", "start", "--dir", "/proc/forebay", check=False)
    assert done.returncode == 2 and "/proc/forebay" in done.err


def test_start_names_a_quota_that_is_too_small(stopped_cluster):
    assert "quota is too small" in refused(stopped_cluster, "--tier", f"SSD:{stopped_cluster.base}/t:1MB")


def test_start_names_a_quota_that_no_disk_holds(stopped_cluster):
    assert "do not fit" in refused(stopped_cluster, "--tier", f"SSD:{stopped_cluster.base}/t:900TB")


def test_start_names_an_unknown_setting_with_the_nearest_one(stopped_cluster):
    assert "did you mean 'forebay.log.level'" in refused(stopped_cluster, "-D", "forebay.log.levl=debug")


def test_a_directory_of_another_cluster_is_refused_and_kept(stopped_cluster):
    cluster = stopped_cluster
    cluster.start()
    (cluster.cache / "f").write_bytes(os.urandom(1_000_000))
    cluster.stop()
    other = Cluster(mounted=False)
    try:
        done = run("local", "start", "--dir", other.dir, "--ports", "auto", "--tier", f"SSD:{cluster.dir}/data:1GB", check=False)
        assert done.returncode == 2, done.out + done.err
        assert "cluster" in done.err and "worker" in done.err
    finally:
        other.close()
    content = cluster.start() and (cluster.cache / "f").read_bytes()
    assert len(content) == 1_000_000


def test_a_second_master_on_the_same_metadata_is_refused(cluster):
    done = run("master", "--conf", cluster.conf, "-D", "forebay.master.rpc_port=0", "-D", "forebay.master.web_port=0", check=False)
    assert done.returncode == 2, done.err
    assert str(cluster.dir / "master") in done.err
    assert cluster.status()["serves"]


def test_commands_say_when_no_master_answers():
    done = run("fs", "ls", "/", "-D", "forebay.master.rpc_port=1", "-D", "forebay.client.retry_for=200ms", check=False)
    assert done.returncode == 3
    assert "localhost:1" in done.err and "is the cluster running" in done.err


def test_a_wrong_command_line_is_a_usage_error():
    for arguments in (["fs", "nothing"], ["fs"], ["fs", "ls"], ["local", "start"], ["fs", "ls", "/", "--output", "xml"]):
        assert run(*arguments, check=False).returncode == 2, arguments


def test_status_and_stop_say_when_there_is_no_cluster(tmp_path):
    for command in ("status", "stop"):
        done = run("local", command, "--dir", tmp_path / "nothing", check=False)
        assert done.returncode == 2 and "no local cluster" in done.err


# ---- files ----


LINE = re.compile(r"^([-dl][-rwxsStT]{9}) +(\S+) +(\S+) +(\d+) +(NOT_PERSISTED|LOST) +(\d\d-\d\d-\d{4} \d\d:\d\d:\d\d:\d{3}) +(DIR|\d+%) (/.*)$")


@pytest.fixture
def place(shared_cluster):
    """A directory of its own in the shared cluster: the cluster, its path in the namespace, its path on the mount."""
    name = f"t{time.monotonic_ns()}"
    (shared_cluster.cache / name).mkdir()
    return shared_cluster, f"/cache-only/{name}", shared_cluster.cache / name


def test_ls_prints_what_the_reference_system_prints(place):
    cluster, path, mount = place
    (mount / "b").write_bytes(b"x" * 1000)
    (mount / "a").mkdir()
    lines = [LINE.match(line).groups() for line in cluster.fs("ls", path).out.splitlines()]
    assert [line[7] for line in lines] == [f"{path}/a", f"{path}/b"]
    assert lines[0][0] == "drwxr-xr-x" and lines[0][6] == "DIR" and lines[0][3] == "0"
    assert lines[1][0] == "-rw-r--r--" and lines[1][6] == "100%" and lines[1][3] == "1000"
    assert lines[1][1] == "root"


def test_ls_options(place):
    cluster, path, mount = place
    for name, size in (("large", 3000), ("middle", 2000), ("small", 1)):
        (mount / name).write_bytes(b"x" * size)
    (mount / "d").mkdir()
    (mount / "d" / "below").write_text("")

    def names(*options):
        return [line.split()[-1][len(path) + 1:] for line in cluster.fs("ls", *options, path).out.splitlines()]

    assert names() == ["d", "large", "middle", "small"]
    assert names("-r") == ["small", "middle", "large", "d"]
    assert names("--sort", "size", "-r")[:3] == ["large", "middle", "small"]
    assert names("-R") == ["d", "d/below", "large", "middle", "small"]
    assert names("-d") == [""]
    assert names("-p") == []
    assert names("-f", "--timestamp", "createdTime") == names()
    assert "2.93KB" in cluster.fs("ls", "-h", path).out


def test_cache_only_has_the_alias_that_the_reference_page_types(place):
    cluster, path, mount = place
    (mount / "f").write_text("1")
    assert cluster.fs("cat", path.replace("cache-only", "cache_only") + "/f").out == "1"
    assert cluster.fs("ls", "/cache_only").returncode == 0
    assert pathlib.Path(str(mount).replace("cache-only", "cache_only"), "f").read_text() == "1"


def test_wrappers_run_from_a_checkout_and_through_links(shared_cluster, tmp_path):
    link = tmp_path / "alluxio"
    link.symlink_to(ROOT / "bin" / "alluxio")
    environment = {**os.environ, "FOREBAY_CONF": str(shared_cluster.conf)}
    for program in (ROOT / "bin" / "alluxio", ROOT / "bin" / "forebay", link):
        done = subprocess.run([program, "fs", "ls", "/cache_only"], env=environment, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr


def test_put_and_get_bring_a_tree_there_and_back(place, tmp_path):
    cluster, path, _ = place
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "empty").mkdir()
    (tree / "a" / "file").write_bytes(os.urandom(2_500_000))
    (tree / "a" / "b" / "none").write_bytes(b"")
    (tree / "script").write_text("#!/bin/sh\n")
    (tree / "script").chmod(0o755)
    (tree / "link").symlink_to("a/file")
    (tree / "ü =+%20 name").write_text("odd")
    cluster.fs("put", tree, path + "/copy")
    cluster.fs("get", path + "/copy", tmp_path / "back")
    compared = subprocess.run(["diff", "-r", "--no-dereference", tree, tmp_path / "back"], capture_output=True)
    assert compared.returncode == 0, compared.stdout
    assert os.readlink(tmp_path / "back" / "link") == "a/file"
    assert (tmp_path / "back" / "script").stat().st_mode & 0o777 == 0o755
    cluster.fs("cp", "-R", "--thread", "8", path + "/copy", path + "/again")
    cluster.fs("copyToLocal", "-p", path + "/again", tmp_path / "third")
    assert subprocess.run(["diff", "-r", "--no-dereference", tree, tmp_path / "third"]).returncode == 0


def test_copies_do_not_overwrite_unless_told(place, tmp_path):
    cluster, path, mount = place
    (tmp_path / "f").write_text("new")
    (mount / "f").write_text("old")
    done = cluster.fs("put", tmp_path / "f", path + "/f", check=False)
    assert done.returncode == 4 and "File exists" in done.err
    assert (mount / "f").read_text() == "old"
    cluster.fs("put", "-f", tmp_path / "f", path + "/f")
    assert cluster.fs("cat", path + "/f").out == "new"
    assert cluster.fs("cp", "-R", path, path + "/inside", check=False).returncode == 1


def test_head_tail_checksum_and_stat(place):
    cluster, path, mount = place
    content = bytes(range(256)) * 20
    (mount / "f").write_bytes(content)
    assert cluster.fs("head", "-c", "10", path + "/f").stdout == content[:10]
    assert cluster.fs("tail", "-c", "7", path + "/f").stdout == content[-7:]
    assert cluster.fs("checksum", path + "/f").out == f"md5sum: {hashlib.md5(content).hexdigest()}\n"
    assert cluster.fs("stat", "-f", "%N %z %u %g", path + "/f").out == f"f {len(content)} root root\n"
    stat = cluster.json("fs", "stat", path + "/f")[0]
    assert stat["size"] == len(content) and stat["type"] == "file" and stat["state"] == "NOT_PERSISTED"


def test_names_are_made_moved_and_removed(place):
    cluster, path, mount = place
    cluster.fs("mkdir", path + "/a/b/c")
    assert (mount / "a" / "b" / "c").is_dir()
    assert "File exists" in cluster.fs("mkdir", path + "/a", check=False).err
    cluster.fs("mkdir", "-p", path + "/a")
    cluster.fs("touch", path + "/f", path + "/g")
    cluster.fs("mv", path + "/f", path + "/a")
    assert (mount / "a" / "f").exists() and not (mount / "f").exists()
    cluster.fs("mv", path + "/g", path + "/h")
    assert cluster.fs("rm", path + "/a", check=False).returncode == 1
    cluster.fs("rm", "-R", "-U", "--alluxio-only", path + "/a")
    cluster.fs("rm", path + "/*")
    assert os.listdir(mount) == []
    assert cluster.fs("rm", path + "/gone", check=False).returncode == 1
    cluster.fs("rm", "-f", path + "/gone")


def test_test_answers_by_exit_code(place):
    cluster, path, mount = place
    (mount / "f").write_text("x")
    (mount / "z").write_text("")

    def holds(flag, name):
        return cluster.fs("test", flag, f"{path}/{name}", check=False).returncode

    assert [holds("-e", "f"), holds("-e", "none")] == [0, 1]
    assert [holds("-f", "f"), holds("-d", "f"), holds("-d", "")] == [0, 1, 0]
    assert [holds("-s", "f"), holds("-s", "z"), holds("-z", "z"), holds("-z", "f")] == [0, 1, 0, 1]


def test_permissions_and_owners_change(place):
    cluster, path, mount = place
    (mount / "d").mkdir()
    (mount / "d" / "f").write_text("")
    cluster.fs("chmod", "-R", "go-rwx", path + "/d")
    # The kernel may answer with the attributes it knows for a second.
    wait_for(lambda: [os.stat(mount / name).st_mode & 0o777 for name in ("d", "d/f")] == [0o700, 0o600], seconds=5)
    cluster.fs("chown", "-R", "12345:54321", path + "/d")
    cluster.fs("chgrp", "root", path + "/d")
    wait_for(lambda: (os.stat(mount / "d/f").st_uid, os.stat(mount / "d/f").st_gid, os.stat(mount / "d").st_gid) == (12345, 54321, 0), seconds=5)
    assert cluster.fs("chmod", "rubbish", path + "/d", check=False).returncode == 2


def test_set_replication_takes_what_is_so_and_refuses_the_rest(place):
    cluster, path, mount = place
    (mount / "d").mkdir()
    (mount / "d" / "f").write_text("x")

    def asked(*arguments):
        return cluster.fs("setReplication", *arguments, check=False)

    assert asked("--min", "1", "--max", "3", path + "/d/f").returncode == 0
    assert asked("-R", "--min", "0", "--max", "-1", path + "/d").returncode == 0
    done = asked("--min", "2", path + "/d/f")
    assert done.returncode == 1 and "this version keeps 1 copy" in done.err
    done = asked("--min", "3", path + "/d/f")
    assert done.returncode == 1 and "more than the 2 workers that are live" in done.err
    done = asked("--min", "1", path + "/d")
    assert done.returncode == 1 and "-R" in done.err
    assert asked(path + "/d/f").returncode == 2
    assert asked("--min", "3", "--max", "2", path + "/d/f").returncode == 2
    assert asked("--max", "0", path + "/d/f").returncode == 2
    done = asked("--min", "1", path + "/d/f", "-D", "alluxio.gemini.security.login.username=nobody")
    assert done.returncode == 1 and "only the owner" in done.err


def test_permissions_are_those_of_the_user(place):
    cluster, path, mount = place
    (mount / "secret").write_text("x")
    (mount / "secret").chmod(0o600)
    done = cluster.fs("cat", path + "/secret", "-D", "alluxio.gemini.security.login.username=nobody", check=False)
    assert done.returncode == 1 and "Permission denied" in done.err


def test_du_count_df_and_location(place):
    cluster, path, mount = place
    (mount / "d").mkdir()
    (mount / "d" / "f").write_bytes(b"x" * 5000)
    (mount / "g").write_bytes(b"x" * 100)
    assert cluster.json("fs", "du", "-s", path)[0]["size"] == 5100
    assert cluster.fs("du", path).out.count("\n") == 3
    count = cluster.json("fs", "count", path)[0]
    assert (count["files"], count["directories"], count["bytes"]) == (2, 2, 5100)
    df = cluster.json("fs", "df")
    assert df["live_workers"] == 2 and df["free_bytes"] <= df["total_bytes"]
    (mount / "large").write_bytes(os.urandom(3_000_000))
    extents = cluster.json("fs", "location", path + "/large")[0]["extents"]
    assert sum(e["length"] for e in extents) == 3_000_000
    assert all(len(e["workers"]) == 1 and not e["inline"] for e in extents)
    extent = cluster.json("fs", "location", path + "/g")[0]["extents"][0]
    assert extent["inline"] and extent["workers"] == [] and extent["length"] == 100
    assert "inline, at the master" in cluster.fs("location", path + "/g").out
    assert cluster.json("info", "report")["inline_bytes"] >= 5100


def test_failures_name_the_path_and_the_reason(place):
    cluster, path, mount = place
    done = cluster.fs("cat", path + "/none", check=False)
    assert done.returncode == 1 and done.err == f"forebay: {path}/none: No such file or directory\n"
    error = json.loads(cluster.fs("cat", path + "/none", "--output", "json", check=False).err)["error"]
    assert error["errno"] == "ENOENT" and error["code"] == "rejected"
    (mount / "f").write_text("1")
    done = cluster.fs("cat", path + "/none", path + "/f", check=False)
    assert done.returncode == 4 and done.out == "1"
    assert "255 bytes" in cluster.fs("touch", path + "/" + "n" * 256, check=False).err


# ---- the cluster and its settings ----


def test_verbose_says_which_trace_the_operation_has(place):
    cluster, path, _ = place
    done = cluster.fs("cat", path + "/none", "--verbose", check=False)
    assert done.returncode == 1 and re.search(r"\ntrace [0-9a-f]{32}$", done.err.strip()), done.err
    assert "trace" not in cluster.fs("cat", path + "/none", check=False).err


def test_every_command_has_json(shared_cluster):
    cluster = shared_cluster
    for arguments in (["info", "report"], ["info", "nodes"], ["info", "version"], ["conf", "get"], ["conf", "check"],
                      ["conf", "reference"], ["fs", "df"], ["fs", "ls", "/"], ["fs", "stat", "/"], ["fs", "leader"], ["fs", "du", "/"],
                      ["bench", "meta", "--count", "5", "--threads", "2"]):
        assert cluster.json(*arguments) is not None, arguments
    assert isinstance(json.loads(cluster.run("doctor", "--output", "json", check=False).out), list)


def test_info_shows_workers_that_live(shared_cluster):
    report = shared_cluster.json("info", "report")
    assert report["state"] == "serving"
    assert [w["state"] for w in report["workers"]] == ["live", "live"]
    assert "SSD" in shared_cluster.run("info", "nodes").out


def test_conf_get_says_where_values_come_from(shared_cluster):
    out = shared_cluster.run("conf", "get", "forebay.master.rpc_port", "--source").out
    assert re.match(rf"\d+  \({re.escape(str(shared_cluster.conf))}:\d+\)$", out.strip())
    out = shared_cluster.run("conf", "get", "alluxio.gemini.user.file.replication", "--source").out
    assert out.strip() == "1  (default)"
    out = run("conf", "get", "log.level", "--source", env={"FOREBAY_LOG_LEVEL": "debug"}).out
    assert out.strip() == "debug  (environment FOREBAY_LOG_LEVEL)"


def test_the_reference_systems_file_and_variables_are_read(tmp_path):
    (tmp_path / "alluxio-site.properties").write_text(
        "alluxio.gemini.user.block.size.bytes.default=32MB\nalluxio.unheard.of=1\nalluxio.gemini.master.rpc.port=1234\n")
    environment = {"ALLUXIO_CONF_DIR": str(tmp_path), "ALLUXIO_JAVA_OPTS": "-Xmx4g -Dalluxio.gemini.master.rpc.port=4321"}
    done = run("conf", "get", "--output", "json", env=environment)
    values = json.loads(done.out)
    assert values["forebay.client.object_size"] == "32MB" and values["forebay.master.rpc_port"] == "4321"
    assert done.err.count("warning") == 1 and "alluxio.unheard.of" in done.err


def test_conf_check_names_what_is_wrong(tmp_path):
    conf = tmp_path / "forebay.toml"
    conf.write_text("[master]\nrpc_prot = 1\n[log]\nlevel = 'loud'\n")
    done = run("conf", "check", "--conf", conf, check=False)
    assert done.returncode == 2
    assert f"{conf}:2" in done.err and "did you mean 'forebay.master.rpc_port'" in done.err and "'loud'" in done.err


def test_each_role_has_metrics_and_health(shared_cluster):
    (shared_cluster.cache / "counted").write_bytes(os.urandom(2_000_000))
    for role in ("master", "worker-1", "worker-2", "fuse"):
        assert web(shared_cluster, role, "/healthz") == "ok\n"
        assert web(shared_cluster, role, "/readyz") == "ready\n"
        assert "process_resident_memory_bytes" in web(shared_cluster, role, "/metrics")
    master = web(shared_cluster, "master", "/metrics")
    assert re.search(r'forebay_rpc_calls_total\{.*method="create".*result="ok".*\} [1-9]', master)
    assert 'forebay_master_workers{state="live"} 2' in master
    assert 'forebay_worker_tier_quota_bytes{tier="SSD"}' in web(shared_cluster, "worker-1", "/metrics")


def test_logs_are_json_lines(shared_cluster):
    for name in ("master", "worker-1", "fuse", "supervisor"):
        lines = (shared_cluster.dir / "log" / f"{name}.log").read_text().splitlines()
        assert lines
        for line in lines:
            assert {"time", "level", "role", "message"} <= set(json.loads(line))


def test_doctor_finds_nothing_wrong_with_a_running_cluster(shared_cluster):
    findings = {f["check"]: f for f in shared_cluster.json("doctor")}
    assert findings["master"]["verdict"] == "ok" and findings["FUSE"]["verdict"] == "ok"


def test_doctor_says_what_to_do_when_nothing_runs():
    done = run("doctor", "-D", "forebay.master.rpc_port=1", "-D", "forebay.client.retry_for=100ms", check=False)
    assert done.returncode == 1 and "local start" in done.out


def test_completion_is_a_script_that_bash_takes():
    script = run("completion").out
    checked = subprocess.run(
        ["bash", "-c", f"{script}\nCOMP_WORDS=(forebay fs l); COMP_CWORD=2; _forebay; echo ${{COMPREPLY[@]}}"], capture_output=True)
    assert checked.returncode == 0 and b"ls" in checked.stdout.split()


def test_the_settings_page_is_current():
    assert run("conf", "reference").out == (ROOT / "docs" / "reference" / "settings.md").read_text()

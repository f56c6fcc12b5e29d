"""forebay local: starting, stopping, dying, surviving SIGKILL, bad input."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from conftest import BINARY, Cluster, alive, run, wait_for


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
    # The mount had some more ready for the next files; it gives them back.
    found = wait_for(lambda: (f := cluster.json("admin", "fsck"))["objects"] == 8 and f, 20, "8 objects and no more")
    assert found["clean"] and found["problems"] == [] and found["records"] > 30
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


@pytest.mark.parametrize("role", ["master", "coordinator", "worker-1"])
def test_a_cluster_serves_only_while_each_role_answers(cluster, role):
    wait_for(lambda: cluster.status()["serves"], what="all roles ready")
    pid = cluster.pids()[role]
    os.kill(pid, signal.SIGSTOP)
    try:
        status = cluster.status()
        assert not status["serves"]
        silent = [r for r in status["roles"] if r["name"] == role][0]
        assert silent["state"] in ("silent", "starting") and "does not answer" in silent["reason"]
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: cluster.status()["serves"], what="all roles ready again")
    assert cluster.run("job", "ls").out == "no jobs in flight\n"


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

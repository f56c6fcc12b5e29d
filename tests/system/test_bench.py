"""forebay bench: what it prints, and that it leaves nothing behind."""
import json
import os
import pathlib
import signal
import subprocess

import pytest

from conftest import BINARY, run, wait_for

# Each measurement with its phases.
PHASES = {
    ("write", "--size", "8MB", "--threads", "2"): ["write"],
    ("read", "--size", "8MB", "--threads", "2"): ["write", "read"],
    ("mixed", "--size", "4MB", "--block", "64KB", "--count", "50", "--threads", "2"): ["write", "mixed", "  read", "  write"],
    ("checkpoint", "--size", "2MB", "--ranks", "2"): ["shard", "marker", "checkpoint", "remove", "restore"],
    ("meta", "--count", "5", "--threads", "2"): ["mkdir", "create", "stat", "rename", "unlink", "rmdir"],
    ("smallfile", "--count", "10", "--threads", "2"): ["create+write+close", "open+read+close", "unlink"],
}


def left(directory):
    return [name for name in os.listdir(directory) if name.startswith("forebay-bench")]


@pytest.mark.parametrize("arguments", PHASES, ids=lambda arguments: arguments[0])
def test_every_measurement_reports_its_phases_beside_the_medium_and_leaves_nothing(shared_cluster, tmp_path, arguments):
    phases = shared_cluster.json("bench", *arguments, "--medium", tmp_path)
    assert [phase["name"] for phase in phases] == PHASES[arguments]
    for phase in phases:
        latency = phase["latency_us"]
        assert 0 < latency["p50"] <= latency["p99"] <= latency["max"]
        assert phase["operations"] == phase["medium"]["operations"] > 0
        rate = "bytes_per_second" if phase["bytes"] else "operations_per_second"
        assert phase["ratio"] == pytest.approx(phase[rate] / phase["medium"][rate])
    assert not left(shared_cluster.cache) and not left(tmp_path)


def test_the_remote_path_is_measured_beside_a_plain_connection(shared_cluster, tmp_path):
    write, read = shared_cluster.json("bench", "read", "--remote", "--size", "32MB", "--threads", "2", "--medium", tmp_path)
    assert [write["name"], read["name"]] == ["write", "read"]
    for phase in (write, read):
        assert phase["medium"]["bytes"] == phase["bytes"] > 0
        assert phase["ratio"] > 0
    assert write["longest_gap_us"] > 0
    assert "longest_gap_us" not in read and "longest_gap_us" not in write["medium"]
    assert not left(shared_cluster.cache) and not left(tmp_path)
    refused = shared_cluster.run("bench", "write", "--remote", check=False)
    assert refused.returncode == 2 and "--medium" in refused.err


def test_the_table_has_percentiles_and_through_a_mount_it_measures_the_mount(shared_cluster):
    out = shared_cluster.run("bench", "checkpoint", "--size", "1MB", "--ranks", "2", "--rounds", "2", "--path", shared_cluster.cache).out
    heading, *rows = out.splitlines()
    assert all(word in heading for word in ("MB/s", "p50 us", "p99 us", "max us")) and "RATIO" not in heading
    assert [row.split()[0:2] for row in rows] == [["shard", "4"], ["marker", "2"], ["checkpoint", "2"], ["remove", "1"], ["restore", "2"]]
    assert not left(shared_cluster.cache)


def test_files_stay_when_they_are_to_be_kept(tmp_path):
    run("bench", "checkpoint", "--size", "1MB", "--ranks", "2", "--rounds", "3", "--path", tmp_path, "--keep")
    place = pathlib.Path(tmp_path, *left(tmp_path))
    assert (place / "latest").read_text() == "2"
    assert sorted(os.listdir(place / "step-2")) == ["rank-0", "rank-1"] and not (place / "step-1").exists()


def test_a_directory_of_the_namespace_that_is_missing_is_made_and_goes_again(shared_cluster):
    cache = pathlib.Path(shared_cluster.cache)
    before = sorted(os.listdir(cache))
    meta = ("bench", "meta", "--count", "5", "--threads", "2", "--directory")
    shared_cluster.run(*meta, "/cache-only/new/below")
    assert sorted(os.listdir(cache)) == before
    (cache / "a-file").write_text("in the way")
    for directory in ("/cache-only/a-file", "/cache-only/a-file/below"):
        refused = shared_cluster.run(*meta, directory, check=False)
        assert refused.returncode == 1 and "/cache-only/a-file" in refused.err and "ot a directory" in refused.err
    (cache / "a-file").unlink()
    assert sorted(os.listdir(cache)) == before


def test_an_interrupted_measurement_cleans_up(tmp_path):
    process = subprocess.Popen([BINARY, "bench", "meta", "--count", "100000000", "--path", tmp_path], stderr=subprocess.PIPE)
    try:
        wait_for(lambda: left(tmp_path) and os.listdir(tmp_path / left(tmp_path)[0] / "0"), what="something to clean up")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1 and b"interrupted in phase 'mkdir'" in errors
    assert not left(tmp_path)


def test_wrong_places_and_sizes_are_named(tmp_path):
    def refused(*arguments):
        done = run("bench", *arguments, check=False)
        assert done.returncode in (1, 2) and not done.out, done.err
        return done.err

    assert "/nowhere/" in refused("write", "--path", "/nowhere")
    assert "/nowhere/" in refused("meta", "--path", tmp_path, "--medium", "/nowhere")
    assert "--size" in refused("write", "--path", tmp_path, "--size", "1KB")
    assert "multiple of --block" in refused("checkpoint", "--path", tmp_path, "--size", "3MB", "--block", "2MB")
    assert "--reads" in refused("mixed", "--path", tmp_path, "--reads", "101")
    assert not left(tmp_path)


def test_an_error_names_the_phase_and_the_path(tmp_path):
    done = run("bench", "write", "--path", tmp_path, "--size", "64MB", "--threads", "1", "--output", "json", check=False,
               preexec_fn=lambda: limit_file_size(1 << 20))
    error = json.loads(done.err)["error"]
    assert done.returncode == 1 and error["errno"] == "EFBIG"
    assert "phase 'write'" in error["message"] and str(tmp_path) in error["message"]
    assert not left(tmp_path)


def limit_file_size(size):
    import resource
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

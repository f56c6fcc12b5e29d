"""The other commands of a running cluster, its settings, metrics and logs."""
import json
import os
import re
import subprocess
import urllib.request

from conftest import BINARY, ROOT, run


def web(cluster, role, page):
    ports = {r["name"]: r["web_port"] for r in cluster.status()["roles"]}
    with urllib.request.urlopen(f"http://127.0.0.1:{ports[role]}{page}", timeout=10) as answer:
        return answer.read().decode()


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


def test_a_wrong_command_line_is_json_for_who_asked_for_json():
    for arguments in (["fs", "ls", "--output", "json"], ["--output=json", "fs", "cp", "/a"], ["fs", "nothing", "--output", "json"]):
        done = run(*arguments, check=False)
        assert done.returncode == 2 and done.out == "" and json.loads(done.err)["error"]["errno"] == "EINVAL", done.err


def test_an_unknown_command_is_named():
    assert "'jornal' is no command of 'forebay'" in run("jornal", "read", check=False).err
    assert "'lss' is no command of 'forebay fs'" in run("fs", "lss", "/", check=False).err
    assert "PATH is required" in run("fs", "ls", check=False).err


def test_help_is_text():
    for arguments in ([], ["fs"], ["fs", "ls"], ["job", "load"]):
        assert run(*arguments, "--help").out.isprintable() or set(run(*arguments, "--help").out) - {"\n"} <= set(map(chr, range(32, 127)))


def test_what_cannot_be_written_is_no_success():
    with open("/dev/full", "w") as full:
        for arguments in (["--help"], ["fs", "ls", "--help"], ["--version"], ["conf", "reference"]):
            done = subprocess.run([BINARY, *arguments], stdout=full, stderr=subprocess.PIPE)
            assert done.returncode == 1 and b"No space left" in done.stderr, (arguments, done)


def test_names_of_the_reference_system_are_taken_or_refused_with_the_reason(place):
    cluster, path, mount = place
    (mount / "f").write_bytes(os.urandom(100_000))
    cluster.run("job", "load", "--path", path, "--submit")
    assert cluster.run("job", "load", "--path", path, "--progress").out == "1 of 1 files are in the cache\n"
    assert "as long as its command" in cluster.run("job", "load", "--path", path, "--stop", check=False).err
    assert "nothing to do" in cluster.run("journal", "checkpoint").out
    assert cluster.run("journal", "read", check=False).returncode == 1


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

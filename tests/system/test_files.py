"""forebay fs: what the commands print and do."""
import hashlib
import json
import os
import pathlib
import re
import subprocess

from conftest import ROOT, run, wait_for


LINE = re.compile(r"^([-dl][-rwxsStT]{9}) +(\S+) +(\S+) +(\d+) +(NOT_PERSISTED|LOST) +(\d\d-\d\d-\d{4} \d\d:\d\d:\d\d:\d{3}) +(DIR|\d+%) (/.*)$")


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
    environment["FOREBAY_BUILD"] = "release"
    for program in (ROOT / "bin" / "alluxio", ROOT / "bin" / "forebay", link):
        done = subprocess.run([program, "fs", "ls", "/cache_only"], env=environment, capture_output=True, timeout=60)
        assert done.returncode == 0 and b"FOREBAY_BUILD" not in done.stderr, done.stderr


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


def test_a_copy_onto_or_into_itself_is_refused_whatever_path_leads_there(place, tmp_path):
    cluster, path, mount = place
    alias = path.replace("cache-only", "cache_only")
    for name, content in (("f", b"inline"), ("g", os.urandom(100_000))):
        (mount / "d").mkdir(exist_ok=True)
        (mount / "d" / name).write_bytes(content)
        os.link(mount / "d" / name, mount / f"hard-{name}")
        (mount / f"soft-{name}").symlink_to(f"d/{name}")
        for to in (path + "/d", f"{alias}/d/{name}", f"{path}/d/../d/{name}", f"{path}/hard-{name}", f"{path}/soft-{name}"):
            done = cluster.fs("cp", "-f", f"{path}/d/{name}", to, check=False)
            assert done.returncode != 0 and "same" in done.err or "itself" in done.err, (to, done.out, done.err)
            assert (mount / "d" / name).read_bytes() == content
    for to in (alias + "/d", alias + "/d/below", path + "/d/../d"):
        assert "itself" in (done := cluster.fs("cp", "-R", "-f", path + "/d", to, check=False)).err or "same" in done.err, (to, done.err)
        assert done.returncode != 0 and (mount / "d" / "g").read_bytes() == content
    assert not (mount / "d" / "below" / "below").exists()
    (tmp_path / "here").write_text("mine")
    assert cluster.fs("cp", "-f", f"file://{tmp_path}/here", f"file://{tmp_path}/../{tmp_path.name}/here", check=False).returncode != 0
    assert (tmp_path / "here").read_text() == "mine"


def test_a_source_that_is_a_link_is_what_it_leads_to(place, tmp_path):
    cluster, path, mount = place
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "f").write_text("content")
    (tmp_path / "tree" / "below").symlink_to("f")
    (tmp_path / "file-link").symlink_to("tree/f")
    (tmp_path / "tree-link").symlink_to("tree")
    (tmp_path / "dangling").symlink_to("nowhere")
    cluster.fs("put", f"file://{tmp_path}/file-link", tmp_path / "tree-link", path)
    assert not (mount / "file-link").is_symlink() and (mount / "file-link").read_text() == "content"
    assert not (mount / "tree-link").is_symlink() and os.readlink(mount / "tree-link" / "below") == "f"
    assert "dangling" in cluster.fs("put", tmp_path / "dangling", path, check=False).err
    (mount / "again").symlink_to("tree-link/f")
    cluster.fs("get", path + "/again", f"file://{tmp_path}/again")
    assert not (tmp_path / "again").is_symlink() and (tmp_path / "again").read_text() == "content"


def test_what_is_no_path_of_the_namespace_is_refused(shared_cluster):
    for command in (["mkdir"], ["ls"], ["rm", "-f"], ["touch"]):
        done = shared_cluster.fs(*command, "s3://bucket/key", check=False)
        assert done.returncode == 2 and "'s3://bucket/key' is no path of the namespace" in done.err
    assert os.path.lexists(shared_cluster.mount / "s3:") is False


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
    small = cluster.base / "small"
    small.write_bytes(b"x" * 100)
    cluster.fs("put", small, path + "/g")
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
    assert cluster.json("info", "report")["inline_bytes"] >= 100


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


def test_names_that_are_no_utf8_are_told_apart_in_json(place):
    cluster, path, directory = place
    names = [b"a\xff", b"a\xfe", "é".encode()]
    for name in names:
        open(os.path.join(os.fsencode(directory), name), "wb").close()
    listed = [os.fsencode(entry["path"]) for entry in cluster.json("fs", "ls", path)]
    assert sorted(listed) == sorted(os.fsencode(path) + b"/" + name for name in names)

"""Programs that people run, on the mount of a cluster: what they leave must be what they leave anywhere else."""
import os
import pathlib
import random
import sqlite3
import stat
import subprocess
import sys
import textwrap

import pytest

SECONDS = 300  # for any one program


def call(*command, **options):
    """A program and its output; it has to succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=SECONDS, **options)
    out = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{out[-8000:]}\n{done.stderr.decode(errors='replace')[-8000:]}"
    return out


def make_files(folder, seed, count):
    """Text files in a few directories; some small, some not."""
    shaped = random.Random(seed)
    for i in range(count):
        file = folder / f"d{shaped.randrange(8)}" / f"s{shaped.randrange(4)}" / f"file{i}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(shaped.randbytes(shaped.choice([0, 1, 100, 4096, 10_000, 70_000])))


def described(root):
    """Every entry below a directory: what stat and the content say, hard links by their first name."""
    found, links = {}, {}
    for folder, directories, files in os.walk(root):
        for name in sorted(directories + files):
            path = pathlib.Path(folder) / name
            relative = str(path.relative_to(root))
            info = path.lstat()
            entry = [oct(info.st_mode), info.st_uid, info.st_gid, info.st_mtime_ns, info.st_rdev]
            if stat.S_ISREG(info.st_mode):
                entry += [path.read_bytes()]
            elif stat.S_ISLNK(info.st_mode):
                entry += [os.readlink(path)]
            if not stat.S_ISDIR(info.st_mode):
                entry += [info.st_nlink]
                links.setdefault((info.st_ino), []).append(relative)
            found[relative] = entry
    return found, sorted(sorted(names) for names in links.values() if len(names) > 1)


def assert_same_tree(left, right):
    (left_entries, left_links), (right_entries, right_links) = described(left), described(right)
    assert sorted(left_entries) == sorted(right_entries)
    different = [name for name in left_entries if left_entries[name] != right_entries[name]]
    assert not different, [(name, left_entries[name][:5], right_entries[name][:5]) for name in different[:5]]
    assert left_links == right_links


# ---- git ----


def git(folder, *arguments):
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    plain = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return call("git", "-C", folder, "-c", "safe.directory=*", *arguments, env={**os.environ, **identity, **plain})


def commit_history(folder, seed, commits):
    shaped = random.Random(seed)
    for i in range(commits):
        make_files(folder, shaped.random(), 10)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", f"change {i}")


def test_git_clones_commits_packs_and_checks(cluster, tmp_path):
    origin, clone = tmp_path / "origin", cluster.cache / "clone"
    origin.mkdir()
    git(origin, "init", "-q", "-b", "main")
    commit_history(origin, 1, 20)
    git(tmp_path, "clone", "-q", "--no-local", origin, clone)
    git(clone, "fsck", "--full", "--strict")
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "rev-parse", "HEAD^{tree}") == git(origin, "rev-parse", "HEAD^{tree}")
    git(clone, "checkout", "-q", "-b", "work", "HEAD~10")
    commit_history(clone, 2, 5)
    git(clone, "merge", "-q", "-X", "ours", "-m", "together", "main")
    git(clone, "gc", "-q", "--prune=now")
    git(clone, "fsck", "--full", "--strict")
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "rev-list", "--count", "HEAD").strip() == "26"
    git(clone, "push", "-q", "origin", "work")
    git(origin, "fsck", "--full", "--strict")


# ---- sqlite ----

SQLITE_WORKER = """
import random, sqlite3, sys
path, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
shaped = random.Random(seed)
base = sqlite3.connect(path, timeout=240, isolation_level=None)
base.execute("PRAGMA journal_mode=DELETE")
for i in range(rounds):
    base.execute("BEGIN IMMEDIATE")
    for _ in range(20):
        base.execute("INSERT INTO entries(worker, round, body) VALUES (?, ?, ?)", (seed, i, shaped.randbytes(shaped.randrange(3000))))
    base.execute("DELETE FROM entries WHERE id IN (SELECT id FROM entries ORDER BY RANDOM() LIMIT 5)")
    base.execute("UPDATE balance SET amount = amount + 15")
    base.execute("COMMIT" if i % 5 else "ROLLBACK")
"""


def test_sqlite_keeps_its_database_whole_with_two_writers_and_a_rollback_journal(cluster):
    path, rounds = cluster.cache / "base.sqlite", 40
    base = sqlite3.connect(path)
    base.executescript("CREATE TABLE entries(id INTEGER PRIMARY KEY, worker INT, round INT, body BLOB); CREATE INDEX at ON entries(worker, round);"
                       "CREATE TABLE balance(amount INT); INSERT INTO balance VALUES (0);")
    base.close()
    writers = [subprocess.Popen([sys.executable, "-c", SQLITE_WORKER, path, str(seed), str(rounds)]) for seed in (1, 2)]
    try:
        assert [writer.wait(timeout=SECONDS) for writer in writers] == [0, 0]
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert call("sqlite3", path, "PRAGMA integrity_check").strip() == "ok"
    committed = 2 * (rounds - rounds // 5)
    assert call("sqlite3", path, "SELECT COUNT(*) FROM entries").strip() == str(committed * 15)
    assert call("sqlite3", path, "SELECT amount FROM balance").strip() == str(committed * 15)
    assert not (cluster.cache / "base.sqlite-journal").exists()
    call("sqlite3", path, "VACUUM; REINDEX;")
    assert call("sqlite3", path, "PRAGMA integrity_check").strip() == "ok"


# ---- tar, cp, rsync ----

HEADERS = 3000  # of the compiler's and the libraries': the whole of /usr/include is eight times as many


@pytest.fixture
def headers(tmp_path):
    """A list of files and symbolic links below /usr/include, with their directories."""
    names = []
    for folder, directories, files in os.walk("/usr/include"):
        directories.sort()
        names += [os.path.relpath(os.path.join(folder, name), "/usr/include") for name in sorted(files)]
        if len(names) >= HEADERS:
            break
    listed = tmp_path / "headers"
    listed.write_text("\n".join(names[:HEADERS]) + "\n")
    return listed


def test_tar_extracts_what_it_packed(cluster, tmp_path, headers):
    packed, extracted = tmp_path / "headers.tar", cluster.cache / "headers"
    call("tar", "-C", "/usr/include", "-cf", packed, "-T", headers)
    extracted.mkdir()
    call("tar", "-C", extracted, "-xpf", packed)
    assert call("tar", "-C", extracted, "--compare", "-f", packed) == ""
    call("tar", "-C", extracted, "-cf", tmp_path / "again.tar", "-T", headers)
    assert call("tar", "-C", "/usr/include", "--compare", "-f", tmp_path / "again.tar") == ""


def make_special_tree(root):
    """Modes, owners, times, symbolic and hard links, special files, awkward names, holes."""
    root.mkdir()
    make_files(root, 3, 60)
    owner = 65534 if os.geteuid() == 0 else os.geteuid()
    for i, mode in enumerate([0o600, 0o444, 0o755, 0o4755, 0o2755, 0o1777, 0o000]):
        file = root / f"mode{i}"
        file.write_text(f"mode {oct(mode)}")
        os.chown(file, owner, owner if os.geteuid() == 0 else -1)
        file.chmod(mode)
    (root / "sticky").mkdir()
    (root / "sticky").chmod(0o1777)
    (root / "setgid").mkdir()
    (root / "setgid").chmod(0o2775)
    (root / "empty directory").mkdir()
    os.symlink("mode0", root / "link")
    os.symlink("/nowhere/at/all", root / "dangling")
    for i in range(3):
        os.link(root / "mode2", root / f"hard{i}")
    os.mkfifo(root / "fifo")
    for name in ("ä ö ü", "-dash", "new\nline", "x" * 255, "*?[]", "trailing "):
        (root / name).write_text(name)
    with open(root / "sparse", "wb") as file:
        file.truncate(3_000_000)
        file.seek(1_500_000)
        file.write(b"middle")
    for i, path in enumerate(sorted(root.rglob("*"))):
        os.utime(path, ns=(10**18 + i, 10**18 + 1_234_567_891 * i), follow_symlinks=False)


def test_cp_archive_copies_everything_there_and_back(cluster, tmp_path):
    make_special_tree(tmp_path / "tree")
    call("cp", "-a", tmp_path / "tree", cluster.cache / "tree")
    assert_same_tree(tmp_path / "tree", cluster.cache / "tree")
    call("cp", "-a", cluster.cache / "tree", cluster.cache / "copy")
    assert_same_tree(tmp_path / "tree", cluster.cache / "copy")
    call("cp", "-a", cluster.cache / "copy", tmp_path / "back")
    assert_same_tree(tmp_path / "tree", tmp_path / "back")
    call("rm", "-r", cluster.cache / "copy", cluster.cache / "tree")
    assert os.listdir(cluster.cache) == ["persist"]  # what `local` maps


def test_rsync_transfers_nothing_the_second_time_and_changes_the_third(cluster, tmp_path):
    tree, copy = tmp_path / "tree", cluster.cache / "copy"
    make_special_tree(tree)
    command = ["rsync", "-aHS", "--itemize-changes", "--stats", f"{tree}/", f"{copy}/"]
    assert "Number of regular files transferred: 0" not in call(*command)
    assert_same_tree(tree, copy)
    again = call(*command)
    assert "Number of regular files transferred: 0" in again
    assert again.lstrip().startswith("Number of files"), again  # no line for any entry before the figures
    (tree / "mode0").write_text("changed")
    (tree / "link").unlink()
    third = call(*command, "--delete", "--inplace", "--checksum")
    assert "Number of regular files transferred: 1" in third and "*deleting   link" in third
    assert_same_tree(tree, copy)


# ---- a build ----


def write_project(root):
    root.mkdir()
    (root / "CMakeLists.txt").write_text(textwrap.dedent("""\
        cmake_minimum_required(VERSION 3.18)
        project(sum CXX)
        enable_testing()
        file(GLOB parts CONFIGURE_DEPENDS part*.cc)
        add_library(parts STATIC ${parts})
        add_executable(sum main.cc)
        target_link_libraries(sum PRIVATE parts)
        add_test(NAME sum COMMAND sum 45)
        """))
    declarations, calls = "", ""
    for i in range(10):
        (root / f"part{i}.cc").write_text(f'#include "parts.h"\nint part{i}() {{ return {i}; }}\n')
        declarations += f"int part{i}();\n"
        calls += f" + part{i}()"
    (root / "parts.h").write_text(f"#pragma once\n{declarations}")
    (root / "main.cc").write_text(f'#include <cstdlib>\n#include "parts.h"\nint main(int, char** v) {{ return (0{calls}) != std::atoi(v[1]); }}\n')


def test_a_cmake_project_is_configured_built_tested_and_rebuilt(cluster):
    source, build = cluster.cache / "project", cluster.cache / "project" / "build"
    write_project(source)
    call("cmake", "-S", source, "-B", build, "-G", "Ninja", "-DCMAKE_CXX_COMPILER=g++")
    call("cmake", "--build", build)
    call("ctest", "--test-dir", build, "--output-on-failure")
    assert "no work to do" in call("cmake", "--build", build)
    (source / "part3.cc").write_text('#include "parts.h"\nint part3() { return 4; }\n')
    assert "part3.cc.o" in call("cmake", "--build", build, "--", "-v")
    call(build / "sum", "46")
    call("cmake", "--build", build, "--target", "clean")
    call("cmake", "--build", build)
    call(build / "sum", "46")

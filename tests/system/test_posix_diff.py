"""Random file operations of three users on the mount of a cluster and on a directory of the local file system: the same errno, attributes
and bytes after every one.

FOREBAY_DIFF_OPS (100000) and FOREBAY_DIFF_SEED (where the second half begins) can be set; posix_diff prints the seed of a difference, which
`posix_diff MOUNT/cache-only DIRECTORY --seed S --ops N` runs again.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import BINARY

POSIX_DIFF = pathlib.Path(os.environ.get("FOREBAY_POSIX_DIFF", BINARY.parent / "tests/system/posix_diff/posix_diff"))
OPS = int(os.environ.get("FOREBAY_DIFF_OPS", "100000"))
OPS_PER_SEED = 5000
SEEDS = max(2, OPS // OPS_PER_SEED)
SECOND_SEED = int(os.environ.get("FOREBAY_DIFF_SEED", 910_025_985))


@pytest.fixture
def reference():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="forebay-diff-", dir="/dev/shm"))
    folder.chmod(0o755)  # users without privilege work in it
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("first_seed", [1, SECOND_SEED])
def test_the_mount_answers_as_a_local_file_system(cluster, reference, first_seed):
    cluster.base.chmod(0o755)
    done = subprocess.run(
        [POSIX_DIFF, cluster.cache, reference, "--seed", str(first_seed), "--seeds", str(SEEDS // 2), "--ops", str(OPS_PER_SEED)],
        capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    if os.geteuid() == 0:
        assert "3 users" in done.stdout

"""Blocks that fio writes, in every way that bytes take: by the kernel itself, through the daemon and a descriptor, through the daemon and a stream."""
import json
import shutil
import subprocess

import pytest

from conftest import Cluster, require_fuse

SECONDS = 300  # for one run of fio

MODES = {
    "passthrough": [],
    "descriptor": ["-D", "forebay.fuse.passthrough=off"],
    "stream": ["-D", "forebay.fuse.passthrough=off", "-D", "forebay.client.short_circuit=false", "-D", "forebay.client.inline_size=0"],
}

PATTERNS = {
    "sequential": ["--rw=write", "--bs=1M", "--size=64M", "--end_fsync=1"],
    "random": ["--rw=randwrite", "--bs=4k", "--size=4M", "--norandommap"],
    "uneven": ["--rw=randwrite", "--bsrange=512-70000", "--bs_unaligned=1", "--size=8M"],
    "jobs": ["--rw=randrw", "--bs=16k", "--size=4M", "--numjobs=4"],
    "one file": ["--rw=write", "--bs=64k", "--size=4M", "--numjobs=4", "--filename=shared", "--offset_increment=4M"],
    "overlapping": ["--rw=randwrite", "--bs=12k", "--ba=4k", "--size=4M", "--norandommap", "--ioengine=libaio", "--iodepth=8", "--serialize_overlap=1"],
    "direct": ["--rw=randwrite", "--bs=4k", "--size=4M", "--direct=1", "--ioengine=libaio", "--iodepth=8"],
    "mapped": ["--rw=randwrite", "--bs=4k", "--size=4M", "--ioengine=mmap"],
    "synced": ["--rw=write", "--bs=32k", "--size=4M", "--fsync=16"],
}


@pytest.fixture(scope="module", params=MODES)
def place(request):
    require_fuse()
    cluster = Cluster()
    try:
        cluster.start(*MODES[request.param])
        yield cluster.cache
    finally:
        cluster.close()


def fio(folder, name, arguments):
    command = ["fio", f"--name={name}", f"--directory={folder}", "--verify=crc32c", "--verify_fatal=1", "--do_verify=1", "--verify_state_save=0",
               "--fallocate=none", "--output-format=json", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS)
    out = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{out[-8000:]}\n{done.stderr.decode(errors='replace')[-8000:]}"
    return json.loads(out[out.index("{"):])["jobs"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_fio_reads_the_blocks_that_it_wrote(place, pattern):
    folder = place / f"fio-{pattern}"
    folder.mkdir()
    for job in fio(folder, pattern, PATTERNS[pattern]):
        assert job["error"] == 0 and job["write"]["io_bytes"] > 0 and job["read"]["io_bytes"] > 0, job["jobname"]
    shutil.rmtree(folder)

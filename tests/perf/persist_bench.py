#!/usr/bin/python3
"""Figures of persistence, each beside the plain tool's in the same run: ratios, not absolute numbers, are what counts.

    tests/perf/persist_bench.py [--binary F] [--mib 1024] [--small 5000] [--dirty 100000] [SECTION…]        into a directory
    tests/system/rgw.sh run tests/perf/persist_bench.py …                                                    into a bucket of a real S3 server

Sections: large, small, restore, foreground, backlog. rclone has to be installed for large and small with a bucket."""
import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
PARALLEL_FILES, PARALLEL_PARTS, PART = 4, 4, "8M"  # of both sides
WRITERS_ARE_GONE = 1.5  # seconds after which uploads leave no room for writers any more (decision 30); what they leave is measured by `foreground`
SMALL_PARALLEL = 64


def write_file(path, mib, seed):
    block = os.urandom(1 << 20)
    with open(path, "wb") as file:
        for i in range(mib):
            file.write(seed.to_bytes(4, "big") + i.to_bytes(4, "big") + block[8:])


def timed(what):
    begun = time.monotonic()
    what()
    return time.monotonic() - begun


def rounded(rates):
    return [round(rate, 1 if rate < 100 else None) for rate in rates]


def compared(ours, theirs, unit, tool="tool"):
    """Rates of rounds that were taken in turn: each, the medians, and the median of the rounds' ratios."""
    return {unit: rounded(ours), f"{tool}_{unit}": rounded(theirs), "median": round(statistics.median(ours)), f"{tool}_median": round(statistics.median(theirs)),
            "ratio": round(statistics.median(mine / other for mine, other in zip(ours, theirs)), 2)}


class Bench:
    def __init__(self, options):
        from stores import new_store
        from test_persist import PersistCluster
        self.options, self.results = options, {"load": os.getloadavg()[0], "cpus": os.cpu_count()}
        self.cluster = PersistCluster()
        self.store = self.cluster.store
        self.in_bucket = "FOREBAY_S3_ENDPOINT" in os.environ
        self.plain = new_store(self.cluster.base / "plain")
        self.stage = self.cluster.base / "stage"
        self.stage.mkdir()

    def __enter__(self):
        # So that throughput is measured, and not the look at the queue once a second.
        self.cluster.start("-D", "forebay.persist.scheduler_interval=50ms", "-D", "forebay.persist.lease=30s", "-D", "forebay.worker.persist.request_timeout=30s", *self.options.define)
        return self

    def __exit__(self, *_):
        self.cluster.close()

    def note(self, name, **values):
        values["load"] = round(os.getloadavg()[0], 1)
        self.results[name] = values
        print(json.dumps({name: values}), flush=True)

    def keys(self, prefix):
        if self.in_bucket:
            return len([k for k in self.store.pages({"list-type": "2", "prefix": prefix}, "Key", "NextContinuationToken")])
        root = self.store.path / prefix
        if root.is_file():
            return 1
        return sum(len([f for f in files if not f.startswith(".forebay-")]) for _, _, files in os.walk(root)) if root.exists() else 0

    def persist_directory(self, name, files):
        """Seconds from the rename into the mapped tree to the last object's appearance."""
        begun, begun_at = time.monotonic(), time.time()
        os.rename(self.cluster.cache / name, self.cluster.files / name)
        while self.keys(f"persist/{name}") < files:
            assert time.monotonic() - begun < 900, "it is not persisted"
            # Listings of a thousand keys take the gateway's time; when the last one came, the store says afterwards.
            time.sleep(0.02 if files < 100 else 1 if self.in_bucket else 0.2)
        took = time.monotonic() - begun
        return min(took, self.last_modified(f"persist/{name}") - begun_at) if self.in_bucket and files >= 100 else took

    def last_modified(self, prefix):
        times = self.store.pages({"list-type": "2", "prefix": prefix}, "LastModified", "NextContinuationToken")
        return max(datetime.datetime.fromisoformat(each.replace("Z", "+00:00")).timestamp() for each in times)

    def copy_by_tool(self, source, transfers):
        if not self.in_bucket:
            def copy_one(file):
                target = self.plain.path / source.name / file.name
                subprocess.run(["cp", str(file), str(target)], check=True)
                descriptor = os.open(target, os.O_RDONLY)
                os.fsync(descriptor)
                os.close(descriptor)

            def copy():
                (self.plain.path / source.name).mkdir()
                with concurrent.futures.ThreadPoolExecutor(transfers) as pool:
                    list(pool.map(copy_one, sorted(source.iterdir())))
            return timed(copy)
        environment = {k: v for k, v in os.environ.items() if k != "AWS_CA_BUNDLE"}
        environment.update(RCLONE_CONFIG="/dev/null", RCLONE_CONFIG_R_TYPE="s3", RCLONE_CONFIG_R_PROVIDER="Ceph", RCLONE_CONFIG_R_ENDPOINT=self.store.endpoint,
                           RCLONE_CONFIG_R_ACCESS_KEY_ID=self.store.access, RCLONE_CONFIG_R_SECRET_ACCESS_KEY=self.store.secret)
        command = ["rclone", "copy", str(source), f"r:{self.plain.bucket}/{source.name}", "--transfers", str(transfers), "--checkers", str(transfers),
                   "--s3-chunk-size", PART, "--s3-upload-concurrency", str(PARALLEL_PARTS), "--s3-upload-cutoff", PART, "--no-traverse", "--s3-no-check-bucket"]
        return timed(lambda: subprocess.run(command, check=True, env=environment))

    def forget_copies(self, name):
        if not self.in_bucket:
            shutil.rmtree(self.plain.path / name)
            return
        for key in list(self.plain.pages({"list-type": "2", "prefix": name + "/"}, "Key", "NextContinuationToken")):
            self.plain.remove(key)

    # ---- sections ----

    def prepare(self, mib, written=()):
        """What was written before is on disk; and the machine has that much memory at hand: a virtual one gives free pages back to its host, and whoever
        writes first pays for getting them again, ten times what the write itself costs."""
        for file in written:
            subprocess.run(["sync", str(file)], check=True)
        write_file(self.cluster.base / "memory", mib, 99)
        (self.cluster.base / "memory").unlink()

    def large(self):
        each, sizes = self.options.mib // PARALLEL_FILES, self.options.mib * 1.048576
        (self.stage / "large").mkdir()
        for i in range(PARALLEL_FILES):
            write_file(self.stage / "large" / f"f{i}", each, i)
        ours, theirs = [], []
        for turn in range(self.options.turns):
            subprocess.run(["cp", "-r", str(self.stage / "large"), str(self.cluster.cache / f"large{turn}")], check=True)
            self.prepare(self.options.mib, (self.cluster.cache / f"large{turn}").iterdir())
            time.sleep(WRITERS_ARE_GONE)
            ours.append(sizes / self.persist_directory(f"large{turn}", PARALLEL_FILES))
            shutil.rmtree(self.cluster.files / f"large{turn}")
            self.cluster.wait_until_clean(120)
            self.prepare(self.options.mib)
            theirs.append(sizes / self.copy_by_tool(self.stage / "large", PARALLEL_FILES))
            self.forget_copies("large")
        self.note("large", **compared(ours, theirs, "mb_per_s"))

    def small(self):
        count = self.options.small
        (self.stage / "small").mkdir()
        for i in range(count):
            (self.stage / "small" / f"f{i}").write_bytes(os.urandom(4096))
        ours, theirs = [], []
        for turn in range(self.options.turns):
            subprocess.run(["cp", "-r", str(self.stage / "small"), str(self.cluster.cache / f"small{turn}")], check=True)
            ours.append(count / self.persist_directory(f"small{turn}", count))
            theirs.append(count / self.copy_by_tool(self.stage / "small", SMALL_PARALLEL))
            self.forget_copies("small")
        self.note("small", **compared(ours, theirs, "files_per_s"))

    def restore(self):
        """A file comes back as a whole, by `job load`, and block by block under a reader, who waits for each."""
        mib, name = self.options.mib // 2, "restored"
        path = f"/cache-only/persist/{name}"
        write_file(self.cluster.files / name, mib, 7)
        self.cluster.fs("persist", path, "--wait")
        loaded, read, plain, kept = [], [], [], []
        for _ in range(self.options.turns):
            for rates, bring_back in ((loaded, lambda: self.cluster.run("job", "load", path)),
                                      (read, lambda: subprocess.run(["dd", f"if={self.cluster.files / name}", "of=/dev/null", "bs=1M", "status=none"], check=True))):
                self.cluster.fs("free", path)
                self.prepare(mib)
                rates.append(mib * 1.048576 / timed(bring_back))
            plain.append(mib * 1.048576 / timed(lambda: self.get_in_ranges(f"persist/{name}", mib << 20)))
            self.prepare(mib)
            kept.append(mib * 1.048576 / timed(lambda: self.get_in_ranges(f"persist/{name}", mib << 20, self.cluster.base / "download")))
            (self.cluster.base / "download").unlink()
        self.note("restore", **compared(loaded, plain, "mb_per_s", "plain"))
        self.note("restore_beside_a_download", **compared(loaded, kept, "mb_per_s", "download"))
        self.note("restore_under_a_reader", **compared(read, plain, "mb_per_s", "plain"))

    def get_in_ranges(self, key, length, into=None):
        """As many ranges at a time, of the size that a restore asks for; read only, or kept in a file."""
        step = 8 << 20
        target = os.open(into, os.O_CREAT | os.O_WRONLY) if into else None

        def keep(at, content):
            return os.pwrite(target, content, at) if into else len(content)
        if self.in_bucket:
            def get(at):
                return keep(at, self.store.request("GET", key, extra={"Range": f"bytes={at}-{at + step - 1}"}))
        else:
            def get(at):
                with open(self.store.path / key, "rb") as file:
                    file.seek(at)
                    return keep(at, file.read(step))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(get, range(0, length, step))) == length
        if into:
            os.close(target)

    def foreground(self):
        """What a writer beside persistence keeps of its rate: persistence has more to do than the writer takes."""
        (self.cluster.cache / "scratch").mkdir(exist_ok=True)
        files, mib = 8, self.options.mib // 4

        writer_mib = self.options.writer_mib

        def rate(name):
            path = self.cluster.cache / "scratch" / name
            seconds = timed(lambda: subprocess.run(["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={writer_mib}", "status=none", "conv=fsync"], check=True))
            path.unlink()
            return writer_mib * 1.048576 / seconds

        alone, beside = [], []
        for turn in range(self.options.turns):
            burden = f"burden{turn}"
            (self.cluster.cache / burden).mkdir()
            for i in range(files):
                write_file(self.cluster.cache / burden / f"f{i}", mib, i)
            self.prepare(writer_mib + files * mib, (self.cluster.cache / burden).iterdir())
            alone.append(rate(f"alone{turn}"))
            self.prepare(writer_mib + files * mib)
            os.rename(self.cluster.cache / burden, self.cluster.files / burden)
            while not self.cluster.persist_status()["running"]:
                time.sleep(0.02)
            beside.append(rate(f"beside{turn}"))
            assert self.keys(f"persist/{burden}") < files, "persistence was over before the writer: give --mib more"
            self.cluster.wait_until_clean(600)
            shutil.rmtree(self.cluster.files / burden)
            self.cluster.wait_until_clean(120)
        self.note("foreground", **compared(beside, alone, "mb_per_s", "alone"), defined=self.options.define)

    def memory(self):
        found = {}
        for role in ("master", "coordinator"):
            status = pathlib.Path(f"/proc/{self.cluster.pids()[role]}/status").read_text()
            found[role] = int(status.split("VmRSS:")[1].split()[0]) >> 10
        return found

    def backlog(self):
        """Dirty files by the hundred thousand, and one that is new and has its turn."""
        from test_persist import write_mapping
        mapping = json.loads(self.cluster.mapping.read_text())
        mapping["asyncUploadPathMapping"] = {"/cache-only/persist": {"path": "/ufs/persist", "onDelete": "delete"},
                                             "/cache-only/later": {"path": "/ufs/later", "onDelete": "delete", "settle": "2h"}}
        write_mapping(self.cluster.mapping, mapping)
        self.cluster.run("persist", "mapping", "reload")
        before = self.memory()
        threads = 16
        made = timed(lambda: self.cluster.run("bench", "smallfile", "--directory", "/cache-only/later", "--threads", str(threads), "--count",
                                              str(self.options.dirty // threads), "--size", "100", "--keep", timeout=3600))
        waiting = self.cluster.persist_status()["waiting"]["persist"]
        after = self.memory()
        fresh = []
        for i in range(5):
            begun = time.monotonic()
            (self.cluster.files / f"fresh{i}").write_text("new")
            while self.keys(f"persist/fresh{i}") == 0:
                assert time.monotonic() - begun < 60, "it is not persisted"
                time.sleep(0.02)
            fresh.append(round(time.monotonic() - begun, 2))
        growth = sum(after.values()) - sum(before.values())
        self.note("backlog", dirty=waiting, made_in_s=round(made), memory_before_mib=before, memory_after_mib=after, growth_mib=growth, fresh_file_s=fresh)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.environ.get("FOREBAY_BINARY", str(pathlib.Path(__file__).resolve().parents[2] / "build/release/forebay")))
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--small", type=int, default=5000)
    parser.add_argument("--writer-mib", type=int, default=256, help="what the writer of `foreground` writes before its fsync")
    parser.add_argument("--dirty", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--define", action="append", default=[], help="a setting for the cluster: key=value")
    parser.add_argument("section", nargs="*")
    options = parser.parse_args()
    options.define = [word for each in options.define for word in ("-D", each)]
    os.environ["FOREBAY_BINARY"] = options.binary
    with Bench(options) as bench:
        for section in options.section or ["large", "small", "restore", "foreground", "backlog"]:
            getattr(bench, section)()
        print(json.dumps(bench.results))


if __name__ == "__main__":
    main()

// Every setting that Forebay has: the only list. The reference page is generated from it.
#pragma once

#include <array>
#include <cstddef>

#include "config/setting.h"

namespace forebay::config {

// In the order of the reference page, which makes a chapter of each second word of the names.
inline constexpr Setting kTable[] = {
    {"forebay.cluster.name",
     Kind::kText,
     "forebay",
     "Name of the cluster, for people; the id that keeps clusters apart is given by the master.",
     {.effect = Effect::kNone}},
    {"forebay.license_file", Kind::kPath, "", "Accepted for compatibility: no licence is needed.", {.effect = Effect::kNone}},

    {"forebay.rpc.busy_poll", Kind::kDuration, "150us",
     "How long a thread of connections looks on for the next message before it sleeps, in clients and servers: only while CPUs "
     "are free, and looks are not in vain. The thread of a mount that does so goes to the CPU of the program that it serves. 0s: "
     "it "
     "sleeps at once, and stays where the system puts it."},

    {"forebay.master.hostname", Kind::kText, "localhost", "Where workers and clients find the master."},
    {"forebay.master.addresses", Kind::kAddresses, "",
     "All masters, tried in order; hosts without a port are asked on forebay.master.rpc_port. Empty: forebay.master.hostname "
     "alone."},
    {"forebay.master.bind_host", Kind::kText, "0.0.0.0", "Address that the master listens on."},
    {"forebay.master.rpc_port", Kind::kPort, "19998", "Port of the master."},
    {"forebay.master.web_port", Kind::kPort, "19999", "Port of the master's web pages: /metrics, /healthz, /readyz."},
    {"forebay.master.socket", Kind::kPath, "",
     "Unix socket on which the master listens, too. Whoever has this setting asks there first: on one host that is quicker."},
    {"forebay.master.store_dir", Kind::kPath, "/var/lib/forebay/master",
     "Directory of the metadata and its journal. One master at a time."},
    {"forebay.master.journal.type",
     Kind::kChoice,
     "local",
     "Where the journal is kept: local is the store's own log.",
     {.choices = "local"}},
    {"forebay.master.journal.folder",
     Kind::kPath,
     "",
     "Accepted for compatibility: the local journal is in forebay.master.store_dir.",
     {.effect = Effect::kNone}},
    {"forebay.master.inline_max", Kind::kSize, "64KB",
     "Bytes of content that the master keeps for a small file, whatever clients ask for; at most 64KB. 0: none."},
    {"forebay.master.session_lease", Kind::kDuration, "10s", "A client that is not heard of for so long has its files closed."},
    {"forebay.master.names_lease", Kind::kDuration, "50ms",
     "For so long after it has created a file in a directory that it made, a client knows without asking which names are not "
     "there, and others who create one wait, once in the directory's life; at most 50ms. 0s: it asks each time."},
    {"forebay.master.worker_lost_after", Kind::kDuration, "10s",
     "A worker that is not heard of for so long gets nothing new to store."},
    {"forebay.master.intake.slow_from",
     Kind::kCount,
     "95",
     "Writers are slowed while so many percent of the live workers' room are in use and something will free some. Not below the "
     "workers' high watermarks, where eviction begins. 100: nobody is slowed.",
     {.least = 50, .most = 100}},
    {"forebay.master.intake.horizon", Kind::kDuration, "10s",
     "What room is left may be filled in no less than this time while writers are slowed: longer slows them earlier and more."},
    {"forebay.master.threads", Kind::kCount, "2", "Threads that serve connections.", {.least = 1, .most = 64}},

    {"forebay.worker.hostname", Kind::kText, "", "Where clients find this worker. Empty: the name of this host."},
    {"forebay.worker.container_hostname",
     Kind::kText,
     "",
     "Accepted for compatibility: clients on the same host are recognised by the kernel's boot id.",
     {.effect = Effect::kNone}},
    {"forebay.worker.bind_host", Kind::kText, "0.0.0.0", "Address that the worker listens on."},
    {"forebay.worker.rpc_port", Kind::kPort, "29999", "Port of the worker."},
    {"forebay.worker.web_port", Kind::kPort, "30000", "Port of the worker's web pages: /metrics, /healthz, /readyz."},
    {"forebay.worker.socket", Kind::kPath, "",
     "Unix socket for clients on the same host. Empty: worker.sock in the first tier's directory."},
    {"forebay.worker.host_file", Kind::kPath, "",
     "File by which the workers of one host tell each other that clients write. Empty: each knows of its own clients only."},
    {"forebay.worker.tiers", Kind::kTiers, "",
     "Where bytes are kept, best first: ALIAS:PATH:QUOTA[:HIGH:LOW]. HIGH and LOW are the watermarks, parts of the quota."},
    {"forebay.worker.ramdisk_size", Kind::kSize, "0", "Without forebay.worker.tiers: one tier MEM of this size in /dev/shm."},
    {"forebay.worker.heartbeat", Kind::kDuration, "1s", "How often the master asks workers to report."},
    {"forebay.worker.stage_room", Kind::kSize, "256MB",
     "The kernel writes new files by itself only while a tier's quota has so much left, or more than its medium: nobody can stop "
     "such a "
     "write but a full medium. Closer to the quota bytes go through the daemon, which keeps it."},
    {"forebay.worker.threads", Kind::kCount, "2", "Threads that serve connections.", {.least = 1, .most = 64}},
    {"forebay.worker.persist.tasks",
     Kind::kCount,
     "64",
     "Operations on under stores that this worker runs at a time; more are refused, and offered to another worker.",
     {.least = 1, .most = 10'000}},
    {"forebay.worker.persist.bandwidth", Kind::kSize, "0",
     "Bytes a second that this worker moves to and from under stores. 0: as fast as it goes."},
    {"forebay.worker.persist.bandwidth_beside_writers", Kind::kSize, "32MB",
     "Bytes a second, for each processor of its host, that this worker uploads while clients write there and no tier of it is "
     "above "
     "its high watermark. At least 8MB; 0: as fast as it goes."},
    {"forebay.worker.persist.part_size", Kind::kSize, "8MB",
     "Parts of uploads; larger where a store's limit on their number asks."},
    {"forebay.worker.persist.parallel_parts",
     Kind::kCount,
     "4",
     "Parts of one file that are on their way at a time.",
     {.least = 1, .most = 256}},
    {"forebay.worker.persist.small_size", Kind::kSize, "8MB",
     "Files up to this size are written in one request, from memory; fewer while such requests do not end in time."},
    {"forebay.worker.persist.request_timeout", Kind::kDuration, "30s",
     "A request to an under store that cannot be taken back is given up after so long."},
    {"forebay.worker.pagestore.dirs", Kind::kList, "",
     "Directories of the page store: what is read below mount points. Empty: pages are kept in memory only."},
    {"forebay.worker.pagestore.sizes", Kind::kList, "",
     "Their quotas, one for each directory, or one for all; beyond it the least recently used pages go."},
    {"forebay.worker.pagestore.page_size", Kind::kSize, "1MB",
     "What is asked of an under store at a time, 4KB to 64MB. Pages of another size are not found again."},

    {"forebay.client.replication",
     Kind::kCount,
     "1",
     "Copies that an acknowledged write has. This version keeps one.",
     {.least = 1, .most = 1}},
    {"forebay.client.durability",
     Kind::kChoice,
     "page-cache",
     "What close() promises: survive the death of processes (memory, page-cache) or power loss (fsync).",
     {.choices = "memory|page-cache|fsync"}},
    {"forebay.client.short_circuit", Kind::kFlag, "true",
     "Write and read objects on this host by their descriptor instead of through the worker."},
    {"forebay.client.verify",
     Kind::kChoice,
     "remote",
     "Which reads are checked against the checksums of the seal: those that cross machines, or always, which gives up "
     "passthrough and "
     "descriptors for reads.",
     {.choices = "remote|always"}},
    {"forebay.client.object_size", Kind::kSize, "64MB", "A new object is begun after so many bytes."},
    {"forebay.client.inline_size", Kind::kSize, "16KB",
     "Content of a file up to so many bytes is kept by the master with the metadata; no worker is asked. 0: never."},
    {"forebay.client.stream_window",
     Kind::kCount,
     "8",
     "Frames of 1 MiB in flight for one file that is streamed.",
     {.least = 1, .most = 256}},
    {"forebay.client.write_buffer", Kind::kSize, "256MB",
     "Memory of writes that all files of one client may buffer, at least 1MB; more writes wait."},
    {"forebay.client.intake.longest_pause", Kind::kDuration, "5s",
     "The longest that one write waits because writers are slowed, or one close of a file that the kernel has written. 0s: none "
     "waits."},
    {"forebay.client.retry_for", Kind::kDuration, "60s", "How long a call is repeated while masters or workers do not answer."},
    {"forebay.client.compact_from_extents",
     Kind::kCount,
     "512",
     "A file of so many extents is compacted in the background when that halves them. 0: never.",
     {.least = 0, .most = 1024}},
    {"forebay.client.compact_extent_size", Kind::kSize, "64KB", "Compaction leaves extents of this length and more as they are."},
    {"forebay.client.compact_dead_size", Kind::kSize, "64MB",
     "Compaction also empties mostly overwritten objects, when they keep so many bytes that no file refers to."},
    {"forebay.client.user", Kind::kText, "", "User whose permissions commands have. Empty: the user who runs them."},
    {"forebay.client.multipart_upload.enabled", Kind::kFlag, "false",
     "Writes go to memory of the client and from there to workers in the background, never by descriptor or passthrough; the two "
     "settings below take the place of forebay.client.write_buffer and forebay.client.stream_window."},
    {"forebay.client.multipart_upload.threads",
     Kind::kCount,
     "16",
     "With multipart upload: frames of up to 1 MiB on their way to workers at once, of all files of one client.",
     {.least = 1, .most = 256}},
    {"forebay.client.multipart_upload.buffers",
     Kind::kCount,
     "16",
     "With multipart upload: the memory that buffered writes of all files of one client may take, in buffers of 64 MB. A write "
     "that "
     "finds none waits.",
     {.least = 1, .most = 1024}},

    {"forebay.fuse.web_port", Kind::kPort, "49999", "Port of the mount's web pages: /metrics, /healthz, /readyz."},
    {"forebay.fuse.bind_host", Kind::kText, "127.0.0.1", "Address of that port."},
    {"forebay.fuse.attr_timeout", Kind::kDuration, "1s", "How long the kernel may answer with attributes without asking."},
    {"forebay.fuse.entry_timeout", Kind::kDuration, "1s", "How long the kernel may answer with names without asking."},
    {"forebay.fuse.negative_timeout", Kind::kDuration, "0s",
     "How long the kernel may answer that a name does not exist without asking."},
    {"forebay.fuse.allow_other", Kind::kFlag, "true",
     "Users other than the one who mounted may use the mount (permissions are checked)."},
    {"forebay.fuse.page_cache", Kind::kFlag, "true", "The kernel keeps file content. false: every read goes to the daemon."},
    {"forebay.fuse.passthrough",
     Kind::kChoice,
     "auto",
     "auto: the kernel reads and writes files of a worker on this host itself where it can: Linux 6.9, CAP_SYS_ADMIN, new and "
     "truncated "
     "files, files that are whole in one object. off: every byte goes through the daemon.",
     {.choices = "auto|off"}},
    {"forebay.fuse.stage_from", Kind::kSize, "64KB",
     "With passthrough: where the last files made in a directory were shorter than this, the next one goes through the daemon, "
     "which costs "
     "tiny files less. 0: every new file is the kernel's."},
    {"forebay.fuse.threads",
     Kind::kCount,
     "3",
     "The first takes the kernel's requests and serves those about names and small files, the others move bytes.",
     {.least = 1, .most = 64}},
    {"forebay.fuse.max_in_flight",
     Kind::kCount,
     "64",
     "Requests being worked on; more wait in the kernel.",
     {.least = 1, .most = 4096}},

    {"forebay.persist.mapping_file", Kind::kPath, "",
     "JSON file that says which cache paths are persisted where. Read by the master at its start and whenever it changes; empty: "
     "what was in force last stays."},
    {"forebay.persist.checker_interval", Kind::kDuration, "1s",
     "How often the state of persist tasks, and the mapping file, are looked at. At most 10s for tasks."},
    {"forebay.persist.scheduler_interval", Kind::kDuration, "1s", "How often new persist tasks are scheduled at the latest."},
    {"forebay.persist.census_interval", Kind::kDuration, "10s",
     "How often the master counts what waits for under stores, for its metrics. 0s: never."},
    {"forebay.persist.lease", Kind::kDuration, "30s",
     "A worker or coordinator that is not heard of for so long loses what it uploads: others look what came of it and go on."},
    {"forebay.persist.sweep_after", Kind::kDuration, "10m",
     "So long after an operation was given up, uploads in parts that it may have left in the under store are looked for and "
     "aborted. "
     "0s: never."},
    {"forebay.persist.small_tasks",
     Kind::kCount,
     "128",
     "Operations of small files that run at a time.",
     {.least = 1, .most = 10'000}},
    {"forebay.persist.large_tasks",
     Kind::kCount,
     "16",
     "Uploads and restores of large files that run at a time, in a lane of their own.",
     {.least = 1, .most = 10'000}},
    {"forebay.persist.large_from", Kind::kSize, "64MB", "A file of this size is a large one."},
    {"forebay.persist.tasks_per_worker",
     Kind::kCount,
     "48",
     "What the coordinator gives to one worker at a time; below forebay.worker.persist.tasks.",
     {.least = 1, .most = 10'000}},
    {"forebay.persist.breaker_failures",
     Kind::kCount,
     "8",
     "After so many failures of a store in a row one operation at a time finds out whether it is back.",
     {.least = 1, .most = 10'000}},
    {"forebay.persist.breaker_longest", Kind::kDuration, "60s", "The longest pause between two of those."},
    {"forebay.mount.table_source",
     Kind::kText,
     "",
     "Where the table of mounted under stores is kept.",
     {.effect = Effect::kNone}},
    {"forebay.coordinator.hostname", Kind::kText, "localhost", "Where workers and operators find the coordinator."},
    {"forebay.coordinator.bind_host", Kind::kText, "0.0.0.0", "Address that the coordinator listens on."},
    {"forebay.coordinator.rpc_port", Kind::kPort, "19996", "Port of the coordinator."},
    {"forebay.coordinator.web_port", Kind::kPort, "19997", "Port of the coordinator's web pages: /metrics, /healthz, /readyz."},
    {"forebay.coordinator.store_dir", Kind::kPath, "/var/lib/forebay/coordinator",
     "Directory in which it notes who has which operation. One coordinator at a time."},
    {"forebay.etcd.endpoints", Kind::kList, "", "etcd, for several masters.", {.effect = Effect::kNone}},

    {"forebay.log.level",
     Kind::kChoice,
     "info",
     "The least important lines that are written.",
     {.choices = "debug|info|warning|error"}},
    {"forebay.log.file", Kind::kPath, "", "File for the log. Empty: standard error."},
    {"forebay.log.max_size", Kind::kSize, "64MB", "A log file that would grow beyond it is renamed to FILE.1."},
    {"forebay.log.max_files", Kind::kCount, "4", "So many renamed log files are kept.", {.least = 1, .most = 100}},

    {"forebay.local.workers", Kind::kCount, "2", "`forebay local`: number of workers.", {.least = 1, .most = 64}},
    {"forebay.local.mount", Kind::kPath, "", "`forebay local`: where the namespace is mounted. Empty: not at all."},
    {"forebay.local.restart", Kind::kFlag, "true", "`forebay local`: start a role again that dies."},
    {"forebay.local.ports",
     Kind::kChoice,
     "default",
     "`forebay local`: the documented ports, or free ones chosen at the first start.",
     {.choices = "default|auto"}},
    {"forebay.local.worker_ports", Kind::kList, "",
     "`forebay local`: RPC:WEB of each worker. Empty: 29999:30000, 30001:30002 and so on."},
    {"forebay.local.ufs", Kind::kText, "",
     "`forebay local`: URI of the under store that is mounted at /ufs. Empty: a directory ufs in DIR; none: no under store."},
    {"forebay.local.tiers", Kind::kTiers, "",
     "`forebay local`: tiers; each worker gets a directory worker-N in each path, and the whole quota. Empty: "
     "SSD:DIR/data:10GB."},
};

inline constexpr size_t kSettings = std::size(kTable);

// kSettings when there is none of that name.
constexpr size_t find_setting(std::string_view name) {
  for (size_t i = 0; i < kSettings; ++i)
    if (kTable[i].name == name) return i;
  return kSettings;
}

// A setting's place in the table, looked up by the compiler: a name that does not exist, or is of another kind, does not compile.
template <Kind... kinds>
class Name {
 public:
  consteval Name(const char* name) : index_(find_setting(name)) {  // NOLINT(google-explicit-constructor): reads as the name
    if (index_ == kSettings) throw "no setting has this name";
    if (!((kTable[index_].kind == kinds) || ...)) throw "this setting is of another kind";
  }
  size_t index() const { return index_; }

 private:
  size_t index_;
};

}  // namespace forebay::config

// Every command of `forebay`. Each function adds one to its parser; what runs when it is chosen is left in the shell.
#pragma once

#include "cli/shell.h"

namespace forebay::cli {

void add_fs_ls(Command fs, Shell& shell);
void add_fs_cat(Command fs, Shell& shell);
void add_fs_head(Command fs, Shell& shell);
void add_fs_tail(Command fs, Shell& shell);
void add_fs_mkdir(Command fs, Shell& shell);
void add_fs_mv(Command fs, Shell& shell);
void add_fs_cp(Command fs, Shell& shell);
void add_fs_put(Command fs, Shell& shell);
void add_fs_get(Command fs, Shell& shell);
void add_fs_rm(Command fs, Shell& shell);
void add_fs_touch(Command fs, Shell& shell);
void add_fs_stat(Command fs, Shell& shell);
void add_fs_test(Command fs, Shell& shell);
void add_fs_chmod(Command fs, Shell& shell);
void add_fs_chown(Command fs, Shell& shell);
void add_fs_checksum(Command fs, Shell& shell);
void add_fs_location(Command fs, Shell& shell);
void add_fs_du(Command fs, Shell& shell);
void add_fs_count(Command fs, Shell& shell);
void add_fs_df(Command fs, Shell& shell);
void add_fs_free(Command fs, Shell& shell);
void add_fs_set_ttl(Command fs, Shell& shell);
void add_fs_pin(Command fs, Shell& shell);
void add_fs_unpin(Command fs, Shell& shell);
void add_fs_leader(Command fs, Shell& shell);
void add_fs_persist(Command fs, Shell& shell);

void add_mount_options(Command command, std::vector<std::string>& options);  // --option, of those that take it
void add_mount_add(Command mount, Shell& shell);
void add_mount_update(Command mount, Shell& shell);
void add_mount_list(Command mount, Shell& shell);
void add_mount_remove(Command mount, Shell& shell);

void add_persist_status(Command persist, Shell& shell);
void add_persist_retry(Command persist, Shell& shell);
void add_persist_conflicts(Command persist, Shell& shell);
void add_persist_resolve(Command persist, Shell& shell);
void add_persist_mapping(Command persist, Shell& shell);

void add_job_ls(Command job, Shell& shell);
void add_job_stat(Command job, Shell& shell);
void add_job_cancel(Command job, Shell& shell);
void add_fs_set_replication(Command fs, Shell& shell);

void add_info_report(Command info, Shell& shell);
void add_info_nodes(Command info, Shell& shell);
void add_info_version(Command info, Shell& shell);

void add_admin_fsck(Command admin, Shell& shell);

void add_job_load(Command job, Shell& shell);
void add_journal_checkpoint(Command journal, Shell& shell);
void add_journal_read(Command journal, Shell& shell);

void add_conf_get(Command conf, Shell& shell);
void add_conf_check(Command conf, Shell& shell);
void add_conf_reference(Command conf, Shell& shell);

void add_local_run(Command local, Shell& shell);
void add_local_start(Command local, Shell& shell);
void add_local_stop(Command local, Shell& shell);
void add_local_status(Command local, Shell& shell);

void add_bench_write(Command bench, Shell& shell);
void add_bench_read(Command bench, Shell& shell);
void add_bench_meta(Command bench, Shell& shell);
void add_bench_smallfile(Command bench, Shell& shell);
void add_bench_mixed(Command bench, Shell& shell);
void add_bench_checkpoint(Command bench, Shell& shell);

void add_master(Command app, Shell& shell);
void add_worker(Command app, Shell& shell);
void add_coordinator(Command app, Shell& shell);
void add_fuse(Command app, Shell& shell);
void add_doctor(Command app, Shell& shell);
void add_completion(Command app, Shell& shell);

// The explicit list: all of the above under their parents.
void add_commands(Command app, Shell& shell);

}  // namespace forebay::cli

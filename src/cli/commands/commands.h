// Every command of `forebay`. Each function adds one to its parser; what runs when it is chosen is left in the shell.
#pragma once

#include "cli/shell.h"

namespace forebay::cli {

void add_fs_ls(CLI::App& fs, Shell& shell);
void add_fs_cat(CLI::App& fs, Shell& shell);
void add_fs_head(CLI::App& fs, Shell& shell);
void add_fs_tail(CLI::App& fs, Shell& shell);
void add_fs_mkdir(CLI::App& fs, Shell& shell);
void add_fs_mv(CLI::App& fs, Shell& shell);
void add_fs_cp(CLI::App& fs, Shell& shell);
void add_fs_put(CLI::App& fs, Shell& shell);
void add_fs_get(CLI::App& fs, Shell& shell);
void add_fs_rm(CLI::App& fs, Shell& shell);
void add_fs_touch(CLI::App& fs, Shell& shell);
void add_fs_stat(CLI::App& fs, Shell& shell);
void add_fs_test(CLI::App& fs, Shell& shell);
void add_fs_chmod(CLI::App& fs, Shell& shell);
void add_fs_chown(CLI::App& fs, Shell& shell);
void add_fs_checksum(CLI::App& fs, Shell& shell);
void add_fs_location(CLI::App& fs, Shell& shell);
void add_fs_du(CLI::App& fs, Shell& shell);
void add_fs_count(CLI::App& fs, Shell& shell);
void add_fs_df(CLI::App& fs, Shell& shell);
void add_fs_free(CLI::App& fs, Shell& shell);
void add_fs_set_ttl(CLI::App& fs, Shell& shell);
void add_fs_pin(CLI::App& fs, Shell& shell);
void add_fs_unpin(CLI::App& fs, Shell& shell);
void add_fs_leader(CLI::App& fs, Shell& shell);
void add_fs_persist(CLI::App& fs, Shell& shell);

void add_mount_options(CLI::App* command, std::vector<std::string>& options);  // --option, of those that take it
void add_mount_add(CLI::App& mount, Shell& shell);
void add_mount_update(CLI::App& mount, Shell& shell);
void add_mount_list(CLI::App& mount, Shell& shell);
void add_mount_remove(CLI::App& mount, Shell& shell);

void add_persist_status(CLI::App& persist, Shell& shell);
void add_persist_retry(CLI::App& persist, Shell& shell);
void add_persist_conflicts(CLI::App& persist, Shell& shell);
void add_persist_resolve(CLI::App& persist, Shell& shell);
void add_persist_mapping(CLI::App& persist, Shell& shell);

void add_job_ls(CLI::App& job, Shell& shell);
void add_job_stat(CLI::App& job, Shell& shell);
void add_job_cancel(CLI::App& job, Shell& shell);
void add_fs_set_replication(CLI::App& fs, Shell& shell);

void add_info_report(CLI::App& info, Shell& shell);
void add_info_nodes(CLI::App& info, Shell& shell);
void add_info_version(CLI::App& info, Shell& shell);

void add_admin_fsck(CLI::App& admin, Shell& shell);

void add_job_load(CLI::App& job, Shell& shell);

void add_conf_get(CLI::App& conf, Shell& shell);
void add_conf_check(CLI::App& conf, Shell& shell);
void add_conf_reference(CLI::App& conf, Shell& shell);

void add_local_run(CLI::App& local, Shell& shell);
void add_local_start(CLI::App& local, Shell& shell);
void add_local_stop(CLI::App& local, Shell& shell);
void add_local_status(CLI::App& local, Shell& shell);

void add_bench_write(CLI::App& bench, Shell& shell);
void add_bench_read(CLI::App& bench, Shell& shell);
void add_bench_meta(CLI::App& bench, Shell& shell);
void add_bench_smallfile(CLI::App& bench, Shell& shell);
void add_bench_mixed(CLI::App& bench, Shell& shell);
void add_bench_checkpoint(CLI::App& bench, Shell& shell);

void add_master(CLI::App& app, Shell& shell);
void add_worker(CLI::App& app, Shell& shell);
void add_coordinator(CLI::App& app, Shell& shell);
void add_fuse(CLI::App& app, Shell& shell);
void add_doctor(CLI::App& app, Shell& shell);
void add_completion(CLI::App& app, Shell& shell);

// The explicit list: all of the above under their parents.
void add_commands(CLI::App& app, Shell& shell);

}  // namespace forebay::cli

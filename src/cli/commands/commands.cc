#include "cli/commands/commands.h"

#include "cli/commands/admin_import.h"

namespace forebay::cli {

void add_commands(Command app, Shell& shell) {
  using Add = void (*)(Command, Shell&);
  auto group = [&](const char* name, const char* what, std::initializer_list<Add> commands) {
    Command parent = app.add(name, what);
    parent.need_command();
    for (Add add : commands) add(parent, shell);
  };
  group("local", "A whole cluster on this host, in one folder",
        {add_local_start, add_local_status, add_local_stop, add_local_run});
  group("fs", "Files and directories of the namespace", {add_fs_ls,       add_fs_cat,      add_fs_head,
                                                         add_fs_tail,     add_fs_mkdir,    add_fs_mv,
                                                         add_fs_cp,       add_fs_put,      add_fs_get,
                                                         add_fs_rm,       add_fs_touch,    add_fs_stat,
                                                         add_fs_test,     add_fs_chmod,    add_fs_chown,
                                                         add_fs_du,       add_fs_count,    add_fs_df,
                                                         add_fs_checksum, add_fs_location, add_fs_leader,
                                                         add_fs_persist,  add_fs_free,     add_fs_pin,
                                                         add_fs_unpin,    add_fs_set_ttl,  add_fs_set_replication});
  group("mount", "Under stores in the namespace", {add_mount_add, add_mount_list, add_mount_update, add_mount_remove});
  group("persist", "What goes to the under stores",
        {add_persist_status, add_persist_retry, add_persist_conflicts, add_persist_resolve, add_persist_mapping});
  group("job", "What is done in the background", {add_job_ls, add_job_stat, add_job_cancel, add_job_load});
  group("journal", "The master's journal, for compatibility", {add_journal_checkpoint, add_journal_read});
  group("info", "The state of the cluster", {add_info_report, add_info_nodes, add_info_version});
  group("admin", "Care of the cluster", {add_admin_fsck, add_admin_import});
  group("conf", "Settings and where they come from", {add_conf_get, add_conf_check, add_conf_reference});
  group("bench", "Measurements",
        {add_bench_write, add_bench_read, add_bench_mixed, add_bench_checkpoint, add_bench_meta, add_bench_smallfile});
  for (Add add : {add_doctor, add_master, add_worker, add_coordinator, add_fuse, add_completion}) add(app, shell);
}

}  // namespace forebay::cli

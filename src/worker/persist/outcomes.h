// What comes of a task, and how it is found out.
#pragma once

#include <string>
#include <vector>

#include "worker/persist/live_task.h"

namespace forebay::worker {

Outcome done(const std::string& identity);
// Certainly nothing happened.
Outcome failed(const Status& why);
// Not known, and this task cannot find out: whoever gives it up fences and looks.
Outcome lost();

// What is at the key, by its stamp. Nobody's word but our cluster's stamp makes it ours.
Task<Result<v1::Seen>> see(const TaskContext* with, std::string key);

// The store refused, so nothing was done: what it has at the operation's keys.
Task<Outcome> refused_after_looking(const TaskContext* with);

// The request may have been done, or may be done yet. `fences`: uploads whose abortion makes sure that it is not; none: only time
// does (the quarantine): then, unless it is seen to be done, it is lost, and whoever gives it up looks when that has passed.
Task<Outcome> after_unknown(const TaskContext* with, std::vector<ufs::Upload> fences);

// The one place where a failed write's error becomes an outcome. `fences` as above: they are aborted whatever the error.
Task<Outcome> after_failed_write(const TaskContext* with, Status error, std::vector<ufs::Upload> fences);

// Of a task that follows one that was given up.
Task<Outcome> look(const TaskContext* with);

// The name that the operation has in the store; the same for all epochs, so that the next one can fence it.
std::string operation_name(const TaskContext* with);
std::string operation_name(const std::string& cluster, uint64_t operation);
// What has to be true of the operation's key. Nothing: it is not known, and has to be looked at.
std::optional<ufs::Condition> expected_at_key(const v1::OperationRecord& record);

}  // namespace forebay::worker

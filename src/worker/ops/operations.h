// The RPCs that a worker serves (proto/forebay/v1/worker.proto), one file each.
#pragma once

#include <type_traits>
#include <utility>

#include "async/task.h"
#include "forebay/v1/worker.rpc.h"
#include "os/env.h"
#include "rpc/server.h"
#include "worker/store/object_store.h"
#include "worker/writers.h"

namespace forebay::worker {

// What the operations use; the worker's, outlives its server.
struct Operations {
  ObjectStore& store;
  Writers& writers;
  async::Executor blocking;
  size_t inline_bytes;  // writes of up to so many bytes do not leave the connection's thread
};

// More is not reserved on the connection's thread, even in memory: 64 MiB are 16,384 pages to find, many milliseconds in which
// nobody would get an acknowledgement.
inline constexpr uint64_t kMostReservedAtOnce = kMiB;

template <class Reply>
using Answered = Task<Result<rpc::Answer<Reply>>>;

Answered<v1::WriteObjectReply> write_object(const Operations* with, rpc::Call call, v1::WriteObjectRequest request);
Answered<v1::ReadObjectReply> read_object(const Operations* with, rpc::Call call, v1::ReadObjectRequest request);
Answered<v1::SealObjectReply> seal_object(const Operations* with, rpc::Call call, v1::SealObjectRequest request);
Answered<v1::Empty> sync_object(const Operations* with, rpc::Call call, v1::SyncObjectRequest request);
Answered<v1::OpenObjectReply> open_object(const Operations* with, rpc::Call call, v1::OpenObjectRequest request);
Answered<v1::OpenObjectReply> fork_object(const Operations* with, rpc::Call call, v1::ForkObjectRequest request);
Answered<v1::Empty> reserve_object(const Operations* with, rpc::Call call, v1::ReserveObjectRequest request);
Answered<v1::HoldSpaceReply> hold_space(const Operations* with, rpc::Call call, v1::HoldSpaceRequest request);
Answered<v1::StatObjectReply> stat_object(const Operations* with, rpc::Call call, v1::StatObjectRequest request);
Answered<v1::ListObjectsReply> list_objects(const Operations* with, rpc::Call call, v1::ListObjectsRequest request);

// With the object's descriptor.
rpc::Answer<v1::OpenObjectReply> answer_with(OpenedObject opened);

// All of the service, one line each. `with` outlives the router.
void add_operations(rpc::Router& router, const Operations* with);

// Calls `function`, on the blocking executor when it may wait for a disk. In memory, and where the bytes are most likely in the
// page cache, the change of threads would cost more than the call.
template <class F, class T = std::invoke_result_t<F>>
Task<T> on_disk(const Operations* with, bool may_wait, F function) {
  if (!may_wait) co_return function();
  co_return co_await async::run_blocking(with->blocking, std::move(function));
}

}  // namespace forebay::worker

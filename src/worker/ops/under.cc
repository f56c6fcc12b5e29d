#include "worker/ops/under.h"

#include "forebay/v1/under.rpc.h"

namespace forebay::worker {
namespace {

template <class M, auto kOperation, class Part>
Task<Result<rpc::Answer<typename M::Reply>>> serve(Part* paths, std::stop_token abandoned, typename M::Request request) {
  Task<Result<typename M::Reply>> running =
      async::run_on(paths->executor(), kOperation(paths, std::move(request), std::move(abandoned)));
  CO_ASSIGN_OR_RETURN(typename M::Reply reply, co_await std::move(running));
  co_return rpc::Answer<typename M::Reply>(std::move(reply));
}

Task<Result<rpc::Answer<v1::ReadUnderReply>>> serve_read(UnderPaths* paths, std::stop_token abandoned,
                                                         v1::ReadUnderRequest request) {
  Task<Result<rpc::Payload>> running =
      async::run_on(paths->executor(), UnderPaths::read(paths, std::move(request), std::move(abandoned)));
  CO_ASSIGN_OR_RETURN(rpc::Payload payload, co_await std::move(running));
  co_return rpc::Answer<v1::ReadUnderReply>(v1::ReadUnderReply(), std::move(payload));
}

Task<Result<rpc::Answer<v1::Empty>>> serve_write(UnderUploads* uploads, rpc::Payload payload,
                                                 v1::WriteUnderUploadRequest request) {
  Task<Result<v1::Empty>> running =
      async::run_on(uploads->executor(), UnderUploads::write(uploads, std::move(request), payload.view()));
  CO_ASSIGN_OR_RETURN(v1::Empty reply, co_await std::move(running));
  co_return rpc::Answer<v1::Empty>(std::move(reply));
}

template <class M, auto kOperation, class Part>
void add(rpc::Router& router, Part* paths) {
  router.handle<M>([paths](rpc::Call call, typename M::Request request) {
    return serve<M, kOperation>(paths, std::move(call.abandoned), std::move(request));
  });
}

}  // namespace

void add_under_operations(rpc::Router& router, UnderPaths* paths, UnderUploads* uploads, UnderChanges* changes) {
  namespace service = v1::under_service;
  add<service::StatUnder, UnderPaths::stat>(router, paths);
  add<service::ListUnder, UnderPaths::list>(router, paths);
  router.handle<service::ReadUnder>([paths](rpc::Call call, v1::ReadUnderRequest request) {
    return serve_read(paths, std::move(call.abandoned), std::move(request));
  });
  add<service::BeginUnderUpload, UnderUploads::begin>(router, uploads);
  router.handle<service::WriteUnderUpload>([uploads](rpc::Call call, v1::WriteUnderUploadRequest request) {
    return serve_write(uploads, std::move(call.payload), std::move(request));
  });
  add<service::EndUnderUpload, UnderUploads::end>(router, uploads);
  add<service::AbortUnderUpload, UnderUploads::abort>(router, uploads);
  add<service::MakeUnderDirectory, UnderChanges::make_directory>(router, changes);
  add<service::RemoveUnder, UnderChanges::remove>(router, changes);
  add<service::RenameUnder, UnderChanges::rename>(router, changes);
  add<service::SetUnderAttributes, UnderChanges::set_attributes>(router, changes);
}

}  // namespace forebay::worker

// Extended attributes.
#include "client/client_impl.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

Task<Result<v1::Attr>> ClientImpl::set_xattr(Identity who, v1::SetXattrRequest request) {
  // A write takes the capability away when it is committed. One that is set after it is to stay.
  if (request.name() == "security.capability") {
    if (std::shared_ptr<FileState> state = core_->files.find(InodeId{request.inode()}))
      CO_TRY(co_await state->commit(v1::DURABILITY_UNSPECIFIED));
  }
  Result<v1::AttrReply> reply = co_await core_->session.call<rpcs::SetXattr>(who, request);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return merged(reply->attr());
}

Task<Result<std::string>> ClientImpl::get_xattr(Identity who, InodeId inode, std::string name) {
  v1::GetXattrRequest request;
  request.set_inode(inode.value);
  request.set_name(std::move(name));
  Result<v1::GetXattrReply> reply = co_await core_->session.call<rpcs::GetXattr>(who, request);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return std::move(*reply->mutable_value());
}

Task<Result<std::vector<std::string>>> ClientImpl::list_xattrs(Identity who, InodeId inode) {
  v1::ListXattrsRequest request;
  request.set_inode(inode.value);
  Result<v1::ListXattrsReply> reply = co_await core_->session.call<rpcs::ListXattrs>(who, request);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return std::vector<std::string>(reply->names().begin(), reply->names().end());
}

Task<Result<v1::Attr>> ClientImpl::remove_xattr(Identity who, InodeId inode, std::string name) {
  v1::RemoveXattrRequest request;
  request.set_inode(inode.value);
  request.set_name(std::move(name));
  Result<v1::AttrReply> reply = co_await core_->session.call<rpcs::RemoveXattr>(who, request);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return merged(reply->attr());
}

}  // namespace forebay::client

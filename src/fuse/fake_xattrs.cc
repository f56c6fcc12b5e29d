// Extended attributes of the fake.
#include <string_view>

#include "fuse/fake_client.h"

namespace forebay::fuse {

namespace {
Result<void> check_kind(std::string_view name) {
  for (const std::string_view kind : {"user.", "trusted.", "security."}) {
    if (name == kind) return rejected(EINVAL, "a kind is no name");
    if (name.starts_with(kind)) return {};
  }
  return rejected(EOPNOTSUPP, "no such kind");
}
}  // namespace

void FakeClient::xattrs_changed(Node* node) {
  node->attr.set_ctime_ns(next_time());
  node->attr.set_capability(node->xattrs.contains("security.capability"));
}

Task<Result<v1::Attr>> FakeClient::set_xattr(client::Identity, v1::SetXattrRequest request) {
  std::lock_guard lock(mutex_);
  ++calls_["set_xattr"];
  CO_TRY(check_kind(request.name()));
  CO_ASSIGN_OR_RETURN(Node * found, node(InodeId{request.inode()}));
  const bool exists = found->xattrs.contains(request.name());
  if (exists && request.create()) co_return rejected(EEXIST, "there is one");
  if (!exists && request.replace()) co_return rejected(ENODATA, "there is none");
  found->xattrs[request.name()] = request.value();
  xattrs_changed(found);
  co_return found->attr;
}

Task<Result<std::string>> FakeClient::get_xattr(client::Identity, InodeId inode, std::string name) {
  std::lock_guard lock(mutex_);
  ++calls_["get_xattr"];
  CO_TRY(check_kind(name));
  CO_ASSIGN_OR_RETURN(Node * found, node(inode));
  auto value = found->xattrs.find(name);
  if (value == found->xattrs.end()) co_return rejected(ENODATA, "there is none");
  co_return value->second;
}

Task<Result<std::vector<std::string>>> FakeClient::list_xattrs(client::Identity who, InodeId inode) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Node * found, node(inode));
  std::vector<std::string> names;
  for (const auto& [name, value] : found->xattrs)
    if (who.uid == 0 || !name.starts_with("trusted.")) names.push_back(name);
  co_return names;
}

Task<Result<v1::Attr>> FakeClient::remove_xattr(client::Identity, InodeId inode, std::string name) {
  std::lock_guard lock(mutex_);
  ++calls_["remove_xattr"];
  CO_TRY(check_kind(name));
  CO_ASSIGN_OR_RETURN(Node * found, node(inode));
  if (found->xattrs.erase(name) == 0) co_return rejected(ENODATA, "there is none");
  xattrs_changed(found);
  co_return found->attr;
}

}  // namespace forebay::fuse

// Changes below mount points go through to the store.
#pragma once

#include <memory>
#include <string>

#include "client/under_path/under_paths.h"
#include "client/under_path/under_writer.h"

namespace forebay::client {

// What client/client.h promises of changes, as far as a store can: docs/reference/under-stores.md. Each is done by a worker, at
// the store, before it is answered; whether one whose answer was lost was done is not known, and said. To persistence they are
// changes of somebody else. Owned by the client. Any thread.
class UnderChanges {
 public:
  UnderChanges(std::shared_ptr<UnderCore> under, UnderPaths& paths) : under_(std::move(under)), paths_(paths) {}

  Task<Result<Created>> create(Identity who, UnderDirectory directory, std::string name, uint32_t mode, OpenFlags flags,
                               bool exclusive);
  Task<Result<std::unique_ptr<File>>> open(Identity who, UnderNode node, OpenFlags flags);  // for writing
  Task<Result<v1::Attr>> set_attr(Identity who, v1::SetAttrRequest change);
  Task<Result<v1::Attr>> make_dir(Identity who, UnderDirectory directory, std::string name, uint32_t mode);
  Task<Result<v1::Attr>> make_file(Identity who, UnderDirectory directory, std::string name, uint32_t mode);
  Task<Result<void>> unlink(Identity who, UnderDirectory directory, std::string name);
  Task<Result<void>> remove_dir(Identity who, UnderDirectory directory, std::string name);
  // A page at a time; what is removed stays removed when it ends early.
  Task<Result<void>> remove_tree(Identity who, UnderDirectory directory, std::string name);
  Task<Result<void>> rename(Identity who, UnderDirectory from, std::string name, UnderDirectory to, v1::RenameRequest request);

 private:
  Task<Result<void>> may_change(Identity who, UnderDirectory directory);
  Task<Result<void>> remove(Identity who, UnderDirectory directory, UnderNode node);
  std::unique_ptr<File> begin(Identity who, UnderBeginning beginning, InodeId inode);

  const std::shared_ptr<UnderCore> under_;  // shared with open files
  UnderPaths& paths_;
};

}  // namespace forebay::client

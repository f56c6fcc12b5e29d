#include "cli/persist/entries.h"

#include "client/under_path/under_inode.h"

namespace forebay::cli {
namespace {

Result<void> below(Shell& shell, const Entry& directory, const std::function<Result<void>(const Page&)>& each, int depth) {
  if (depth > kDeepest) return rejected(ELOOP, directory.path + ": too deep");
  Page page{directory.inode(), {}};
  TRY(list(shell, directory, [&](Entry entry) -> Result<bool> {
    if (entry.is_directory()) TRY(below(shell, entry, each, depth + 1));
    if (entry.is_file()) page.files.push_back(std::move(entry));
    if (page.files.size() < kPageFiles) return true;
    TRY(each(page));
    page.files.clear();
    return true;
  }));
  return page.files.empty() ? Result<void>{} : each(page);
}

}  // namespace

Result<StatesByName> describe(Shell& shell, client::PersistControl& control, const Page& page) {
  StatesByName in_store;
  for (const Entry& entry : page.files)
    if (client::is_under(entry.inode())) in_store[entry.name].set_state(v1::PERSIST_STATE_PERSISTED);
  if (in_store.size() == page.files.size()) return in_store;  // of a directory below a mount: the store has all of it
  v1::DescribeEntriesRequest request;
  request.set_directory(page.directory.value);
  for (const Entry& entry : page.files) request.add_names(entry.name);
  ASSIGN_OR_RETURN(const v1::DescribeEntriesReply reply, shell.wait(control.describe(shell.who(), request)));
  return by_name(reply.entries());
}

Result<void> for_each_page(Shell& shell, const Entry& top, const std::function<Result<void>(const Page&)>& each) {
  if (top.is_directory()) return below(shell, top, each, 0);
  if (!top.is_file()) return rejected(EINVAL, top.path + " is no file");
  return each(Page{top.parent, {top}});
}

}  // namespace forebay::cli

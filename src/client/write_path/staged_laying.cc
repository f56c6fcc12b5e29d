#include "client/write_path/staged_laying.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "client/core.h"
#include "client/layout_cache.h"

namespace forebay::client {

namespace {

namespace rpcs = v1::namespace_service;

constexpr int kMostRounds = 100;
constexpr size_t kMostPieces = 4'000;

// Without the ranges that now hold other objects' bytes. Sets the layout for which that is so.
Task<Result<std::vector<os::StoredRange>>> not_laid_over(Core* core, std::shared_ptr<StagedObject> staged, InodeId inode,
                                                         std::vector<os::StoredRange> ranges) {
  v1::GetLayoutRequest request;
  request.set_inode(inode.value);
  request.set_handle(staged->handle().value);
  std::optional<uint64_t> at;
  for (bool more = true; more;) {
    CO_ASSIGN_OR_RETURN(const v1::Layout page, co_await core->session.call<rpcs::GetLayout>(Identity{}, request));
    if (at && *at != page.layout()) co_return stale("the content changes all the time");
    at = page.layout();
    for (const v1::Extent& extent : page.extents())
      if (ObjectId{extent.object()} != staged->object() && ObjectId{extent.object()} != staged->forked_from())
        ranges = without(ranges, extent.file_offset(), extent.file_offset() + extent.length());
    more = page.more() && page.extents_size() > 0;
    if (more) {
      const v1::Extent& last = page.extents(page.extents_size() - 1);
      request.set_offset(last.file_offset() + last.length());
    }
  }
  staged->note_layout(*at);
  if (ranges.size() > kMostPieces) co_return broken("too many pieces of others in a file that is staged");
  co_return ranges;
}

}  // namespace

std::vector<os::StoredRange> without(const std::vector<os::StoredRange>& ranges, uint64_t begin, uint64_t end) {
  std::vector<os::StoredRange> left;
  for (const os::StoredRange& range : ranges) {
    if (range.begin < std::min(begin, range.end)) left.push_back({range.begin, std::min(begin, range.end)});
    if (std::max(end, range.begin) < range.end) left.push_back({std::max(end, range.begin), range.end});
  }
  return left;
}

Task<Result<v1::CommitReply>> lay_staged(Core* core, std::shared_ptr<StagedObject> staged, StagedLaying laying) {
  v1::CommitRequest request = std::move(laying.request);
  for (int round = 1;; ++round) {
    std::vector<os::StoredRange> ranges = laying.ranges;
    uint64_t layout = staged->layout();
    if (staged->is_shared() && !ranges.empty()) {
      CO_ASSIGN_OR_RETURN(ranges, co_await not_laid_over(core, staged, laying.inode, std::move(ranges)));
      layout = staged->layout();
    }
    request.clear_extents();
    for (const os::StoredRange& range : ranges)
      *request.add_extents()->mutable_extent() = to_wire({range.begin, range.end - range.begin, staged->object(), range.begin});
    request.clear_only_at_layout();
    if (!ranges.empty()) request.set_only_at_layout(layout);
    Result<v1::CommitReply> reply = co_await core->session.call<rpcs::Commit>(laying.who, request, laying.session);
    if (reply && !ranges.empty()) staged->note_laid();
    if (reply) co_return reply;
    const bool moved = reply.error().is(Code::kStale) && request.has_only_at_layout() && laying.session == core->session.id();
    if (!moved || round == kMostRounds) co_return reply;
    staged->note_shared();
  }
}

}  // namespace forebay::client

#include "client/read_path/backing.h"

#include <algorithm>

#include "client/core.h"
#include "client/file_state.h"

namespace forebay::client {

Task<std::optional<Backing>> find_backing(Core* core, std::shared_ptr<FileState> state) {
  if (!core->config.short_circuit || core->config.verify_reads) co_return std::nullopt;
  const Content& content = state->content();
  const uint64_t size = content.size();
  if (size < core->config.descriptor_from_bytes || content.has_uncommitted()) co_return std::nullopt;
  const Found found = content.find(0, size);
  if (found.unknown_from || found.pieces.size() != 1) co_return std::nullopt;
  const Piece& piece = found.pieces.front();
  if (!piece.object || !piece.committed || piece.object_offset != 0) co_return std::nullopt;
  const std::vector<WorkerId> workers = content.locate(piece.object);
  auto local = std::ranges::find_if(workers, [core](WorkerId worker) { return core->routing.is_local(worker); });
  if (local == workers.end()) co_return std::nullopt;
  Result<std::shared_ptr<LocalObject>> opened = co_await core->descriptors.open(*core, *local, piece.object, {});
  if (opened && !(*opened)->sealed) {  // kept since it was being written
    core->descriptors.forget(piece.object);
    opened = co_await core->descriptors.open(*core, *local, piece.object, {});
  }
  if (!opened) co_return std::nullopt;
  const std::shared_ptr<LocalObject>& object = *opened;
  if (!object->sealed || object->data_offset != 0 || object->length != size) co_return std::nullopt;
  co_return Backing{.file = std::shared_ptr<os::File>(object, object->file.get()), .object = piece.object, .writable = false};
}

}  // namespace forebay::client

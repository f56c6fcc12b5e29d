#include "client/core.h"
#include "client/write_path/carrier.h"

namespace forebay::client {

namespace {

class DescriptorCarrier final : public Carrier {
 public:
  DescriptorCarrier(Core& core, std::shared_ptr<LocalObject> object) : core_(core), object_(std::move(object)) {}

  bool direct() const override { return true; }
  Task<Result<uint64_t>> write(Bytes data, uint64_t offset, Creation) override {
    CO_TRY(co_await LocalObject::write(core_, object_, data, offset));
    co_return 0;
  }

 private:
  Core& core_;
  const std::shared_ptr<LocalObject> object_;  // shared with a write on the blocking executor
};

}  // namespace

Task<Result<std::unique_ptr<Carrier>>> open_descriptor_carrier(Core& core, Placed placed, uint64_t create_bytes) {
  const WorkerId worker = placed.workers.front();
  if (!core.writes_by_descriptor() || placed.workers.size() != 1 || !core.routing.is_local(worker)) {
    co_return elsewhere("object " + to_string(placed.object) + " is not kept on this host alone");
  }
  CO_ASSIGN_OR_RETURN(std::shared_ptr<LocalObject> opened,
                      co_await open_local_object(core, worker, placed.object, create_bytes, placed.trace));
  co_return std::make_unique<DescriptorCarrier>(core, std::move(opened));
}

}  // namespace forebay::client

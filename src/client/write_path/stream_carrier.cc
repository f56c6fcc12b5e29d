#include "client/core.h"
#include "client/write_path/carrier.h"

namespace forebay::client {

namespace {

class StreamCarrier final : public Carrier {
 public:
  StreamCarrier(Core& core, Placed placed) : core_(core), placed_(std::move(placed)) {}

  bool direct() const override { return false; }

  Task<Result<uint64_t>> write(Bytes data, uint64_t offset, Creation creation) override {
    v1::WriteObjectRequest request;
    request.set_object(placed_.object.value);
    request.set_offset(offset);
    request.set_create_bytes(creation.bytes);
    if (creation.from_hold) request.set_from_hold(core_.holds.id());
    Trying trying{.give_up = core_.env.clock.now() + core_.config.worker_stall};
    for (;;) {
      rpc::CallOptions options{.context = traced(placed_.trace)};
      options.timeout = trying.give_up - core_.env.clock.now();
      options.payload = data;
      auto reply = co_await core_.routing.call_worker<v1::worker_service::WriteObject>(placed_.workers.front(), request,
                                                                                       std::move(options));
      if (reply) co_return reply->message.boot();
      // A busy worker has done nothing and is asked again; anything else is for the object's writer, which goes elsewhere.
      if (!reply.error().is(Code::kBusy)) co_return std::unexpected(std::move(reply).error());
      const bool again = co_await core_.routing.pause(&trying);
      if (!again) co_return std::unexpected(std::move(reply).error());
    }
  }

 private:
  Core& core_;
  const Placed placed_;
};

}  // namespace

std::unique_ptr<Carrier> stream_carrier(Core& core, Placed placed) {
  return std::make_unique<StreamCarrier>(core, std::move(placed));
}

}  // namespace forebay::client

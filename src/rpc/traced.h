// The trace id of a call.
#pragma once

#include "base/trace_id.h"
#include "forebay/v1/common.pb.h"

namespace forebay::rpc {

inline v1::RequestContext traced(TraceId trace) {
  v1::RequestContext context;
  context.set_trace_hi(trace.hi);
  context.set_trace_lo(trace.lo);
  return context;
}
inline TraceId trace_of(const v1::RequestContext& context) { return {context.trace_hi(), context.trace_lo()}; }

}  // namespace forebay::rpc

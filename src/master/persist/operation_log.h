// What the master says in its log about operations of persistence.
#pragma once

#include <string>

#include "base/operation_trace.h"
#include "forebay/v1/persist.pb.h"
#include "obs/log.h"

namespace forebay::master {

// The master's part of what `grep TRACE` finds about an operation: how it begins, and ends. At the level debug, since there may
// be thousands a second; what is rare, a fence, at info. Called in the step of the commit loop that begins or ends the operation:
// if its batch fails, the master serves no more. Value type; the log outlives it.
class OperationLog {
 public:
  OperationLog(obs::Log& log, std::string cluster) : log_(log), cluster_(std::move(cluster)) {}

  void started(const v1::StartIntentReply& reply) const;
  void fenced(const v1::Operation& operation) const;
  void ended(const v1::FinishOperationRequest& request, const v1::FinishOperationReply& reply) const;

 private:
  std::string trace(uint64_t operation) const { return to_string(trace_of_operation(cluster_, operation)); }

  obs::Log& log_;
  const std::string cluster_;
};

}  // namespace forebay::master

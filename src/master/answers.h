// Handlers of methods that are not operations, from plain functions and tasks.
#pragma once

#include <utility>

#include "rpc/server.h"

namespace forebay::master {

template <class Message>
Task<Result<rpc::Answer<Message>>> ready(Result<Message> message) {
  if (!message) co_return std::unexpected(std::move(message).error());
  co_return rpc::Answer<Message>(std::move(*message));
}

template <class Message>
Task<Result<rpc::Answer<Message>>> answered(Task<Result<Message>> running) {
  Result<Message> message = co_await std::move(running);
  if (!message) co_return std::unexpected(std::move(message).error());
  co_return rpc::Answer<Message>(std::move(*message));
}

}  // namespace forebay::master

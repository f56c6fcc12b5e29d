#include "coordinator/ops/operations.h"

namespace forebay::coordinator {

Answered<v1::GetWorkersReply> list_peers(const Operations* with, rpc::Call, v1::Empty) {
  co_return rpc::Answer<v1::GetWorkersReply>(with->workers.table());
}

}  // namespace forebay::coordinator

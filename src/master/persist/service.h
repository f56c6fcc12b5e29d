// The persist service's methods, and the operations behind them.
#pragma once

#include "master/driver.h"
#include "master/persist/mapping_watch.h"
#include "master/persist/operation_log.h"

namespace forebay::master {

// The watch outlives the driver.
void bind_persist(Driver& driver, const MappingWatch& watch, OperationLog log);

}  // namespace forebay::master

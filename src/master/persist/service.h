// The persist service's methods, and the operations behind them.
#pragma once

#include "master/driver.h"

namespace forebay::master {

void bind_persist(Driver& driver);

}  // namespace forebay::master

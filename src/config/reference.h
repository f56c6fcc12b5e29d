// The reference page of all settings.
#pragma once

#include <string>

namespace forebay::config {

// docs/reference/settings.md, generated from the tables; a test keeps the committed page equal.
std::string reference_page();

// FOREBAY_MASTER_RPC_PORT for forebay.master.rpc_port.
std::string variable_of(std::string_view name);

}  // namespace forebay::config

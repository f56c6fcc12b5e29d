// The same for the commands.
#pragma once
#include "precompiled.h"

#include <nlohmann/json.hpp>

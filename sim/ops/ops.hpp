// Includes the ops of all families except attention.hpp.
#pragma once

#include "sim/ops/choose.hpp"
#include "sim/ops/elementwise.hpp"
#include "sim/ops/indices.hpp"
#include "sim/ops/linear.hpp"
#include "sim/ops/loss.hpp"
#include "sim/ops/norm.hpp"
#include "sim/ops/reduce.hpp"
#include "sim/ops/rows.hpp"
#include "sim/ops/softmax.hpp"
#include "sim/ops/state.hpp"

// Declares softmax and log-sum-exp.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tape.hpp"

namespace moesim {

Tensor softmax(const Tensor& x, real scale = 1);  // softmax(scale · x) over the last axis
Tensor softmax(const Tensor& x, Along along,
               real scale = 1);       // along n of x seen as [outer, n, inner]
Tensor log_sum_exp(const Tensor& x);  // over the last axis -> [rows]

}  // namespace moesim

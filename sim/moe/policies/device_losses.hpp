// DeviceLosses are losses that balance the load of devices, and their communication, for a top-k
// router; each device has an equal share of consecutive experts (DeepSeek-AI 2024, "DeepSeek-V2",
// section 2.2.3).
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/losses.hpp"

#include <vector>

namespace moesim {

class DeviceLosses {
 public:
  DeviceLosses() = default;
  // Reads `devices`, `device_weight`, `communication_weight` and `token_devices`, for a router with
  // k of E experts per token.
  DeviceLosses(Options& options, index k, index experts);

  // Groups of experts that the losses distinguish: 1 if they are off.
  index devices() const { return device_ > 0 || communication_ > 0 ? devices_ : 1; }
  // scores [T, E]; choice [T·k] before drops.
  void add_to(std::vector<Loss>& losses, const Tensor& scores, const Indices& choice) const;

 private:
  index k_ = 1, devices_ = 1, most_ = 1;
  double device_ = 0, communication_ = 0;
};

}  // namespace moesim

#include "sim/moe/policies/device_losses.hpp"

#include "sim/moe/policies/loss_weights.hpp"

#include <algorithm>

namespace moesim {

DeviceLosses::DeviceLosses(Options& options, index k, index experts) : k_(k) {
  constexpr double kLarge = 1e6;
  devices_ = options.integer("devices", 1, {1, experts},
                             "devices for the losses below, each with consecutive experts");
  device_ = options.number("device_weight", 0, {0, kLarge},
                           "weight of the balance loss over devices, which is 1 at balance");
  communication_ = options.number("communication_weight", 0, {0, kLarge},
                                  "weight of the balance loss over the tokens sent to devices");
  const index most = options.integer("token_devices", 0, {0, experts},
                                     "most devices of a token, in the communication loss; 0: as "
                                     "many as it has choices");
  if (experts % devices_ != 0)
    options.reject("devices", "does not divide the " + std::to_string(experts) +
                                  " experts; take a divisor of moe.experts");
  if (devices_ == 1 && (device_ > 0 || communication_ > 0))
    options.reject("devices", "one device is always balanced; set more of them");
  if (most > devices_)
    options.reject("token_devices", "there are only " + std::to_string(devices_) + " devices");
  most_ = most == 0 ? std::min(k, devices_) : most;
  const std::string scope =
      std::to_string(devices_) + " devices i of " + std::to_string(experts / devices_) + " experts";
  explain_loss(options, "device", device_, "Σ_i f'_i P'_i, f'_i: mean of E/k f_e, P'_i: sum of P_e",
               scope, "at balance", 1);
  explain_loss(options, "communication", communication_,
               "Σ_i f''_i P'_i, f''_i: devices / " + std::to_string(most_) +
                   " · share of tokens with a choice on i",
               scope, "if every token uses " + std::to_string(most_) + " of them evenly", 1);
}

void DeviceLosses::add_to(std::vector<Loss>& losses, const Tensor& scores,
                          const Indices& choice) const {
  if (device_ > 0)
    losses.push_back(
        {"device", static_cast<real>(device_), device_balance_loss(scores, choice, k_, devices_)});
  if (communication_ > 0)
    losses.push_back({"communication", static_cast<real>(communication_),
                      communication_loss(scores, choice, k_, devices_, most_)});
}

}  // namespace moesim

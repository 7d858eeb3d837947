#include "sim/moe/router.hpp"

namespace moesim {

template class Registry<Router>;
template struct Registered<Router>;

void register_router(std::string_view name, std::string_view summary,
                     std::unique_ptr<Router> (*make)(const Site&, Options&),
                     std::initializer_list<Variant> variants) {
  Registry<Router>::add({std::string(name), std::string(summary), make});
  register_variants(std::string(name), variants);
}

std::string to_string(Sees sees) {
  if (sees.other_sequences) return "batch";
  return sees.later_tokens ? "sequence" : "past";
}

Router::~Router() = default;

void Router::after_step(std::span<const StepLoad> layers, std::size_t own) {
  static_cast<void>(layers), static_cast<void>(own);
}

double Router::expert_rows(index tokens) const {
  return traits_.cost.rows_per_token * static_cast<double>(tokens);
}

double Router::kept_values(index tokens) const {
  return 2 * static_cast<double>(tokens) * static_cast<double>(traits_.experts);
}

}  // namespace moesim

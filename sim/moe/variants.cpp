#include "sim/moe/variants.hpp"

#include <map>
#include <utility>

namespace moesim {
namespace {

std::map<std::string, std::vector<Variant>>& registered() {
  static std::map<std::string, std::vector<Variant>> map;
  return map;
}

}  // namespace

const std::vector<Variant>& variants_of(const std::string& router) {
  static const std::vector<Variant> none;
  const auto found = registered().find(router);
  return found == registered().end() ? none : found->second;
}

void register_variants(const std::string& router, std::vector<Variant> variants) {
  registered()[router] = std::move(variants);
}

}  // namespace moesim

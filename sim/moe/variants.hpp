// Variants are named settings under which a router is certified besides its defaults
// (sim/certify/certificate.hpp).
//
// A router's own .cpp lists them where it registers the router. Together they should give every
// option a value other than its default, and every choice each of its values; the contract tests
// name the missing ones.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct Variant {
  std::string name;      // one or two words
  std::string settings;  // "key=value key=value", keys of the router's own section
  bool causal = true;    // the site: is the task autoregressive?
};

// The variants that the router of this name registered, in order.
const std::vector<Variant>& variants_of(const std::string& router);

// Registers the variants of a router; RegisterRouter (sim/moe/router.hpp) calls it.
void register_variants(const std::string& router, std::vector<Variant> variants);

}  // namespace moesim

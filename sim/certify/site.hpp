// Sites are the small models on which a certificate builds its subject. Internal to sim/certify.
#pragma once

#include "sim/certify/certificate.hpp"

#include <memory>
#include <vector>

namespace moesim::certificate {

// Sites to try in order: a plug-in may reject sizes, e.g. a width that its heads do not divide, or
// too few experts.
using Sites = std::vector<Site>;

// In the first, the width is no multiple of the number of experts, so an axis of experts is
// identified by its size.
Sites small_sites(bool causal);
// The first ones have sequences of 48 tokens; the small sites follow.
Sites long_sites(bool causal);
// In the first ones, the lengths are no multiple of the number of experts either.
Sites odd_sites(bool causal);
// The first ones are large enough that kernels use several tiles; the small sites follow.
Sites large_sites(bool causal);
bool is_large(const Site& site);

struct Made {
  Site site;
  std::unique_ptr<Router> router;  // null if the subject is an expert
  std::unique_ptr<Expert> expert;
  ExpertSite expert_site;
  std::vector<OptionInfo> options;  // declared by the subject
};

// Builds the subject on the first site that it accepts. Throws the error of the last site.
Made make(const Subject& subject, const Sites& sites);

// Builds the subject's expert on exactly this site.
std::unique_ptr<Expert> make_expert(const Subject& subject, const ExpertSite& site);

}  // namespace moesim::certificate

// The sites on which a certificate builds its subject. Internal to sim/moe/certificate*.cpp.
#pragma once

#include "sim/certify/certificate.hpp"

#include <memory>
#include <vector>

namespace moesim::certificate {

// Sites to try in this order: a plug-in may reject sizes, e.g. a width that its heads do not divide
// or fewer experts than it wants.
using Sites = std::vector<Site>;

// The first has a width that is no multiple of the number of experts, so that an axis of experts is
// known by its size.
Sites small_sites(bool causal);
// The first have lengths that the number of experts does not divide either.
Sites odd_sites(bool causal);
// The first are large enough for kernels to cut their work into several tiles; then the small ones.
Sites large_sites(bool causal);
bool is_large(const Site& site);

struct Made {
  Site site;
  std::unique_ptr<Router> router;  // null if the subject is an expert
  std::unique_ptr<Expert> expert;
  ExpertSite expert_site;
  std::vector<OptionInfo> options;  // that the subject declared
};

// The subject on the first of the sites that it can be made on. Throws what the last site threw.
Made make(const Subject& subject, const Sites& sites);

// The subject's expert on exactly this site.
std::unique_ptr<Expert> make_expert(const Subject& subject, const ExpertSite& site);

}  // namespace moesim::certificate

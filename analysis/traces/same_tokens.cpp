#include "analysis/traces/same_tokens.hpp"

#include <fmt/format.h>

namespace moesim {

bool same_tokens(const TraceAt& a, const TraceAt& b) {
  if (a.run->tokens() != b.run->tokens() || a.run->length() != b.run->length()) return false;
  if (a.run == b.run && a.trace == b.trace) return true;
  return a.run->token_ids(a.trace) == b.run->token_ids(b.trace) &&
         a.run->domains(a.trace) == b.run->domains(b.trace);
}

void require_same_shape(const TracedRun& a, const TracedRun& b) {
  if (a.layers() == b.layers() && a.experts() == b.experts()) return;
  fail(Exit::data, fmt::format("{}: {} MoE layers of {} experts, but {} has {} of {}", b.run().path,
                               b.layers(), b.experts(), a.run().path, a.layers(), a.experts()));
}

}  // namespace moesim

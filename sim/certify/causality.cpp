// The item "sees" changes later tokens of a sequence, or all of another sequence, and compares the
// outputs that must not depend on them.
//
// The comparison allows for rounding: no provider of matrix products gives a row the same bits
// whatever the number of rows, and the rows of an expert depend on the other tokens. Input changes
// of order 1 have effects many orders above this rounding.
#include "sim/certify/specimen.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim::certificate {
namespace {

constexpr std::uint64_t kDraws = 24;  // of parameters and tokens, in each mode
constexpr double kSpreads[] = {0.5, 1, 2};
constexpr double kRounding = kDouble ? 1e-12 : 1e-4;  // relative to the largest output

struct Influence {
  double ahead = 0;   // change of earlier outputs of the same sequence
  double beside = 0;  // change of outputs of other sequences
};

// A copy of `batch` in which the tokens of one sequence from `first` on are replaced.
Batch changed(Specimen& specimen, const Batch& batch, index sequence, index first,
              std::uint64_t draw) {
  const index width = specimen.site().width;
  std::vector<real> x = batch.x.to_host();
  const index begin = (sequence * batch.length + first) * width;
  const index end = (sequence + 1) * batch.length * width;
  for (index i = begin; i < end; ++i)
    x[static_cast<std::size_t>(i)] =
        static_cast<real>(2 * normal(draw, "other", static_cast<std::uint64_t>(i)));
  Batch other = batch;
  other.x = Tensor::of(batch.x.shape(), x, specimen.backend());
  if (!batch.ids) return other;
  std::vector<std::int32_t> ids = batch.ids.to_host();
  const auto vocabulary = static_cast<std::int32_t>(specimen.site().vocabulary);
  for (index i = begin / width; i < end / width; ++i) {
    std::int32_t& id = ids[static_cast<std::size_t>(i)];
    id = (id + 1 + static_cast<std::int32_t>((draw + static_cast<std::uint64_t>(i)) % 5)) %
         vocabulary;
  }
  other.ids = Indices::of(ids, specimen.backend());
  return other;
}

Influence probe(Specimen& specimen, bool training) {
  Influence seen;
  const Site& site = specimen.site();
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    // Large spreads and a shared direction give uneven loads, so that capacity displaces tokens.
    specimen.randomise(draw, kSpreads[draw % 3]);
    const Batch batch = specimen.batch(draw, draw / 3 % 2 == 0 ? 0.0 : 1.0);
    const Mode mode{training, draw};
    const Tensor before = specimen.forward(batch, mode).y;
    const double rounding = kRounding * std::max(1.0, largest(before.to_host()));
    const auto sequence = static_cast<index>(draw) % site.batch;
    const index row = site.length * site.width;
    for (index first = 0; first < site.length; ++first) {
      const Batch other = changed(specimen, batch, sequence, first, draw);
      const Tensor after = specimen.forward(other, mode).y;
      const real *a = before.data(), *b = after.data();
      const index begin = sequence * row, end = begin + row;
      const auto change = [&](index from, index to) {
        const double most = difference(a + from, b + from, to - from);
        return most <= rounding ? 0 : most;
      };
      seen.ahead = std::max(seen.ahead, change(begin, begin + first * site.width));
      seen.beside = std::max({seen.beside, change(0, begin), change(end, site.batch * row)});
    }
  }
  return seen;
}

std::string text_of(bool beside, bool ahead) {
  if (beside) return ahead ? "batch, ahead" : "batch";
  return ahead ? "sequence" : "past";
}

std::string text_of(const Influence& seen) { return text_of(seen.beside > 0, seen.ahead > 0); }

}  // namespace

Item check_sees(const Subject& subject, Certificate& certificate) {
  Specimen specimen(subject, small_sites(subject.causal));
  const auto [ahead, beside] = specimen.router().traits().sees;
  certificate.declared = text_of(beside, ahead);

  const Influence training = probe(specimen, true), evaluation = probe(specimen, false);
  const Influence seen{std::max(training.ahead, evaluation.ahead),
                       std::max(training.beside, evaluation.beside)};
  certificate.probed = text_of(seen);
  certificate.leak = seen.ahead;

  std::string modes;
  if (text_of(training) != text_of(evaluation))
    modes =
        fmt::format(" ({} in training, {} in evaluation)", text_of(training), text_of(evaluation));
  std::vector<std::string> undeclared, unseen;
  if (seen.ahead > 0 && !ahead)
    undeclared.push_back(
        fmt::format("later tokens change earlier outputs by up to {:.2g}", seen.ahead));
  if (seen.beside > 0 && !beside)
    undeclared.push_back(
        fmt::format("other sequences change outputs by up to {:.2g}", seen.beside));
  if (!undeclared.empty())
    return {{},
            Verdict::fail,
            fmt::format("declares {}, but {}{}", certificate.declared, joined(undeclared, " and "),
                        modes)};
  if (seen.ahead == 0 && ahead) unseen.push_back("later tokens");
  if (seen.beside == 0 && beside) unseen.push_back("other sequences");
  if (!unseen.empty())
    return {{},
            Verdict::warn,
            fmt::format("declares {}, but {} never mattered in {} draws{}", certificate.declared,
                        joined(unseen, " and "), 2 * kDraws, modes)};
  return {{}, Verdict::pass, certificate.probed + modes};
}

}  // namespace moesim::certificate

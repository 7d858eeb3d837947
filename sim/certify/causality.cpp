// The item "sees" changes later tokens of a sequence, or all of another sequence, and compares the
// outputs that must not depend on them.
//
// Random tokens at every position of short sequences come first. Then come inputs that random ones
// do not resemble, also in long sequences: equal and alternating tokens, whose experts overflow and
// whose second choices are first choices of what replaces them, and large logits.
//
// The comparison allows for rounding: no provider of matrix products gives a row the same bits
// whatever the number of rows, and the rows of an expert depend on the other tokens. Input changes
// of order 1 have effects many orders above this rounding.
#include "sim/certify/specimen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moesim::certificate {
namespace {

// Draws of parameters and tokens, in each mode: random ones in short sequences, of each other kind
// in short sequences, and of each kind in long ones.
constexpr std::uint64_t kDraws = 24, kShortDraws = 4, kLongDraws = 2;
constexpr std::uint64_t kAllDraws = 2 * (kDraws + 3 * kShortDraws + 4 * kLongDraws);
constexpr double kSpreads[] = {0.5, 1, 2};
constexpr double kRounding = kDouble ? 1e-12 : 1e-4;  // relative to the largest output

enum class Input { random, equal, alternating, large };
constexpr Input kAdverse[] = {Input::equal, Input::alternating, Input::large};
constexpr Input kAll[] = {Input::random, Input::equal, Input::alternating, Input::large};
constexpr double kLarge = 30, kSmall = 0.2;  // deviations of large and of small tokens

struct Influence {
  double ahead = 0;   // change of earlier outputs of the same sequence
  double beside = 0;  // change of outputs of other sequences
};

// Replaces the rows begin .. end of a batch by x(value) and id(row), and their domains by the next.
template <class X, class Id>
Batch with_rows(Specimen& specimen, const Batch& batch, index begin, index end, const X& x_of,
                const Id& id_of) {
  const index width = specimen.site().width;
  std::vector<real> x = batch.x.to_host();
  for (index i = begin * width; i < end * width; ++i) {
    real& value = x[static_cast<std::size_t>(i)];
    value = static_cast<real>(x_of(i, static_cast<double>(value)));
  }
  Batch other = batch;
  other.x = Tensor::of(batch.x.shape(), x, specimen.backend());
  std::vector<std::int32_t> domains = batch.domains.to_host();
  for (index row = begin; row < end; ++row) {
    std::int32_t& domain = domains[static_cast<std::size_t>(row)];
    domain = static_cast<std::int32_t>((domain + 1) % specimen.site().domains);
  }
  other.domains = Indices::of(domains, specimen.backend());
  if (!batch.ids) return other;
  std::vector<std::int32_t> ids = batch.ids.to_host();
  const index vocabulary = specimen.site().vocabulary;
  for (index row = begin; row < end; ++row) {
    std::int32_t& id = ids[static_cast<std::size_t>(row)];
    id = static_cast<std::int32_t>(id_of(row, static_cast<index>(id)) % vocabulary);
  }
  other.ids = Indices::of(ids, specimen.backend());
  return other;
}

// One of two tokens of a draw, which are the tokens of the inputs `equal` and `alternating`. They
// are small, so that gates are nearly equal: a second choice that is kept with a probability by its
// gate is kept.
struct Token {
  const char* name;
  std::uint64_t draw;
  index width;

  double value(index i) const {
    return kSmall * normal(draw, name, static_cast<std::uint64_t>(i % width));
  }
};

Batch inputs(Specimen& specimen, Input input, std::uint64_t draw) {
  // Large spreads and a shared direction give uneven loads, so that capacity displaces tokens.
  Batch batch = specimen.batch(draw, draw / 3 % 2 == 0 ? 0.0 : 1.0);
  if (input == Input::random) return batch;
  const index width = specimen.site().width, rows = batch.batch * batch.length;
  const Token one{"one", draw, width}, two{"two", draw, width};
  const auto is_two = [&](index row) { return input == Input::alternating && row % 2 == 1; };
  return with_rows(
      specimen, batch, 0, rows,
      [&](index i, double value) {
        if (input == Input::large) return kLarge * value;
        return (is_two(i / width) ? two : one).value(i);
      },
      [&](index row, index id) {
        return input == Input::large ? id : static_cast<index>(draw) + (is_two(row) ? 1 : 0);
      });
}

// A copy of `batch` in which the tokens of one sequence from `first` on are replaced.
Batch changed(Specimen& specimen, const Batch& batch, Input input, index sequence, index first,
              std::uint64_t draw) {
  const index width = specimen.site().width;
  const Token two{"two", draw, width};
  const bool drawn = input == Input::random || input == Input::large;
  return with_rows(
      specimen, batch, sequence * batch.length + first, (sequence + 1) * batch.length,
      [&](index i, double) {
        if (!drawn) return two.value(i);
        return (input == Input::large ? kLarge : 2) *
               normal(draw, "other", static_cast<std::uint64_t>(i));
      },
      [&](index row, index id) {
        return drawn ? id + 1 + (static_cast<index>(draw) + row) % 5 : static_cast<index>(draw) + 1;
      });
}

// Adds the changes of a pass if the tokens of a sequence from each of `firsts` on change.
void probe(Specimen& specimen, Input input, bool training, std::uint64_t draw,
           const std::set<index>& firsts, Influence& seen) {
  const Site& site = specimen.site();
  specimen.randomise(draw, kSpreads[draw % 3]);
  const Batch batch = inputs(specimen, input, draw);
  const Mode mode{training, draw};
  const Tensor before = specimen.forward(batch, mode).y;
  const double rounding = kRounding * std::max(1.0, largest(before.to_host()));
  const auto sequence = static_cast<index>(draw) % site.batch;
  const index row = site.length * site.width;
  for (const index first : firsts) {
    const Batch other = changed(specimen, batch, input, sequence, first, draw);
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

std::set<index> all_of(index length) {
  std::set<index> firsts;
  for (index first = 0; first < length; ++first) firsts.insert(first);
  return firsts;
}
// The first tokens, the middle, and the last.
std::set<index> some_of(index length) {
  std::set<index> firsts{0, length / 2, length * 3 / 4, length - 1};
  if (length > 1) firsts.insert(1);
  return firsts;
}

// The sizes are those of random tokens in short sequences, unless only other inputs show a change.
Influence probe(Specimen& brief, Specimen& lengthy, bool training) {
  Influence usual, seen;
  for (std::uint64_t draw = 0; draw < kDraws; ++draw)
    probe(brief, Input::random, training, draw, all_of(brief.site().length), usual);
  for (const Input input : kAdverse)
    for (std::uint64_t draw = 0; draw < kShortDraws; ++draw)
      probe(brief, input, training, draw, some_of(brief.site().length), seen);
  for (const Input input : kAll)
    for (std::uint64_t draw = 0; draw < kLongDraws; ++draw)
      probe(lengthy, input, training, draw, some_of(lengthy.site().length), seen);
  return {usual.ahead > 0 ? usual.ahead : seen.ahead,
          usual.beside > 0 ? usual.beside : seen.beside};
}

std::string text_of(bool beside, bool ahead) {
  if (beside) return ahead ? "batch, ahead" : "batch";
  return ahead ? "sequence" : "past";
}

std::string text_of(const Influence& seen) { return text_of(seen.beside > 0, seen.ahead > 0); }

}  // namespace

Item check_sees(const Subject& subject, Certificate& certificate) {
  Specimen specimen(subject, small_sites(subject.causal));
  Specimen lengthy(subject, long_sites(subject.causal));
  const auto [ahead, beside] = specimen.router().traits().sees;
  certificate.declared = text_of(beside, ahead);

  const Influence training = probe(specimen, lengthy, true);
  const Influence evaluation = probe(specimen, lengthy, false);
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
                        joined(unseen, " and "), kAllDraws, modes)};
  return {{}, Verdict::pass, certificate.probed + modes};
}

}  // namespace moesim::certificate

#include "sim/record/trace_check.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

namespace moesim {
namespace {

// Tokens that a file may claim without an array of them: 128 MB of counters.
constexpr std::int64_t kMostUnlisted = std::int64_t{1} << 24;

double number_of(const RunFile& run, const std::string& name) {
  const auto found = run.attributes().find(name);
  if (found == run.attributes().end()) return std::numeric_limits<double>::quiet_NaN();
  if (const auto* whole = std::get_if<std::int64_t>(&found->second))
    return static_cast<double>(*whole);
  const auto* real = std::get_if<double>(&found->second);
  return real == nullptr ? std::numeric_limits<double>::quiet_NaN() : *real;
}

}  // namespace

std::int64_t traced_size(const RunFile& run, const std::string& name) {
  const double value = number_of(run, name);
  if (!(value >= 1 && value <= 0x1p31) || value != std::floor(value))
    fail(Exit::internal, fmt::format("a bad {}: {}, no whole number from 1 to 2^31", name, value));
  return static_cast<std::int64_t>(value);
}

TracedSizes traced_sizes(const RunFile& run,
                         const std::vector<std::pair<std::string, std::int64_t>>& arrays) {
  const TracedSizes of{traced_size(run, "trace_tokens"), traced_size(run, "trace_length"),
                       traced_size(run, "trace_pass_tokens")};
  for (const auto& [name, tokens] : arrays)
    if (tokens != of.tokens)
      fail(Exit::internal,
           fmt::format("trace_tokens is {}, and {} has another number of tokens, {}", of.tokens,
                       name, tokens));
  if (of.length > of.tokens || of.pass_tokens > of.tokens)
    fail(Exit::internal, fmt::format("trace_length {} and trace_pass_tokens {} of {} trace_tokens",
                                     of.length, of.pass_tokens, of.tokens));
  // A pass is whole sequences. The last piece of a text is a shorter pass; that of an imported trace
  // is not a pass of its own.
  if (of.pass_tokens % of.length != 0 && run.text("router") != "imported")
    fail(Exit::internal, fmt::format("trace_length {} does not divide the {} trace_pass_tokens",
                                     of.length, of.pass_tokens));
  return of;
}

void check_unlisted_tokens(std::int64_t tokens, std::int64_t rows) {
  if (tokens > std::max(rows, kMostUnlisted))
    fail(Exit::internal,
         fmt::format("trace_tokens is {}, and trace_token has {} rows", tokens, rows));
}

void check_k_max(std::int64_t k_max, std::int64_t rows) {
  if (rows > 0 && k_max > rows)
    fail(Exit::internal, fmt::format("trace_k_max {} of {} rows", k_max, rows));
}

void check_trace(const TracedLayer& traced) {
  const auto compare = [&](const std::string& what, double found, double recorded,
                           const char* name) {
    if (found != recorded)
      fail(Exit::internal,
           fmt::format("conservation violated at the trace of step {}, layer {}: {} is {}, but {} "
                       "is {}",
                       traced.step, traced.layer, what, found, name, recorded));
  };
  double dropped = 0;
  for (std::size_t e = 0; e < traced.demand.size(); ++e) {
    const double rows = traced.begin[e + 1] - traced.begin[e];
    double served = 0;
    const auto first = static_cast<std::size_t>(traced.begin[e] - traced.begin[0]);
    for (std::size_t i = first; i < first + static_cast<std::size_t>(rows); ++i)
      served += traced.served[i];
    compare(fmt::format("the number of rows of expert {}", e), rows, traced.demand[e], "demand");
    compare(fmt::format("the number of served rows of expert {}", e), served, traced.load[e],
            "load");
    dropped += rows - served;
  }
  compare("the number of rows that are not served", dropped, traced.dropped, "dropped");
}

void check_ascent(const std::vector<double>& begin, double first, std::int64_t step) {
  double last = first;
  for (const double at : begin) {
    if (!(at >= last))
      fail(Exit::internal,
           fmt::format("the trace of step {}: trace_begin does not ascend: {:.0f} follows {:.0f}",
                       step, at, last));
    last = at;
  }
}

void check_end(double end, std::int64_t rows, std::int64_t step) {
  if (!(end <= static_cast<double>(rows)))
    fail(Exit::internal,
         fmt::format("the trace of step {}: rows are missing: trace_begin names {:.0f}, and there "
                     "are {}",
                     step, end, rows));
}

const char* ChoiceCheck::problem(double token, double choice) {
  if (!(token >= 0 && token < static_cast<double>(seen_.size())))
    return "trace_token: a token is out of range";
  if (!(choice >= 0 && choice <= 255)) return "trace_choice: a choice is out of range";
  if (choice >= static_cast<double>(k_max_)) return "trace_choice: a choice is beyond trace_k_max";
  if (choice >= 63) return "";
  std::uint64_t& seen = seen_[static_cast<std::size_t>(token)];
  const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(choice);
  if ((seen & bit) != 0) return "trace_choice: a token has the same choice twice";
  seen |= bit;
  return "";
}

void check_losses(const std::vector<double>& losses, std::int64_t step) {
  for (const double loss : losses)
    if (std::isinf(loss) || loss < 0)
      fail(Exit::internal,
           fmt::format("the trace of step {}: trace_loss has {}, a loss that is {}", step, loss,
                       loss < 0 && !std::isinf(loss) ? "negative" : "infinite"));
}

void check_domains(const std::vector<double>& domains, std::size_t names, std::int64_t step) {
  if (names == 0) return;
  for (const double domain : domains)
    if (!(domain >= 0 && domain < static_cast<double>(names)))
      fail(Exit::internal,
           fmt::format("the trace of step {}: trace_domain has {}, and there are {} domains", step,
                       domain, names));
}

}  // namespace moesim

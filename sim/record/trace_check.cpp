#include "sim/record/trace_check.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <string>

namespace moesim {

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

void check_bounds(const std::vector<double>& begin, double first, std::int64_t rows,
                  std::int64_t step) {
  double last = first;
  for (const double at : begin) {
    if (!(at >= last && at <= static_cast<double>(rows)))
      fail(Exit::internal,
           fmt::format("the trace of step {}: trace_begin does not ascend within {} rows", step,
                       rows));
    last = at;
  }
}

const char* ChoiceCheck::problem(double token, double choice) {
  if (!(token >= 0 && token < static_cast<double>(seen_.size()))) return "a token is out of range";
  if (!(choice >= 0 && choice <= 255)) return "a choice is out of range";
  if (choice >= 63) return "";
  std::uint64_t& seen = seen_[static_cast<std::size_t>(token)];
  const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(choice);
  if ((seen & bit) != 0) return "a token has the same choice twice";
  seen |= bit;
  return "";
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

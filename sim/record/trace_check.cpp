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

void check_bounds(const std::vector<double>& begin, std::int64_t rows, std::int64_t step) {
  double last = 0;
  for (const double at : begin) {
    if (!(at >= last && at <= static_cast<double>(rows)))
      fail(Exit::internal,
           fmt::format("the trace of step {}: trace_begin does not ascend within {} rows", step,
                       rows));
    last = at;
  }
}

}  // namespace moesim

#include "analysis/traces/trace.hpp"

#include "sim/config/resolved.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

constexpr std::int64_t kMostSteps = 1 << 20;
constexpr std::int64_t kSlice = 1 << 20;  // rows that one reply of the reader holds

}  // namespace

TracedRun::TracedRun(const std::string& path) {
  Excerpt excerpt;
  excerpt.attributes = {"moesim_schema", "run_id",           "arm",
                        "router",        "config",           "trace_rows",
                        "trace_tokens",  "trace_length",     "trace_k_max",
                        "trace_fixed",   "trace_pass_tokens"};
  excerpt.last_rows = {{"trace_step", kMostSteps}, {"layer", kMostLabels}, {"trace_begin", 1}};
  run_ = read_run(path, reader_, excerpt);
  const std::string kind = run_.file.text("trace_rows");
  if (kind.empty())
    fail(Exit::data, path +
                         ": no traces; train it with record.trace = true, or trace a checkpoint "
                         "with moesim route");
  if (kind != "tokens")
    fail(Exit::data, path + ": its router sends no whole tokens to experts (trace_rows = " + kind +
                         "), so that capacity drops none");
  const Variable *steps = run_.variable("trace_step", {"trace"}),
                 *begin = run_.variable("trace_begin", {"trace", "layer", "trace_bound"});
  if (steps == nullptr || begin == nullptr || steps->values.empty())
    fail(Exit::data, path + ": it has no trace_step or no trace_begin");
  for (const double step : steps->values) steps_.push_back(static_cast<std::int64_t>(step));
  labels_ = layer_labels(run_, static_cast<std::size_t>(begin->shape[1]));
  experts_ = begin->shape[2] - 1;
  const auto whole = [&](const char* name) {
    const double value = run_.number(name);
    if (!(value >= 1 && value <= 0x1p31)) fail(Exit::data, path + ": a bad " + name);
    return static_cast<std::int64_t>(value);
  };
  tokens_ = whole("trace_tokens"), length_ = whole("trace_length");
  pass_tokens_ = whole("trace_pass_tokens"), k_max_ = whole("trace_k_max");
  fixed_ = run_.number("trace_fixed") == 1;
  settings_ = config::resolved_values(run_.file.text("config"));
}

std::string TracedRun::router_setting(const std::string& key) const {
  const auto found = settings_.find("router." + run_.file.text("router") + "." + key);
  return found == settings_.end() ? "" : found->second;
}

double TracedRun::router_number(const std::string& key, double otherwise) const {
  double value = 0;
  return config::parse(router_setting(key), value) == std::errc{} ? value : otherwise;
}

std::vector<double> TracedRun::rows(const std::string& name, std::int64_t first,
                                    std::int64_t count) {
  std::vector<double> all;
  all.reserve(static_cast<std::size_t>(count));
  for (std::int64_t done = 0; done < count; done += kSlice) {
    Excerpt excerpt{{"moesim_schema"}, {{name, std::min(kSlice, count - done)}}};
    excerpt.first_row[name] = first + done;
    const RunFile part = reader_.read(run_.path, excerpt);
    const Variable* values = part.find(name);
    if (values != nullptr) all.insert(all.end(), values->values.begin(), values->values.end());
  }
  return all;
}

TraceLayer TracedRun::read(std::size_t trace, std::size_t layer) {
  const auto bad = [&](const char* why) {
    fail(Exit::data, fmt::format("{}: the trace of step {}: {}", run_.path, step(trace), why));
  };
  const std::vector<double> begins = rows("trace_begin", static_cast<std::int64_t>(trace), 1);
  const auto bounds = static_cast<std::size_t>(experts_ + 1);
  if (begins.size() != bounds * layers()) bad("trace_begin has another size");
  const auto own = begins.begin() + static_cast<std::ptrdiff_t>(layer * bounds);
  if (!std::is_sorted(own, own + static_cast<std::ptrdiff_t>(bounds)) || !(*own >= 0))
    bad("trace_begin does not ascend");
  TraceLayer one;
  one.begin.reserve(bounds);
  for (std::size_t e = 0; e < bounds; ++e)
    one.begin.push_back(static_cast<std::size_t>(own[static_cast<std::ptrdiff_t>(e)] - *own));
  const auto first = static_cast<std::int64_t>(*own);
  const auto count = static_cast<std::int64_t>(one.begin.back());
  const auto take = [&](const char* name, auto& into, double low, double high) {
    using Value = typename std::decay_t<decltype(into)>::value_type;
    const std::vector<double> values = rows(name, first, count);
    if (static_cast<std::int64_t>(values.size()) != count) bad("rows are missing");
    into.reserve(values.size());
    for (const double value : values) {
      if (value < low || value > high) bad("a number is out of range");
      into.push_back(static_cast<Value>(value));
    }
  };
  take("trace_token", one.token, 0, static_cast<double>(tokens_ - 1));
  take("trace_gate", one.gate, -0x1p126, 0x1p126);
  take("trace_served", one.served, 0, 1);
  take("trace_choice", one.choice, 0, 255);
  return one;
}

std::vector<std::int32_t> TracedRun::ids(std::size_t trace) {
  std::vector<std::int32_t> all;
  for (const double id : rows("trace_token_id", static_cast<std::int64_t>(trace), 1)) {
    if (!(id >= 0 && id < 0x1p24))
      fail(Exit::data, fmt::format("{}: token id {} is out of range", run_.path, id));
    all.push_back(static_cast<std::int32_t>(id));
  }
  if (!all.empty() && static_cast<std::int64_t>(all.size()) != tokens_)
    fail(Exit::data, run_.path + ": trace_token_id has another size");
  return all;
}

}  // namespace moesim

#include "analysis/traces/trace.hpp"

#include "sim/config/resolved.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/record/limits.hpp"
#include "sim/record/trace_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr std::int64_t kMostSteps = 1 << 20;
constexpr std::int64_t kMostRows = std::int64_t{1} << 53;  // rows that are missing are found later
constexpr std::int64_t kSlice = 1 << 20;  // rows that one reply of the reader holds
// Tokens of a trace, whose ids are one reply.
constexpr std::int64_t kMostLabelled = static_cast<std::int64_t>(kMaxExcerpt / 8) - 1024;

}  // namespace

TracedRun::TracedRun(const std::string& path, std::optional<std::int64_t> step) {
  Excerpt excerpt;
  excerpt.attributes = {
      "moesim_schema",     "run_id",       "arm",          "router",      "config",
      "trace_rows",        "trace_tokens", "trace_length", "trace_k_max", "trace_fixed",
      "trace_pass_tokens", "trace_gates",  "plan_kind"};
  excerpt.last_rows = {{"trace_step", kMostSteps}, {"layer", kMostLabels}, {"trace_begin", 1}};
  run_ = read_run(path, reader_, excerpt);
  const std::string kind = run_.file.text("trace_rows");
  if (run_.file.text("plan_kind") == "custom")
    throw NoAssignments(path +
                        ": its router runs its experts itself (a custom plan, as those of moa, "
                        "switchhead and autonomy), so that there are no traces of it");
  if (kind.empty())
    throw NoAssignments(path +
                        ": no traces; train it with record.trace = true, or trace a checkpoint "
                        "with moesim route");
  if (kind != "tokens")
    throw NoAssignments(path + ": its router sends no whole tokens to experts (trace_rows = " +
                        kind + "), so that it has no assignments, and capacity drops none");
  const Variable *steps = run_.variable("trace_step", {"trace"}),
                 *begin = run_.variable("trace_begin", {"trace", "layer", "trace_bound"});
  if (steps == nullptr || begin == nullptr || steps->values.empty())
    fail(Exit::data, path + ": it has no trace_step or no trace_begin");
  for (const double traced : steps->values) {
    places_.push_back(steps_.size());
    steps_.push_back(static_cast<std::int64_t>(traced));
  }
  labels_ = layer_labels(run_, static_cast<std::size_t>(begin->shape[1]));
  experts_ = begin->shape[2] - 1;
  fixed_ = run_.number("trace_fixed") == 1;
  settings_ = config::resolved_values(run_.file.text("config"));
  checked([&] { check_sizes(); });
  if (step) keep(*step);
}

void TracedRun::checked(const std::function<void()>& check) const {
  try {
    check();
  } catch (const Error& problem) {
    if (problem.code() != Exit::internal) throw;
    fail(Exit::data, run_.path + ": " + problem.what());
  }
}

void TracedRun::check_sizes() {
  Excerpt lengths{{"moesim_schema"}, {}};
  for (const char* name : kTokenArrays)
    lengths.last_rows[name] = 1, lengths.first_row[name] = kMostRows;  // no rows
  const RunFile shapes = reader_.read(run_.path, lengths);
  std::vector<std::pair<std::string, std::int64_t>> arrays;
  for (const char* name : kTokenArrays)
    if (const Variable* found = shapes.find(name); found != nullptr && found->shape.size() == 2)
      arrays.emplace_back(name, found->shape[1]);
  const TracedSizes sizes = traced_sizes(run_.file, arrays);
  tokens_ = sizes.tokens, length_ = sizes.length, pass_tokens_ = sizes.pass_tokens;
  k_max_ = traced_size(run_.file, "trace_k_max");
  const std::int64_t rows = rows_of_begins();
  check_k_max(k_max_, rows);
  if (arrays.empty()) check_unlisted_tokens(tokens_, rows);
}

// Rows of traces and layers follow each other; `moesim verify` checks the same.
std::int64_t TracedRun::rows_of_begins() {
  double end = 0;
  for (std::size_t trace = 0; trace < traces(); ++trace)
    each_slice("trace_begin", place(trace), 1, [&](const std::vector<double>& begins) {
      check_ascent(begins, end, step(trace));
      if (!begins.empty()) end = begins.back();
    });
  if (end == 0) return 0;
  bool there = false;
  if (end <= static_cast<double>(kMostRows))
    each_slice("trace_token", static_cast<std::int64_t>(end) - 1, 1,
               [&](const std::vector<double>& last) { there = !last.empty(); });
  if (!there)
    fail(Exit::data,
         fmt::format("{}: rows are missing: trace_begin names {:.0f}, and trace_token has fewer",
                     run_.path, end));
  return static_cast<std::int64_t>(end);
}

void TracedRun::keep(std::int64_t step) {
  std::vector<std::string> known;
  std::vector<std::size_t> kept;
  for (std::size_t trace = 0; trace < traces(); ++trace) {
    known.push_back(std::to_string(steps_[trace]));
    if (steps_[trace] == step) kept.push_back(trace);
  }
  if (kept.empty())
    fail(Exit::usage, fmt::format("command line: --step {}: {} has traces of the steps {}", step,
                                  run_.path, joined(known)));
  places_ = kept;
  steps_.assign(kept.size(), step);
}

std::string TracedRun::router_setting(const std::string& key) const {
  const auto found = settings_.find("router." + run_.file.text("router") + "." + key);
  return found == settings_.end() ? "" : found->second;
}

double TracedRun::router_number(const std::string& key, double otherwise) const {
  double value = 0;
  return config::parse(router_setting(key), value) == std::errc{} ? value : otherwise;
}

void TracedRun::each_slice(const std::string& name, std::int64_t first, std::int64_t count,
                           const std::function<void(const std::vector<double>&)>& take) {
  for (std::int64_t done = 0; done < count; done += kSlice) {
    Excerpt excerpt{{"moesim_schema"}, {{name, std::min(kSlice, count - done)}}};
    excerpt.first_row[name] = first + done;
    const RunFile part = reader_.read(run_.path, excerpt);
    if (const Variable* values = part.find(name)) take(values->values);
  }
}

void TracedRun::require_few_tokens() const {
  if (tokens_ > kMostLabelled)
    fail(
        Exit::data,
        fmt::format("{}: traces of {} tokens; token ids, domains and losses are read of at most {}",
                    run_.path, tokens_, kMostLabelled));
}

std::vector<std::int32_t> TracedRun::of_tokens(const std::string& name, std::size_t trace) {
  require_few_tokens();
  std::vector<std::int32_t> all;
  each_slice(name, place(trace), 1, [&](const std::vector<double>& values) {
    all.reserve(values.size());
    for (const double value : values) {
      if (!(value >= -1 && value < 0x1p31))
        fail(Exit::data, run_.path + ": " + name + " has a number out of range");
      all.push_back(static_cast<std::int32_t>(value));
    }
  });
  if (!all.empty() && static_cast<std::int64_t>(all.size()) != tokens_)
    fail(Exit::data, run_.path + ": " + name + " has another number of tokens");
  return all;
}

std::vector<std::int32_t> TracedRun::token_ids(std::size_t trace) {
  return of_tokens("trace_token_id", trace);
}

std::vector<std::int32_t> TracedRun::domains(std::size_t trace) {
  std::vector<std::int32_t> domains = of_tokens("trace_domain", trace);
  checked([&] {
    check_domains({domains.begin(), domains.end()}, domain_names().size(), step(trace));
  });
  return domains;
}

std::vector<double> TracedRun::losses(std::size_t trace) {
  require_few_tokens();
  std::vector<double> all;
  each_slice("trace_loss", place(trace), 1,
             [&](const std::vector<double>& values) { all = values; });
  if (!all.empty() && static_cast<std::int64_t>(all.size()) != tokens_)
    fail(Exit::data, run_.path + ": trace_loss has another number of tokens");
  checked([&] { check_losses(all, step(trace)); });
  return all;
}

std::vector<std::string> TracedRun::domain_names() {
  const RunFile part = reader_.read(run_.path, {{"moesim_schema"}, {{"domain", kMostLabels}}});
  const Variable* names = part.find("domain");
  return names == nullptr ? std::vector<std::string>() : names->texts;
}

TraceLayer TracedRun::read(std::size_t trace, std::size_t layer, Parts parts) {
  const auto bad = [&](const std::string& why) {
    fail(Exit::data, fmt::format("{}: the trace of step {}: {}", run_.path, step(trace), why));
  };
  std::vector<double> begins;
  each_slice("trace_begin", place(trace), 1,
             [&](const std::vector<double>& values) { begins = values; });
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
    into.reserve(static_cast<std::size_t>(std::min(count, 64 * kSlice)));
    each_slice(name, first, count, [&](const std::vector<double>& values) {
      for (const double value : values) {
        if (!(value >= low && value <= high))
          bad(fmt::format("{} has a number out of range", name));
        into.push_back(static_cast<Value>(value));
      }
    });
    if (static_cast<std::int64_t>(into.size()) != count)
      bad(fmt::format("rows are missing in {}", name));
  };
  take("trace_token", one.token, 0, static_cast<double>(tokens_ - 1));
  take("trace_choice", one.choice, 0, 255);
  std::vector<std::int64_t> choices(static_cast<std::size_t>(tokens_), 0);
  for (const std::int32_t token : one.token)
    if (++choices[static_cast<std::size_t>(token)] > k_max_)
      bad("trace_token: a token has more assignments than trace_k_max");
  ChoiceCheck check(tokens_, k_max_);
  for (std::size_t i = 0; i < one.token.size(); ++i)
    if (const char* problem = check.problem(one.token[i], one.choice[i]); *problem != '\0')
      bad(problem);
  if (parts == Parts::choices) return one;
  take("trace_gate", one.gate, -0x1p126, 0x1p126);
  take("trace_served", one.served, 0, 1);
  return one;
}

}  // namespace moesim

#include "analysis/traces/forensics.hpp"

#include "analysis/traces/trace_tables.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

namespace moesim {
namespace {

constexpr std::size_t kMostBins = 16;  // of positions
// Of WhatIfBy, in its order: what drop rates are over; key and title of the column.
constexpr const char* const kBinned[] = {"positions", "token ids", "domains"};
constexpr const char* const kBinKeys[] = {"positions", "ranks", "domain"};
constexpr const char* const kBinTitles[] = {"positions", "ranks of token ids", "domain"};

// Assignments and drops of one case and factor.
struct Tally {
  const WhatIfCase* one;
  std::string factor;
  index rows;                                // C of a whole group
  std::vector<double> assignments, dropped;  // by position, or by token id
  double everywhere = 0, expected = 0;  // tokens dropped in every layer; if layers did not agree
};

void grow(std::vector<double>& values, std::size_t size) {
  if (values.size() < size) values.resize(size, 0);
}

// Positions, or token ids, of the tokens of a trace. Ids are numbered as they occur: the largest may be far above their number.
std::vector<std::int32_t> keys_of(TracedRun& run, std::size_t trace, WhatIfBy by,
                                  std::unordered_map<std::int32_t, std::int32_t>& numbers) {
  if (by == WhatIfBy::frequency) {
    std::vector<std::int32_t> ids = run.token_ids(trace);
    if (ids.empty()) fail(Exit::data, run.run().path + ": its data have no token ids");
    for (std::int32_t& id : ids)
      id = numbers.emplace(id, static_cast<std::int32_t>(numbers.size())).first->second;
    return ids;
  }
  if (by == WhatIfBy::domain) {
    std::vector<std::int32_t> domains = run.domains(trace);
    if (domains.empty()) fail(Exit::data, run.run().path + ": its data have no domains");
    return domains;
  }
  std::vector<std::int32_t> positions(static_cast<std::size_t>(run.tokens()));
  for (std::size_t t = 0; t < positions.size(); ++t)
    positions[t] = static_cast<std::int32_t>(static_cast<std::int64_t>(t) % run.length());
  return positions;
}

// Adds one trace.
void add_trace(TracedRun& run, std::size_t trace, const std::vector<std::int32_t>& keys,
               const std::vector<WhatIfCase>& cases, const std::vector<std::string>& factors,
               std::vector<Tally>& tallies) {
  const auto tokens = static_cast<std::size_t>(run.tokens());
  const std::int32_t most = *std::max_element(keys.begin(), keys.end());
  std::vector<std::vector<std::uint8_t>> layers_of(tallies.size(),
                                                   std::vector<std::uint8_t>(tokens, 0));
  std::vector<double> share(tallies.size(), 1);  // Π over layers of tokens with a drop / tokens
  for (std::size_t layer = 0; layer < run.layers(); ++layer) {
    const TraceLayer rows = run.read(trace, layer);
    each_drop(run, cases, factors, rows, [&](std::size_t i, const std::vector<bool>& dropped) {
      Tally& tally = tallies[i];
      grow(tally.assignments, static_cast<std::size_t>(most) + 1);
      grow(tally.dropped, static_cast<std::size_t>(most) + 1);
      std::vector<bool> here(tokens, false);
      for (std::size_t row = 0; row < dropped.size(); ++row) {
        const auto token = static_cast<std::size_t>(rows.token[row]);
        const auto key = static_cast<std::size_t>(keys[token]);
        ++tally.assignments[key];
        if (!dropped[row]) continue;
        ++tally.dropped[key];
        here[token] = true;
      }
      std::size_t count = 0;
      for (std::size_t token = 0; token < tokens; ++token)
        if (here[token]) ++layers_of[i][token], ++count;
      share[i] *= static_cast<double>(count) / static_cast<double>(tokens);
    });
  }
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    tallies[i].everywhere +=
        static_cast<double>(std::count(layers_of[i].begin(), layers_of[i].end(), run.layers()));
    tallies[i].expected += share[i] * static_cast<double>(tokens);
  }
}

struct Bin {
  std::string name;
  std::vector<std::size_t> keys;
};

std::string range_of(std::size_t first, std::size_t last) {
  return first == last ? std::to_string(first) : fmt::format("{}-{}", first, last);
}

std::vector<Bin> bins_of_positions(std::size_t length) {
  const std::size_t each = (length + kMostBins - 1) / kMostBins;
  std::vector<Bin> bins;
  for (std::size_t first = 0; first < length; first += each) {
    const std::size_t last = std::min(length, first + each) - 1;
    Bin bin{range_of(first, last), std::vector<std::size_t>(last - first + 1)};
    std::iota(bin.keys.begin(), bin.keys.end(), first);
    bins.push_back(std::move(bin));
  }
  return bins;
}

std::vector<Bin> bins_of_domains(TracedRun& run, std::size_t count) {
  const std::vector<std::string> names = run.domain_names();
  std::vector<Bin> bins;
  bins.reserve(count);
  for (std::size_t domain = 0; domain < count; ++domain)
    bins.push_back({domain < names.size() ? names[domain] : std::to_string(domain), {domain}});
  return bins;
}

// Ranks 1, 2-3, 4-7, … of the ids that occur.
std::vector<Bin> bins_of_ranks(const std::vector<double>& occurrences) {
  std::vector<std::size_t> ids;
  for (std::size_t id = 0; id < occurrences.size(); ++id)
    if (occurrences[id] > 0) ids.push_back(id);
  std::stable_sort(ids.begin(), ids.end(),
                   [&](std::size_t a, std::size_t b) { return occurrences[a] > occurrences[b]; });
  std::vector<Bin> bins;
  for (std::size_t first = 1; first <= ids.size(); first *= 2) {
    const std::size_t last = std::min(2 * first - 1, ids.size());
    bins.push_back({range_of(first, last),
                    {ids.begin() + static_cast<std::ptrdiff_t>(first) - 1,
                     ids.begin() + static_cast<std::ptrdiff_t>(last)}});
  }
  return bins;
}

void add_to_table(const TracedRun& run, const std::vector<Tally>& tallies,
                  const std::vector<Bin>& bins, const char* what, Table& table) {
  const std::string name = name_of_run(run);
  const double tokens = static_cast<double>(run.tokens()) * static_cast<double>(run.traces());
  for (const Tally& tally : tallies) {
    for (const Bin& bin : bins) {
      double assignments = 0, dropped = 0;
      for (const std::size_t key : bin.keys)
        assignments += tally.assignments[key], dropped += tally.dropped[key];
      table.rows.push_back({name, tally.one->group, tally.one->fill, tally.factor,
                            tally.rows == 0 ? Cell() : Cell(static_cast<double>(tally.rows)),
                            bin.name, assignments, dropped,
                            assignments > 0 ? 100 * dropped / assignments : 0});
    }
    const double unequal = gini(tally.dropped, tally.assignments);
    if (std::isnan(unequal)) continue;
    table.notes.push_back(fmt::format(
        "{}, {}, {}, capacity factor {}: Gini coefficient of drop rates over {} {:.3f}; {:.2f} % "
        "of tokens are dropped in every MoE layer, {:.2f} % if layers dropped independently",
        name, tally.one->group, tally.one->fill, tally.factor, what, unequal,
        100 * tally.everywhere / tokens, 100 * tally.expected / tokens));
  }
}

void add_forensics(TracedRun& run, const WhatIfOptions& options, WhatIfBy by, Table& table) {
  const std::vector<WhatIfCase> cases = cases_of(run, options);
  std::vector<Tally> tallies;
  for (const WhatIfCase& one : cases)
    for (const std::string& factor : options.factors)
      tallies.push_back({&one,
                         factor,
                         formula_of(run, factor).rows(one.size, choices_of(run), run.experts()),
                         {},
                         {}});
  std::vector<double> occurrences;
  std::unordered_map<std::int32_t, std::int32_t> numbers;
  for (std::size_t trace = 0; trace < run.traces(); ++trace) {
    const std::vector<std::int32_t> keys = keys_of(run, trace, by, numbers);
    for (const std::int32_t key : keys) {
      grow(occurrences, static_cast<std::size_t>(key) + 1);
      ++occurrences[static_cast<std::size_t>(key)];
    }
    add_trace(run, trace, keys, cases, options.factors, tallies);
  }
  for (Tally& tally : tallies)
    grow(tally.assignments, occurrences.size()), grow(tally.dropped, occurrences.size());
  const auto what = static_cast<std::size_t>(by);
  const std::vector<Bin> bins = by == WhatIfBy::position ? bins_of_positions(occurrences.size())
                                : by == WhatIfBy::domain ? bins_of_domains(run, occurrences.size())
                                                         : bins_of_ranks(occurrences);
  add_to_table(run, tallies, bins, kBinned[what], table);
  for (const std::string& note : whatif_notes(run, cases, options.factors.front()))
    add_note(table, note);
}

}  // namespace

double gini(const std::vector<double>& part, const std::vector<double>& whole) {
  std::vector<std::size_t> order;
  double parts = 0, wholes = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (!(whole[i] > 0)) continue;
    order.push_back(i);
    parts += part[i], wholes += whole[i];
  }
  if (!(parts > 0)) return std::numeric_limits<double>::quiet_NaN();
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return part[a] * whole[b] < part[b] * whole[a];
  });
  // 1 minus twice the area under the Lorenz curve.
  double area = 0, below = 0;
  for (const std::size_t i : order) {
    area += whole[i] / wholes * (2 * below + part[i]) / parts;
    below += part[i];
  }
  return 1 - area;
}

Table forensics_table(const std::vector<std::string>& paths, const WhatIfOptions& options,
                      WhatIfBy by) {
  using Kind = Column::Kind;
  Table table;
  table.name = "whatif";
  const auto what = static_cast<std::size_t>(by);
  table.columns = {{"run", "run", Kind::text},
                   {"group", "group", Kind::text},
                   {"fill", "fill", Kind::text},
                   {"capacity_factor", "capacity factor", Kind::text},
                   {"capacity", "C", Kind::count},
                   {kBinKeys[what], kBinTitles[what], Kind::text},
                   {"assignments", "assignments", Kind::count},
                   {"dropped", "dropped", Kind::count},
                   {"dropped_percent", "dropped %", Kind::number, 2}};
  each_traced_run(paths, table, options.step,
                  [&](TracedRun& run) { add_forensics(run, options, by, table); });
  return table;
}

}  // namespace moesim

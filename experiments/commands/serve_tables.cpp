#include "experiments/commands/serve_tables.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdint>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;
using Kind = Column::Kind;

Table times_table(const Json& document) {
  Table table;
  table.name = "serving";
  table.columns = {{"batch", "texts", Kind::count},
                   {"ttft_p50", "TTFT ms", Kind::number, 2},
                   {"ttft_p95", "p95", Kind::number, 2},
                   {"ttft_p99", "p99", Kind::number, 2},
                   {"tpot", "TPOT ms", Kind::number, 3},
                   {"token_p50", "p50", Kind::number, 3},
                   {"token_p95", "p95", Kind::number, 3},
                   {"token_p99", "p99", Kind::number, 3},
                   {"tokens_per_second", "tokens/s", Kind::number, 0},
                   {"weight_bytes", "weights KB/token", Kind::number, 1},
                   {"cache_bytes", "keys, values KB", Kind::number, 1}};
  for (const Json& b : document["batches"]) {
    const auto number = [&](const char* key) { return b[key].get<double>(); };
    const auto of = [&](const char* key, const char* q) { return b[key][q].get<double>(); };
    table.rows.push_back({number("batch"), of("ttft_ms", "p50"), of("ttft_ms", "p95"),
                          of("ttft_ms", "p99"), number("tpot_ms"), of("token_ms", "p50"),
                          of("token_ms", "p95"), of("token_ms", "p99"), number("tokens_per_second"),
                          number("weight_bytes_per_token") / 1e3, number("cache_bytes") / 1e3});
  }
  table.notes = {
      fmt::format("greedy, {} texts: prompts of {} tokens of the validation split, {} tokens each; "
                  "TTFT: time of the pass over the prompts of a batch (median); TPOT: mean time "
                  "of a later token, next to its quantiles",
                  document["texts"].get<std::int64_t>(), document["prompt"].get<std::int64_t>(),
                  document["tokens"].get<std::int64_t>()),
      "weights: read for a later token, those of experts that no token of the batch takes left "
      "out"};
  return table;
}

Table experts_table(const Json& document) {
  Table table;
  table.name = "experts";
  table.columns = {
      {"batch", "texts", Kind::count},         {"layer", "block", Kind::count},
      {"experts", "experts", Kind::count},     {"rows_per_token", "rows/token", Kind::number, 2},
      {"touched", "touched", Kind::number, 2}, {"touched_expected", "if uniform", Kind::number, 2}};
  for (const Json& b : document["batches"])
    for (const Json& layer : b["layers"])
      table.rows.push_back(
          {b["batch"].get<double>(), layer["layer"].get<double>(), layer["experts"].get<double>(),
           layer["rows_per_token"].get<double>(), layer["touched"].get<double>(),
           layer["touched_expected"].is_null() ? Cell()
                                               : Cell(layer["touched_expected"].get<double>())});
  table.notes = {
      "touched: distinct experts of a pass for later tokens; if uniform: E (1 - (1 - k/E)^b) of "
      "independent, uniform choices, k: rows per token; none where passes cover whole windows, or "
      "tokens are mixed or experts merged, which reads all experts in every pass"};
  return table;
}

Table caches_table(const Json& document) {
  Table table;
  table.name = "expert_caches";
  table.columns = {{"batch", "texts", Kind::count},
                   {"experts", "experts cached", Kind::count},
                   {"hits", "hits %", Kind::number, 1},
                   {"prefetched", "with last pass %", Kind::number, 1}};
  for (const Json& b : document["batches"])
    for (const Json& cache : b["expert_caches"])
      table.rows.push_back({b["batch"].get<double>(), cache["experts"].get<double>(),
                            100 * cache["hit_rate"].get<double>(),
                            100 * cache["prefetched"].get<double>()});
  table.notes = {
      "a cache of the experts used last in each layer, empty before the first later token; a pass "
      "takes its experts in ascending order, which defeats a cache that is smaller than they are; "
      "with last pass: all experts of the pass before are held besides the cache"};
  return table;
}

Table parameters_table(const Json& document) {
  Table table;
  table.name = "parameters";
  table.columns = {{"kind", "parameters", Kind::text},
                   {"values", "number", Kind::count},
                   {"megabytes", "MB", Kind::number, 3}};
  const auto bytes = document["bytes_per_parameter"].get<double>();
  for (const auto& [kind, values] : document["parameters"].items())
    table.rows.push_back({kind, values.get<double>(), values.get<double>() * bytes / 1e6});
  return table;
}

}  // namespace

std::vector<Table> serve_tables(const Json& document) {
  return {times_table(document), experts_table(document), caches_table(document),
          parameters_table(document)};
}

}  // namespace moesim

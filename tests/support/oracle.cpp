// Implements the comparison with oracle files.
#include "tests/support/oracle.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace moesim::testing {
namespace {

// "grad_aux/z_loss/x" -> "gradient"
std::string kind_of(const std::string& array) {
  const std::string first = array.substr(0, array.find('/'));
  if (first == "grad" || first == "grad_aux") return "gradient";
  return first == "aux" ? "loss" : first;
}

// "[1, 0, 3]" of entry i.
std::string position(const std::vector<index>& dims, index i) {
  std::vector<std::string> at(dims.size());
  for (std::size_t axis = dims.size(); axis-- > 0; i /= dims[axis])
    at[axis] = std::to_string(i % dims[axis]);
  return "[" + joined(at) + "]";
}

}  // namespace

Oracle::Oracle(const std::filesystem::path& path, OracleTally& tally) : path_(path), tally_(tally) {
  OracleFile file = read_oracle(path);
  arrays_ = std::move(file.arrays);
  for (const auto& [key, value] : file.numbers)
    if (key.rfind("hp_", 0) == 0) hps_[key.substr(3)].number = value;
  for (const auto& [key, value] : file.texts)
    if (key.rfind("hp_", 0) == 0) hps_[key.substr(3)].text = value;
}

std::string Oracle::name() const {
  return (path_.parent_path().filename() / path_.filename()).string();
}

double Oracle::number(const std::string& key) const {
  const auto found = hps_.find(key);
  if (found == hps_.end()) fail(Exit::data, "there is no hp_" + key);
  if (!found->second.text.empty()) fail(Exit::data, "hp_" + key + " is not a number");
  return found->second.number;
}

index Oracle::integer(const std::string& key) const {
  return static_cast<index>(std::llround(number(key)));
}

std::string Oracle::text(const std::string& key) const {
  const auto found = hps_.find(key);
  if (found == hps_.end()) fail(Exit::data, "there is no hp_" + key);
  return found->second.text;
}

std::vector<std::string> Oracle::below(const std::string& prefix) const {
  std::vector<std::string> names;
  for (const auto& [name, array] : arrays_)
    if (name.rfind(prefix, 0) == 0) names.push_back(name);
  return names;
}

const StoredArray& Oracle::stored(const std::string& array) {
  const auto found = arrays_.find(array);
  if (found == arrays_.end()) fail(Exit::data, "there is no " + array);
  used_.insert(array);
  return found->second;
}

const StoredArray& Oracle::input(const std::string& array) { return stored(array); }

std::vector<real> Oracle::values(const std::string& array) {
  const StoredArray& from = stored(array);
  return {from.values.begin(), from.values.end()};
}

std::vector<std::int32_t> Oracle::integers(const std::string& array) {
  std::vector<std::int32_t> result;
  for (const double value : stored(array).values)
    result.push_back(static_cast<std::int32_t>(value));
  return result;
}

Tensor Oracle::tensor(const std::string& array, Shape shape, Backend& backend) {
  return Tensor::of(shape, values(array), backend);
}

void Oracle::compare(const std::string& array, const std::vector<double>& got, double rtol,
                     double atol) {
  const StoredArray& want = stored(array);
  if (got.size() != want.values.size()) {
    require(false, fmt::format("{}: {} values, stored are {}", array, got.size(), want.size()));
    return;
  }
  double& worst = tally_.worst[kind_of(array)];
  index bad = 0, at = 0;
  double excess = 0;
  for (index i = 0; i < want.size(); ++i) {
    const double a = got[static_cast<std::size_t>(i)], b = want.values[static_cast<std::size_t>(i)];
    const double error = std::abs(a - b), allowed = atol + rtol * std::abs(b);
    const double relative = error / std::max(1.0, std::abs(b));
    if (std::isnan(relative) || relative > worst) worst = relative;
    if (error <= allowed) continue;  // false for NaN
    ++bad;
    const double beyond = std::isnan(error) ? INFINITY : error - allowed;
    if (bad == 1 || beyond > excess) excess = beyond, at = i;
  }
  require(bad == 0,
          bad == 0 ? ""
                   : fmt::format("{}{}: {:.17g}, stored is {:.17g} (rtol {:g}, atol {:g}; {} of {} "
                                 "values differ)",
                                 array, position(want.dims, at), got[static_cast<std::size_t>(at)],
                                 want.values[static_cast<std::size_t>(at)], rtol, atol, bad,
                                 want.size()));
}

void Oracle::compare(const std::string& array, const std::vector<double>& got) {
  if (kDouble)
    compare(array, got, 1e-10, 1e-12);
  else
    compare(array, got, 1e-4, 1e-5);
}

void Oracle::compare(const std::string& array, const Tensor& got) {
  const std::vector<real> values = got.to_host();
  compare(array, {values.begin(), values.end()});
}

void Oracle::compare_in_double(const std::string& array, const std::vector<double>& got) {
  compare(array, got, 1e-10, 1e-12);
}

void Oracle::compare_exactly(const std::string& array, const std::vector<double>& got) {
  compare(array, got, 0, 0);
}

void Oracle::require(bool holds, const std::string& message) {
  if (holds)
    SUCCEED();
  else
    FAIL_CHECK(name() + ": " + message);
}

void Oracle::excuse(const std::string& prefix) {
  for (const std::string& array : below(prefix)) used_.insert(array);
}

void Oracle::set_apart(const std::string& reason) {
  tally_.apart[reason].push_back(path_.stem().string());
  apart_ = true;
}

void Oracle::finish() {
  if (apart_) return;
  ++tally_.cases;
  std::vector<std::string> left;
  for (const auto& [array, values] : arrays_)
    if (used_.count(array) == 0) left.push_back(array);
  require(left.empty(), "stored, but neither used nor compared: " + joined(left));
}

const std::vector<std::string>& oracle_families() {
  static const std::vector<std::string> families = {"soft_moe_paper",
                                                    "soft_moe_fkodom",
                                                    "soft_moe_bwconrad",
                                                    "soft_moe_lucidrains",
                                                    "deepspeed_gates",
                                                    "tutel_bpr",
                                                    "st_moe_lucidrains",
                                                    "mot",
                                                    "expert_choice_paper",
                                                    "expert_choice_llmrandom",
                                                    "switch_hf",
                                                    "mixtral_hf",
                                                    "gshard_top2_lucidrains",
                                                    "token_choice_llmrandom",
                                                    "megablocks_router",
                                                    "vmoe_topk_bpr",
                                                    "shazeer_noisy_topk",
                                                    "lory",
                                                    "smear",
                                                    "deepseek_v3",
                                                    "megatron_topk",
                                                    "remoe",
                                                    "hierarchical_lucidrains",
                                                    "quantile_balancing",
                                                    "deepseek_v4",
                                                    "longcat_zero_expert",
                                                    "balance_scopes",
                                                    "moe_plus_plus",
                                                    "latent_moe",
                                                    "xmoe_cosine",
                                                    "dselect_k",
                                                    "peer",
                                                    "moa",
                                                    "switchhead",
                                                    "moh",
                                                    "mod",
                                                    "loramoe",
                                                    "mixlora",
                                                    "sinkhorn_megatron",
                                                    "sinkhorn_lucidrains",
                                                    "base_layer",
                                                    "densemixer",
                                                    "default_moe",
                                                    "sparsemixer",
                                                    "top_p",
                                                    "token_rounding",
                                                    "aux_losses",
                                                    "metrics"};
  return families;
}

std::filesystem::path oracle_folder() {
  const char* folder = std::getenv("MOESIM_ORACLES");
  return folder == nullptr ? "" : folder;
}

std::vector<std::filesystem::path> oracle_files(const std::string& family) {
  std::vector<std::filesystem::path> files;
  const std::filesystem::path folder = oracle_folder() / family;
  if (!std::filesystem::is_directory(folder)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".h5") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

void check_oracles(const std::string& family, void (*check)(Oracle&)) {
  const auto& known = oracle_families();
  REQUIRE(std::find(known.begin(), known.end(), family) != known.end());
  if (oracle_folder().empty()) {
    fmt::print("oracle {}: skipped: MOESIM_ORACLES is not set\n", family);
    SUCCEED();
    return;
  }
  OracleTally tally;
  const auto files = oracle_files(family);
  if (files.empty())
    fmt::print("oracle {}: nothing in {}\n", family, (oracle_folder() / family).string());
  for (const auto& path : files) {
    const std::string name = family + "/" + path.filename().string();
    try {
      Oracle oracle(path, tally);
      check(oracle);
      oracle.finish();
    } catch (const std::exception& error) {
      FAIL_CHECK(name << ": " << error.what());
    }
  }
  std::string line =
      fmt::format("oracle {}: {} case{}", family, tally.cases, tally.cases == 1 ? "" : "s");
  for (const auto& [kind, error] : tally.worst)
    line += fmt::format(", worst {} {:.1e}", kind, error);
  for (const auto& [reason, cases] : tally.apart)
    line += fmt::format("; {} {}: {}", cases.size(), reason, joined(cases));
  fmt::print("{} [{}]\n", line, kDouble ? "double" : "float");
  std::fflush(stdout);
}

}  // namespace moesim::testing

#include "experiments/import/megatron_record.hpp"

#include "experiments/import/foreign_trace.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <set>

namespace moesim {
namespace {

// Keeps the members of a record while it is parsed, so that the arrays of a line take 4 bytes per
// number and others none.
class RecordReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  MegatronRecord record;
  std::int64_t rows = -1;  // of top_indices
  std::string problem;

  bool null() override { return scalar(); }
  bool boolean(bool) override { return scalar(); }
  bool number_integer(number_integer_t value) override { return number(value); }
  bool number_unsigned(number_unsigned_t value) override {
    return number(value > static_cast<number_unsigned_t>(INT64_MAX)
                      ? INT64_MAX
                      : static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t, const string_t&) override { return scalar(); }
  bool binary(binary_t&) override { return scalar(); }
  bool string(string_t& value) override {
    if (depth_ == 1 && key_ == "block") return record.block = value, true;
    if (depth_ == 1 && key_ == "stage")
      return value == "pre_dispatch" ||
             bad("stage: expected pre_dispatch, found '" + config::printable(value) + "'");
    return scalar();
  }
  bool start_object(std::size_t) override {
    if (depth_ == 0) is_object_ = true;
    return in_indices() ? bad("top_indices: expected arrays of integers") : begin();
  }
  bool end_object() override { return --depth_, true; }
  bool start_array(std::size_t) override {
    if (depth_ == 0) return bad("expected a JSON object, found an array");
    if (depth_ == 1 && key_ == "top_indices") return rows = 0, begin();
    if (depth_ == 1 && number_named(key_) != nullptr) return bad(key_ + ": expected an integer");
    if (in_indices() && depth_ == 3) return bad("top_indices: expected two axes, found three");
    if (in_indices()) ++rows, row_ = record.experts.size();
    return begin();
  }
  bool end_array() override {
    --depth_;
    if (!in_indices() || depth_ != 2) return true;
    const auto size = static_cast<std::int64_t>(record.experts.size() - row_);
    if (rows == 1) width_ = size;
    return size == width_ || bad(fmt::format("top_indices: token {} has {} experts, token 0 has {}",
                                             rows - 1, size, width_));
  }
  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    key_ = name;
    return seen_.insert(name).second || bad("'" + config::printable(name) + "' is there twice");
  }
  bool parse_error(std::size_t at, const std::string&,
                   const nlohmann::detail::exception&) override {
    return bad(fmt::format("broken JSON at byte {}", at));
  }

  bool is_object() const { return is_object_; }
  std::int64_t width() const { return width_; }

 private:
  bool bad(const std::string& what) {
    if (problem.empty()) problem = what;
    return false;
  }
  bool begin() { return ++depth_ < kDeepest || bad("nested too deep"); }
  bool in_indices() const { return depth_ > 1 && key_ == "top_indices"; }
  std::int64_t* number_named(const std::string& name) {
    return name == "step"         ? &record.step
           : name == "layer"      ? &record.layer
           : name == "rank"       ? &record.rank
           : name == "num_tokens" ? &record.tokens
           : name == "topk"       ? &record.k
                                  : nullptr;
  }
  bool scalar() {
    if (in_indices()) return bad("top_indices: expected integers");
    if (depth_ == 1 && number_named(key_) != nullptr) return bad(key_ + ": expected an integer");
    return true;
  }
  bool number(std::int64_t value) {
    if (in_indices()) {
      if (depth_ != 3) return bad("top_indices: expected an array of experts for every token");
      if (value < 0 || value >= kMostForeignExperts)
        return bad(fmt::format("top_indices: token {}: expected an expert from 0 to {}, found {}",
                               rows - 1, kMostForeignExperts - 1, value));
      record.experts.push_back(static_cast<std::int32_t>(value));
      return true;
    }
    std::int64_t* const to = depth_ == 1 ? number_named(key_) : nullptr;
    if (to == nullptr) return scalar();
    *to = value;
    return (value >= 0 && value <= INT64_MAX >> 1) ||
           bad(fmt::format("{}: expected a number from 0, found {}", key_, value));
  }

  static constexpr int kDeepest = 32;

  int depth_ = 0;
  bool is_object_ = false;
  std::string key_;
  std::set<std::string> seen_;
  std::size_t row_ = 0;  // where the current token's experts begin
  std::int64_t width_ = 0;
};

}  // namespace

MegatronRecord megatron_record(const std::string& where, std::string_view line) {
  RecordReader reader;
  const auto refuse = [&](const std::string& what) { fail(Exit::data, where + ": " + what); };
  const bool whole = nlohmann::json::sax_parse(line.begin(), line.end(), &reader);
  if (!whole) refuse(reader.problem.empty() ? "broken JSON" : reader.problem);
  if (!reader.is_object()) refuse("expected a JSON object");
  const MegatronRecord& record = reader.record;
  for (const auto& [name, value] :
       {std::pair{"step", record.step}, std::pair{"layer", record.layer},
        std::pair{"rank", record.rank}, std::pair{"num_tokens", record.tokens},
        std::pair{"topk", record.k}, std::pair{"top_indices", reader.rows}})
    if (value < 0)
      refuse(
          fmt::format("expected the member {}, as Megatron-Core's --moe-routing-trace-path "
                      "writes it, found none",
                      name));
  if (reader.rows != record.tokens)
    refuse(fmt::format("top_indices: expected {} tokens, as num_tokens says, found {}",
                       record.tokens, reader.rows));
  if (record.tokens == 0) refuse("expected at least one token, found none");
  if (reader.width() != record.k || record.k == 0)
    refuse(fmt::format("top_indices: expected {} experts per token, as topk says, found {}",
                       record.k, reader.width()));
  return std::move(reader.record);
}

}  // namespace moesim

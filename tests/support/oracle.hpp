// Reads oracle files ($MOESIM_ORACLES/<family>/<case>.h5: inputs, weights, outputs, losses and
// gradients of published implementations) and compares results with them.
//
// A file is compared completely: every stored array must be used as an input, compared, or excused
// by name; any other array is a failure.
#pragma once

#include "sim/core/tensor.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace moesim::testing {

// A stored array; integers and masks are exact as doubles.
struct StoredArray {
  std::vector<index> dims;
  std::vector<double> values;
  std::string layout;  // "[out,in]", ...; without blanks
  index size() const { return static_cast<index>(values.size()); }
};

// Summary of one family, for the printed line.
struct OracleTally {
  int cases = 0;
  std::map<std::string, double> worst;  // by kind: "y", "routing", "loss", "gradient"
  std::map<std::string, std::vector<std::string>> apart;  // reason -> cases that were not compared
};

class Oracle {
 public:
  Oracle(const std::filesystem::path& path, OracleTally& tally);

  std::string name() const;  // "mot/c2.h5"
  // Hyperparameters, hp_<key>.
  bool has_hp(const std::string& key) const { return hps_.count(key) > 0; }
  index integer(const std::string& key) const;
  double number(const std::string& key) const;
  std::string text(const std::string& key) const;

  bool has(const std::string& array) const { return arrays_.count(array) > 0; }
  std::vector<std::string> below(const std::string& prefix) const;  // names of arrays
  // An array as input; counts as used.
  const StoredArray& input(const std::string& array);
  std::vector<real> values(const std::string& array);
  std::vector<std::int32_t> integers(const std::string& array);
  Tensor tensor(const std::string& array, Shape shape, Backend& backend);

  // Within rtol 1e-10 and atol 1e-12 in double, 1e-4 and 1e-5 in float. The kind of an array is the
  // first part of its name.
  void compare(const std::string& array, const std::vector<double>& got);
  void compare(const std::string& array, const Tensor& got);
  // Indices, counts and masks.
  void compare_exactly(const std::string& array, const std::vector<double>& got);
  // Numbers that are double in both builds.
  void compare_in_double(const std::string& array, const std::vector<double>& got);
  // Reports any other disagreement with the file.
  void require(bool holds, const std::string& message);
  // Excuses an array from comparison, with the reason.
  void excuse(const std::string& prefix);
  // Marks a case of a kind that the family's check does not compare; it is counted separately.
  void set_apart(const std::string& reason);

  void finish();  // fails if an array was not used

 private:
  struct Hyperparameter {
    double number = 0;
    std::string text;
  };
  const StoredArray& stored(const std::string& array);
  void compare(const std::string& array, const std::vector<double>& got, double rtol, double atol);

  std::filesystem::path path_;
  OracleTally& tally_;
  std::map<std::string, Hyperparameter> hps_;
  std::map<std::string, StoredArray> arrays_;
  std::set<std::string> used_;
  bool apart_ = false;
};

// The families that are compared here.
const std::vector<std::string>& oracle_families();
// Returns $MOESIM_ORACLES, or "".
std::filesystem::path oracle_folder();
// Returns the cases of a family, in order of name.
std::vector<std::filesystem::path> oracle_files(const std::string& family);

// Runs `check` on every case of the family and prints the summary; prints that the family is
// skipped without $MOESIM_ORACLES.
void check_oracles(const std::string& family, void (*check)(Oracle&));

}  // namespace moesim::testing

#include "sim/record/decode.hpp"

#include "sim/core/error.hpp"
#include "sim/record/axes.hpp"
#include "sim/record/block.hpp"
#include "sim/record/opened.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

namespace moesim {

using hdf5::Extent;
using hdf5::Opened;

RunFile decode(const std::string& path, Traces traces) {
  const hdf5::Quiet quiet;
  const Opened file(path);
  Budget budget(declarable_bytes(std::filesystem::file_size(path)));
  RunFile run;
  file.read_attributes(run, {}, budget, Opened::Settings::none);
  for (const std::string& name : file.names()) {
    if (traces == Traces::without && name.starts_with("trace_")) continue;
    const auto dataset = file.open(name);
    if (!dataset) continue;
    Variable variable = file.describe(*dataset, budget, Extent::whole);
    const std::int64_t count = count_of(variable.shape);
    if (variable.type == Variable::Type::text) {
      variable.texts = hdf5::read_texts(dataset->handle, static_cast<std::uint64_t>(count), budget);
    } else {
      variable.values.reserve(static_cast<std::size_t>(count));
      hdf5::each_slice(*dataset, variable, 1, [&](std::int64_t first, std::int64_t rows) {
        const std::vector<double> slice = hdf5::read_values(*dataset, variable, first, rows);
        variable.values.insert(variable.values.end(), slice.begin(), slice.end());
      });
    }
    run.put(std::move(variable));
  }
  axes_of(run.variables());
  return run;
}

namespace {

// Checks that the variables of an excerpt agree on the lengths of their dimensions.
class Lengths {
 public:
  Lengths(const Opened& file, Budget& budget) : file_(file), budget_(budget) {}

  void check(const Variable& variable) {
    for (std::size_t i = 0; i < variable.dims.size(); ++i) {
      const std::string& dim = variable.dims[i];
      const auto [known, is_new] =
          known_.try_emplace(dim, Length{variable.shape[i], variable.name});
      if (is_new && dim != variable.name) take_labels(dim, known->second);
      if (known->second.size != variable.shape[i])
        fail_in("run file", "dimension " + dim + " is " + std::to_string(known->second.size) +
                                " long in " + known->second.variable + " and " +
                                std::to_string(variable.shape[i]) + " in " + variable.name);
    }
  }

 private:
  struct Length {
    std::int64_t size;
    std::string variable;
  };

  void take_labels(const std::string& dim, Length& length) {
    const auto labels = file_.open(dim);
    if (!labels) return;
    const Variable described = file_.describe(*labels, budget_, Extent::part);
    if (described.dims.size() == 1 && described.dims[0] == dim) length = {described.shape[0], dim};
  }

  const Opened& file_;
  Budget& budget_;
  std::map<std::string, Length> known_;
};

}  // namespace

RunFile decode(const std::string& path, const Excerpt& excerpt) {
  const hdf5::Quiet quiet;
  const Opened file(path);
  Budget budget(kMaxExcerpt);
  Lengths lengths(file, budget);
  RunFile run;
  file.read_attributes(run, excerpt.attributes, budget, Opened::Settings::none);
  for (const auto& [name, most] : excerpt.last_rows) {
    const auto dataset = file.open(name);
    if (!dataset) continue;
    Variable variable = file.describe(*dataset, budget, Extent::part);
    if (variable.shape.empty()) continue;
    lengths.check(variable);
    if (variable.type == Variable::Type::text) {
      // Labels are few: read all of them or none.
      const std::int64_t count = count_of(variable.shape);
      if (count > most) continue;
      budget.charge(bytes_of(variable.shape, sizeof(char*), budget));
      variable.texts = hdf5::read_texts(dataset->handle, static_cast<std::uint64_t>(count), budget);
      variable.growing = false;
      run.put(std::move(variable));
      continue;
    }
    const std::int64_t all = variable.shape[0];
    const auto from = excerpt.first_row.find(name);
    const bool placed = from != excerpt.first_row.end();
    const std::int64_t start = placed ? std::clamp<std::int64_t>(from->second, 0, all) : 0;
    const std::int64_t rows = std::min(all - start, most), first = placed ? start : all - rows;
    std::vector<std::int64_t> shape = variable.shape;
    shape[0] = rows;
    budget.charge(bytes_of(shape, sizeof(double), budget));
    variable.values = hdf5::read_values(*dataset, variable, first, rows);
    variable.shape = std::move(shape);
    variable.growing = false;
    run.put(std::move(variable));
  }
  return run;
}

}  // namespace moesim

#include "sim/record/decode.hpp"

#include "sim/record/axes.hpp"
#include "sim/record/block.hpp"
#include "sim/record/opened.hpp"

#include <algorithm>
#include <filesystem>

namespace moesim {

using hdf5::Extent;
using hdf5::Opened;

RunFile decode(const std::string& path) {
  const hdf5::Quiet quiet;
  const Opened file(path);
  Budget budget(declarable_bytes(std::filesystem::file_size(path)));
  RunFile run;
  file.read_attributes(run, {}, budget);
  for (const std::string& name : file.names()) {
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

RunFile decode(const std::string& path, const Excerpt& excerpt) {
  const hdf5::Quiet quiet;
  const Opened file(path);
  Budget budget(kMaxExcerpt);
  RunFile run;
  file.read_attributes(run, excerpt.attributes, budget);
  for (const auto& [name, most] : excerpt.last_rows) {
    const auto dataset = file.open(name);
    if (!dataset) continue;
    Variable variable = file.describe(*dataset, budget, Extent::part);
    if (variable.shape.empty()) continue;
    if (variable.type == Variable::Type::text) {
      // Labels are few, and read whole or not at all.
      const std::int64_t count = count_of(variable.shape);
      if (count > most) continue;
      budget.charge(bytes_of(variable.shape, sizeof(char*), budget));
      variable.texts = hdf5::read_texts(dataset->handle, static_cast<std::uint64_t>(count), budget);
      variable.growing = false;
      run.put(std::move(variable));
      continue;
    }
    const std::int64_t all = variable.shape[0], rows = std::min(all, most);
    std::vector<std::int64_t> shape = variable.shape;
    shape[0] = rows;
    budget.charge(bytes_of(shape, sizeof(double), budget));
    variable.values = hdf5::read_values(*dataset, variable, all - rows, rows);
    variable.shape = std::move(shape);
    variable.growing = false;
    run.put(std::move(variable));
  }
  return run;
}

}  // namespace moesim

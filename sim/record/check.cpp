// Verifies every value of a run file against its digest, slice by slice.
#include "sim/config/resolved.hpp"
#include "sim/config/typed.hpp"
#include "sim/core/error.hpp"
#include "sim/record/axes.hpp"
#include "sim/record/block.hpp"
#include "sim/record/decode.hpp"
#include "sim/record/digest.hpp"
#include "sim/record/opened.hpp"
#include "sim/record/trace_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace moesim {
namespace {

using hdf5::Extent;
using hdf5::Opened;

// A variable with its dataset. Texts are in memory, numbers are not.
struct Part {
  Opened::Dataset dataset;
  Variable variable;
};

std::vector<Part> parts_of(const Opened& file, Budget& numbers, Budget& texts) {
  std::vector<Part> parts;
  for (const std::string& name : file.names()) {
    auto dataset = file.open(name);
    if (!dataset) continue;
    Variable variable = file.describe(*dataset, numbers, Extent::whole);
    if (variable.type == Variable::Type::text)
      variable.texts = hdf5::read_texts(
          dataset->handle, static_cast<std::uint64_t>(count_of(variable.shape)), texts);
    parts.push_back({std::move(*dataset), std::move(variable)});
  }
  return parts;
}

// A variable that holds the rows of one slice only.
Variable slice_of(const Part& part, std::int64_t first, std::int64_t rows) {
  Variable slice = part.variable;
  if (!slice.shape.empty()) slice.shape[0] = rows;
  slice.values = hdf5::read_values(part.dataset, part.variable, first, rows);
  return slice;
}

hid_t native_of(Variable::Type type) {
  switch (type) {
    case Variable::Type::float32:
      return H5T_NATIVE_FLOAT;
    case Variable::Type::int32:
      return H5T_NATIVE_INT32;
    case Variable::Type::int64:
      return H5T_NATIVE_INT64;
    case Variable::Type::uint8:
      return H5T_NATIVE_UINT8;
    default:
      return H5T_NATIVE_DOUBLE;
  }
}

// Appends the leaves of a slice of whole blocks.
void add_leaves(Sha256& sum, const Part& part, std::int64_t first, std::int64_t rows) {
  const Variable& variable = part.variable;
  const auto row = static_cast<std::size_t>(row_values(variable.shape)) * bytes_each(variable.type);
  std::string stored(static_cast<std::size_t>(rows) * row, '\0');
  if (stored.empty()) return;
  hdf5::read_rows(part.dataset.handle, variable.shape, first, rows, native_of(variable.type),
                  stored.data());
  const std::size_t block = static_cast<std::size_t>(block_rows(variable.shape)) * row;
  for (std::size_t at = 0; at < stored.size(); at += block)
    sum.add(leaf_of(std::string_view(stored).substr(at, block)));
}

std::string digest_of(const RunFile& run, std::vector<const Part*> parts) {
  const bool by_blocks = run.attributes().count(kDigest) > 0;
  std::sort(parts.begin(), parts.end(),
            [](const auto* a, const auto* b) { return a->variable.name < b->variable.name; });
  Sha256 sum;
  add_attributes(sum, run.attributes());
  for (const Part* part : parts) {
    const Variable& variable = part->variable;
    add_description(sum, variable);
    if (variable.type == Variable::Type::text) continue;
    const std::int64_t block = block_rows(variable.shape);
    hdf5::each_slice(part->dataset, variable, block, [&](std::int64_t first, std::int64_t rows) {
      if (by_blocks) return add_leaves(sum, *part, first, rows);
      const Variable slice = slice_of(*part, first, rows);
      const bool narrow = variable.type == Variable::Type::float32;
      sum.add(narrow ? stored_values(slice, 0, slice.values.size())
                     : std::string_view(reinterpret_cast<const char*>(slice.values.data()),
                                        slice.values.size() * sizeof(double)));
    });
  }
  return sum.hex();
}

void check_records(const RunFile& run, const std::vector<Part>& parts) {
  for (const auto& [dim, names] : conserved_families()) {
    std::vector<const Part*> family;
    const Part* widest = nullptr;
    for (const std::string& name : names) {
      const auto found = std::find_if(parts.begin(), parts.end(),
                                      [&](const Part& part) { return part.variable.name == name; });
      if (found == parts.end()) continue;
      const std::vector<std::int64_t>& shape = found->variable.shape;
      if (shape.empty()) continue;
      family.push_back(&*found);
      if (widest == nullptr || row_values(shape) > row_values(widest->variable.shape))
        widest = &*found;
    }
    if (widest == nullptr) continue;
    hdf5::each_slice(widest->dataset, widest->variable, 1,
                     [&](std::int64_t first, std::int64_t rows) {
                       RunFile some;
                       const auto kind = run.attributes().find("plan_kind");
                       if (kind != run.attributes().end())
                         some.attribute("plan_kind", kind->second);
                       for (const Part* part : family) some.put(slice_of(*part, first, rows));
                       check_conservation(some, first);
                     });
  }
}

const Part* part_of(const std::vector<Part>& parts, const std::string& name, std::size_t rank) {
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const Part& part) {
    return part.variable.name == name && part.variable.shape.size() == rank;
  });
  return found == parts.end() ? nullptr : &*found;
}

std::vector<double> rows_of(const Part& part, std::int64_t first, std::int64_t rows) {
  return hdf5::read_values(part.dataset, part.variable, first, rows);
}

// The variables of traces, and of the records that they are compared with; null: absent.
struct TraceParts {
  const Part *steps, *begin, *token, *choice, *served, *domain, *loss;
  const Part *record, *demand, *load, *dropped;
};

// The rows of a layer: tokens, choices.
void check_rows(const TraceParts& parts, const std::vector<double>& begin, ChoiceCheck check,
                std::int64_t step, std::int64_t layer) {
  constexpr std::int64_t kSlice = 1 << 20;
  const auto last = static_cast<std::int64_t>(begin.back());
  for (auto first = static_cast<std::int64_t>(begin.front()); first < last; first += kSlice) {
    const std::int64_t rows = std::min(kSlice, last - first);
    const std::vector<double> token = rows_of(*parts.token, first, rows),
                              choice = rows_of(*parts.choice, first, rows);
    for (std::size_t i = 0; i < token.size(); ++i)
      if (const char* problem = check.problem(token[i], choice[i]); *problem != '\0')
        fail(Exit::internal,
             fmt::format("the trace of step {}, layer {}: {}", step, layer, problem));
  }
}

// Compares a layer with the record of its step, which is row `row` of the records.
void compare_layer(const TraceParts& parts, TracedLayer one, std::int64_t row) {
  const auto own = static_cast<std::size_t>(one.layer);
  const auto part = [&](const Part& of, std::size_t each) {
    const std::vector<double> all = rows_of(of, row, 1);
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(own * each);
    return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(each));
  };
  one.demand = part(*parts.demand, one.begin.size() - 1);
  one.load = part(*parts.load, one.begin.size() - 1);
  one.dropped = part(*parts.dropped, 1).front();
  const auto first = static_cast<std::int64_t>(one.begin.front());
  one.served = rows_of(*parts.served, first, static_cast<std::int64_t>(one.begin.back()) - first);
  check_trace(one);
}

// The tokens of a trace, checked.
std::int64_t tokens_of(const RunFile& run, const std::vector<Part>& parts, std::int64_t rows) {
  std::vector<std::pair<std::string, std::int64_t>> arrays;
  for (const char* name : kTokenArrays)
    if (const Part* part = part_of(parts, name, 2))
      arrays.emplace_back(name, part->variable.shape[1]);
  const std::int64_t tokens = traced_sizes(run, arrays).tokens;
  if (arrays.empty()) check_unlisted_tokens(tokens, rows);
  return tokens;
}

// Checks that the rows of traces are possible, and compares those of steps that are recorded, too,
// with their records.
void check_traces(const RunFile& run, const std::vector<Part>& parts) {
  if (run.text("trace_rows") != "tokens") return;
  const TraceParts of{part_of(parts, "trace_step", 1),   part_of(parts, "trace_begin", 3),
                      part_of(parts, "trace_token", 1),  part_of(parts, "trace_choice", 1),
                      part_of(parts, "trace_served", 1), part_of(parts, "trace_domain", 2),
                      part_of(parts, "trace_loss", 2),   part_of(parts, "record_step", 1),
                      part_of(parts, "demand", 3),       part_of(parts, "load", 3),
                      part_of(parts, "dropped", 2)};
  for (const Part* part : {of.steps, of.begin, of.served})
    if (part == nullptr) return;
  const bool records =
      of.record != nullptr && of.demand != nullptr && of.load != nullptr && of.dropped != nullptr;
  const Part* names = part_of(parts, "domain", 1);
  const std::int64_t layers = of.begin->variable.shape[1];
  const auto bounds = static_cast<std::size_t>(of.begin->variable.shape[2]);
  const std::vector<double> traced = rows_of(*of.steps, 0, of.steps->variable.shape[0]);
  const std::vector<double> recorded =
      records ? rows_of(*of.record, 0, of.record->variable.shape[0]) : std::vector<double>();
  const std::int64_t rows = of.served->variable.shape[0];
  const std::int64_t tokens = traced.empty() ? 0 : tokens_of(run, parts, rows);
  const std::int64_t k_max = rows == 0 ? 0 : traced_size(run, "trace_k_max");
  check_k_max(k_max, rows);
  double end = 0;  // of the trace before
  for (std::size_t t = 0; t < traced.size(); ++t) {
    const auto step = static_cast<std::int64_t>(traced[t]);
    const std::vector<double> places = rows_of(*of.begin, static_cast<std::int64_t>(t), 1);
    check_ascent(places, end, step);
    end = places.back();
    check_end(end, rows, step);
    if (of.loss != nullptr) check_losses(rows_of(*of.loss, static_cast<std::int64_t>(t), 1), step);
    if (of.domain != nullptr && names != nullptr)
      check_domains(rows_of(*of.domain, static_cast<std::int64_t>(t), 1),
                    names->variable.texts.size(), step);
    const auto found = std::find(recorded.begin(), recorded.end(), traced[t]);
    for (std::int64_t layer = 0; layer < layers; ++layer) {
      const auto first = places.begin() + static_cast<std::ptrdiff_t>(bounds) * layer;
      const std::vector<double> begin(first, first + static_cast<std::ptrdiff_t>(bounds));
      if (of.token != nullptr && of.choice != nullptr)
        check_rows(of, begin, ChoiceCheck(tokens, k_max), step, layer);
      if (found != recorded.end())
        compare_layer(
            of,
            {.step = step, .layer = layer, .begin = begin, .served = {}, .demand = {}, .load = {}},
            found - recorded.begin());
    }
  }
}

// Compares the attributes that repeat settings, which the digest does not cover, with `config`,
// which it does.
bool settings_hold(const RunFile& run) {
  const auto values = config::resolved_values(run.text("config"));
  return std::all_of(run.attributes().begin(), run.attributes().end(), [&](const auto& attribute) {
    const auto& [name, value] = attribute;
    if (!is_setting_name(name)) return true;
    const auto found = values.find(name);
    return found == values.end() ||  // not a setting: a user's annotation
           config::means(value, found->second);
  });
}

}  // namespace

RunFile decode_checked(const std::string& path) {
  const hdf5::Quiet quiet;
  const Opened file(path);
  Budget numbers(readable_bytes_of(std::filesystem::file_size(path))), texts(kMaxExcerpt);
  RunFile run;
  file.read_attributes(run, {}, texts, Opened::Settings::all);
  const std::string expected =
      run.text(run.attributes().count(kDigest) > 0 ? kDigest : kEarlierDigest);
  const std::string writer = file.writer();
  if (expected.empty() && writer.empty()) throw hdf5::Failure("damaged (it has no SHA-256)");
  const std::vector<Part> parts = parts_of(file, numbers, texts);
  std::vector<Variable> described;
  std::vector<const Part*> all;
  for (const Part& part : parts) {
    described.push_back(part.variable);
    all.push_back(&part);
  }
  axes_of(described);
  check_records(run, parts);
  check_traces(run, parts);
  const bool holds = expected == digest_of(run, all);
  if (!settings_hold(run) && writer.empty())
    throw hdf5::Failure("damaged (a setting among its attributes is not what its config says)");
  if (!holds && writer.empty()) throw hdf5::Failure("damaged (its SHA-256)");
  run.attribute(kRewrittenBy, writer);
  run.attribute(kDigestHolds, std::int64_t{holds});
  return run;
}

}  // namespace moesim

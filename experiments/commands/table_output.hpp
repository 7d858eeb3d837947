// Defines the options --format, --out and --json of commands that print one table.
#pragma once

#include "analysis/render/table.hpp"
#include "experiments/commands/arguments.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace moesim {

// Adds --format, --out and --json.
void add_table_output(Arguments& arguments);

// TableOutput is their values. Read it before the work: it refuses what cannot be written.
struct TableOutput {
  TableFormat format = TableFormat::text;
  std::string out;  // "": stdout

  // Throws Exit::usage, or Exit::output if --out is a file of a run.
  explicit TableOutput(const Arguments& arguments);
  // Notes of a CSV table go to stderr; on a terminal, notes are wrapped.
  void write(const Table& table) const;
  // Draws the table if --plot names a file; it is then written only if an option asks for it.
  void write_with_figure(const Table& table, const Arguments& arguments) const;
};

// The value of --step; none if it is not given.
std::optional<std::int64_t> step_of(const Arguments& arguments);

}  // namespace moesim

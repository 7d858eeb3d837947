// trace_figure() draws a table of `moesim analyze` or `moesim whatif`.
#pragma once

#include "analysis/figures/figure.hpp"
#include "analysis/render/table.hpp"

#include <cstddef>

namespace moesim {

// Throws Exit::usage for a table that is not drawn. most_panels: others are left out, which a note
// says.
Figure trace_figure(const Table& table, std::size_t most_panels);

// Maps of a number over what chance has, experts × experts or labels × experts; lines over layers,
// steps and capacity factors.
Figure trace_map(const Table& table, std::size_t most_panels);
// Maps of the weights of Soft MoE, and of tokens in experts.
Figure trace_grid(const Table& table, std::size_t most_panels);
Figure trace_lines(const Table& table, std::size_t most_panels);

}  // namespace moesim

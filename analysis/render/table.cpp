#include "analysis/render/table.hpp"

#include "analysis/render/formats.hpp"
#include "sim/core/error.hpp"

namespace moesim {

std::string render(const Table& table, const Rendering& rendering) {
  switch (rendering.format) {
    case TableFormat::text:
      return as_text(table);
    case TableFormat::csv:
      return as_csv(table);
    case TableFormat::md:
      return as_markdown(table);
    case TableFormat::latex:
      return as_latex(table, rendering);
    case TableFormat::html:
      return as_html(table, rendering);
    case TableFormat::json:
      return as_json(table);
  }
  fail_in("render", "no such format");
}

}  // namespace moesim

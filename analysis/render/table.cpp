#include "analysis/render/table.hpp"

#include "analysis/render/formats.hpp"
#include "sim/core/error.hpp"

namespace moesim {

std::string render(const Table& table, const Rendering& rendering) {
  switch (rendering.format) {
    case Format::text:
      return as_text(table);
    case Format::csv:
      return as_csv(table);
    case Format::md:
      return as_markdown(table);
    case Format::latex:
      return as_latex(table, rendering);
    case Format::html:
      return as_html(table, rendering);
    case Format::json:
      return as_json(table);
  }
  fail_in("render", "no such format");
}

}  // namespace moesim

// explorer_html() is the section of a report that shows a text with every token coloured by its
// expert. Without its script it shows the first layer.
#pragma once

#include "analysis/report/explored.hpp"
#include "analysis/report/parts.hpp"

#include <string>
#include <vector>

namespace moesim {

// number: of this text in the page, from 1.
std::string explorer_html(const ExploredText& text, std::size_t number);

// The section of all files that list assignments, of at most kMostTexts of them; files that cannot
// be read or list none are named in `left_out`.
inline constexpr std::size_t kMostTexts = 4;
ReportPart explorer_part(const std::vector<std::string>& files, const ExplorerLimits& limits = {});

}  // namespace moesim

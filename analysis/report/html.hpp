// Pieces of HTML.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moesim::html {

// html_text of several lines: '\n' and tabs stay.
std::string lines(std::string_view text);

// "<ul>" of items that are HTML; "" of none, <p> of one.
std::string list(const std::vector<std::string>& items);

// A fold: open in print, closed on the screen. The summary is text, the content HTML.
std::string fold(std::string_view summary, const std::string& content);

// A box that scrolls sideways if its content is wider than the page, and can be reached by
// keyboard. The label is text.
std::string scroll_box(std::string_view label, const std::string& content);

// Lower case letters, digits and '-' of a text: "Soft MoE, k = 2" is "soft-moe-k-2". At most 40;
// never empty.
std::string slug(std::string_view text);

// Ids and file names that are given once: "a", then "a-2".
class Names {
 public:
  std::string unique(std::string_view text);

 private:
  std::map<std::string, int> last_;
  std::set<std::string> taken_;
};

}  // namespace moesim::html

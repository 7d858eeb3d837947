// Page is a self-contained HTML document: style and script are embedded, and its content security
// policy forbids every request.
#pragma once

#include <string>
#include <vector>

namespace moesim::html {

struct Section {
  std::string id;       // unique in the page
  std::string title;    // text
  std::string content;  // HTML; empty: the section is left out
};

struct Page {
  std::string title;              // text
  std::vector<std::string> lead;  // lines of text below the title
  std::string generator;          // text: program and version
  std::vector<Section> sections;
};

// Returns the document. The same page gives the same bytes.
std::string document(const Page& page);

// The style sheet and the script of every page.
extern const char* const kStyle;
extern const char* const kScript;
// The script's hash in the content security policy; no other script can run.
extern const char* const kScriptHash;

}  // namespace moesim::html

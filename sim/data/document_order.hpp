// Arranges the documents of a text data set: near-duplicates are dropped, and the others follow one
// another as in the files, in a random order, or along a path of similar ones (Shi et al. 2024,
// In-Context Pretraining; Zhong et al. 2024, Lory, section 3.2).
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/corpus.hpp"
#include "sim/data/dataset.hpp"
#include "sim/data/documents.hpp"
#include "sim/data/text_part.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// At most so many documents are arranged.
inline constexpr index kMostDocuments = 200000;
// Neighbours of a document in the graph of the path.
inline constexpr index kNeighbours = 10;

enum class DocumentOrder { file, random, similar };
enum class Embedding { tfidf, words, domain };

// DocumentOptions says what to do with documents.
struct DocumentOptions {
  std::optional<DocumentRule> rule;  // none: texts are not split into documents
  DocumentOrder order = DocumentOrder::file, validation_order = DocumentOrder::file;
  Embedding embedding = Embedding::tfidf;
  double duplicates = 0.95;  // least similarity of a document that is dropped; 0: none
  index chain = 0;           // most documents of a chain; 0: no limit
};

// Declares and reads data.document and the options that need it.
DocumentOptions read_document_options(Options& options);

// WindowSize says which documents share a window.
struct WindowSize {
  index length;                                        // tokens of a window
  std::function<index(std::string_view text)> tokens;  // of a text
};

// Splits the texts of all domains into documents and makes one row of each split. Validation is
// `held_out`, the texts of the same domains, or, if there are none, of each domain the documents
// from the first on that starts after 1 - validation_fraction of its bytes: the same for every
// order. No document of validation is dropped. trained: by domain, false for those whose documents are
// not trained on; empty: all are. Fills in `info`, with windows as they are. Throws Exit::usage for too
// many documents, Exit::data for a domain with too few.
TextPart arranged(const std::vector<CorpusText>& texts, const std::vector<CorpusText>& held_out,
                  const DocumentOptions& options, double validation_fraction,
                  const WindowSize& windows, DocumentInfo& info,
                  const std::vector<bool>& trained = {});

}  // namespace moesim

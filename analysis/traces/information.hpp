// Information is the mutual information of the rows and columns of a contingency table, with its
// correction for small samples and its normalisations. In nats.
#pragma once

#include "analysis/traces/pair_counts.hpp"

namespace moesim {

struct Information {
  double total = 0;           // N, the number of pairs
  double rows = 0, cols = 0;  // that occur
  double cells = 0;           // pairs (row, column) that occur
  double row_entropy = 0;     // H(row) = log N - Σ n log n / N
  double col_entropy = 0;     // H(col)
  double joint_entropy = 0;   // H(row, col)

  // I(row; col) = H(row) + H(col) - H(row, col), by the plug-in estimate of each; at least 0.
  double plug_in() const;
  // The same with Miller's and Madow's (1955) correction of each entropy, (cells that occur - 1) / 2N:
  // I - (cells - rows - cols + 1) / 2N. If every cell occurs, that is I - (rows - 1) (cols - 1) / 2N.
  // It may be negative. It takes pairs to be independent draws.
  double miller_madow() const;
  double over_rows() const;     // I / H(row); 0 if H(row) is 0
  double over_smaller() const;  // I / min(H(row), H(col)); 0 if that is 0
  // H(col | row) = H(row, col) - H(row)
  double conditional() const { return joint_entropy - row_entropy; }
};

Information information_of(PairCounts& counts);

}  // namespace moesim

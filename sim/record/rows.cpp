#include "sim/record/rows.hpp"

#include "sim/record/block.hpp"
#include "sim/record/block_store.hpp"

#include <vector>

namespace moesim {

void move_blocks(RunFile& file, const std::shared_ptr<BlockStore>& store) {
  std::vector<Variable> variables = file.variables();
  for (Variable& variable : variables) {
    if (variable.blocks.empty()) continue;
    for (RowBlock& block : variable.blocks)
      block = store->add(block_key(variable), block.leaf, file.block_store()->read(block));
    file.put(std::move(variable));
  }
  file.keep_blocks(store);
}

void drop_last_row(RunFile& file, const std::string& dim) {
  std::vector<Variable> variables = file.variables();
  for (Variable& variable : variables) {
    if (variable.dims.empty() || variable.dims[0] != dim || variable.shape[0] == 0) continue;
    const auto row = static_cast<std::size_t>(row_values(variable.shape));
    if (variable.values.empty()) {  // the row is in the last finished block
      const auto each = static_cast<std::size_t>(block_rows(variable.shape)) * row;
      variable.values = numbers_of(unfiltered(file.block_store()->read(variable.blocks.back()),
                                              bytes_each(variable.type), each),
                                   variable.type);
      variable.blocks.pop_back();
    }
    variable.values.resize(variable.values.size() - row);
    --variable.shape[0];
    file.put(std::move(variable));
  }
}

}  // namespace moesim

#include "experiments/sweep/shared_documents.hpp"

#include "sim/core/error.hpp"

#include <map>
#include <string>

namespace moesim {

std::shared_ptr<DataCache> shared_documents(const std::vector<PlannedRun>& runs) {
  std::map<std::string, std::size_t> count;
  for (const PlannedRun& run : runs) ++count[DataCache::key_of(run.spec.settings)];
  auto data = std::make_shared<DataCache>();
  for (const PlannedRun& run : runs) {
    Settings settings = run.spec.settings;
    if (!settings.has("data.document") || count[DataCache::key_of(settings)] < 2) continue;
    try {
      data->get(settings);
    } catch (const Error&) {
      // The run reports it.
    }
  }
  return data;
}

}  // namespace moesim

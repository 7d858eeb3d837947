#include "sim/data/info_json.hpp"

#include "sim/core/error.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <type_traits>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

// Calls visit(name, member) for what is known of documents.
template <class Info, class Visit>
void each_count(Info& info, const Visit& visit) {
  auto& [documents, dropped, chains, similarity, random_similarity, window_similarity,
         random_window_similarity, one_domain] = info;
  visit("documents", documents);
  visit("dropped", dropped);
  visit("chains", chains);
  visit("similarity", similarity);
  visit("random_similarity", random_similarity);
  visit("window_similarity", window_similarity);
  visit("random_window_similarity", random_window_similarity);
  visit("one_domain", one_domain);
}

// Calls visit(name, member) for every member. A new member of DatasetInfo is a compile error here.
template <class Info, class Visit>
void each_member(Info& info, const Visit& visit) {
  auto& [length, vocabulary, features, classes, pairs, domains, train_size, validation_size,
         validation_rows, bayes_loss, bayes_loss_of_domain, entropy_rate_of_domain, unknown_train,
         unknown_validation, unknown_characters, bytes_per_token, documents, note, sha256,
         unigram] = info;
  visit("sha256", sha256);
  visit("length", length);
  visit("vocabulary", vocabulary);
  visit("features", features);
  visit("classes", classes);
  visit("pairs", pairs);
  visit("train_size", train_size);
  visit("validation_size", validation_size);
  visit("validation_rows", validation_rows);
  visit("domains", domains);
  visit("unigram", unigram);
  visit("bayes_loss", bayes_loss);
  visit("bayes_loss_of_domain", bayes_loss_of_domain);
  visit("entropy_rate_of_domain", entropy_rate_of_domain);
  visit("unknown_train", unknown_train);
  visit("unknown_validation", unknown_validation);
  visit("unknown_characters", unknown_characters);
  visit("bytes_per_token", bytes_per_token);
  visit("documents", documents);
  visit("note", note);
}

}  // namespace

static void to_json(Json& json, const DocumentInfo& info) {
  each_count(info, [&](const char* name, const auto& member) { json[name] = member; });
}

static void from_json(const Json& json, DocumentInfo& info) {
  each_count(info, [&](const char* name, auto& member) {  // earlier versions lack some
    if (json.contains(name)) json.at(name).get_to(member);
  });
}

Json to_json(const DatasetInfo& info) {
  Json json;
  each_member(info, [&](const char* name, const auto& member) { json[name] = member; });
  return json;
}

DatasetInfo dataset_info(const Json& json) {
  constexpr index kMost = index{1} << 48;
  DatasetInfo info;
  each_member(info, [&](const std::string& name, auto& member) {
    using Member = std::remove_reference_t<decltype(member)>;
    const bool required = std::is_same_v<Member, index> || name == "sha256";
    if (!required && !json.contains(name)) return;
    json.at(name).get_to(member);
    if constexpr (std::is_same_v<Member, index>)
      if (member < 0 || member > kMost) fail(Exit::data, name + " is out of range");
  });
  if (!info.unigram.empty() && static_cast<index>(info.unigram.size()) != info.vocabulary)
    fail(Exit::data, "as many counts as tokens are expected in unigram");
  return info;
}

}  // namespace moesim

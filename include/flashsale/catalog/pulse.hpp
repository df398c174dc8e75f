#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/catalog/unpaid_items.hpp"
#include "flashsale/catalog/upkeep.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/redis/sale_scripts.hpp"

namespace flashsale::catalog {

/// The process's pulse: one thread asks Redis about every sale each `interval` and hands the I/O threads a new
/// snapshot; a second one keeps the directory of sales, and the feature flags, equal to PostgreSQL's (told by the
/// directory version in Redis, and by looking a few times a second). What it finds out of step goes to Upkeep.
class Pulse {
 public:
  struct Options {
    postgres::Options postgres;
    redis::Options redis;
    std::chrono::milliseconds interval{100};
  };
  using Publish = std::function<void(std::shared_ptr<const Snapshot>)>;  ///< called on the pulse thread

  Pulse(Options options, Upkeep& upkeep, telemetry::Metrics& metrics);
  ~Pulse();
  void start(Publish publish);
  void stop();

  /// The directory may have moved: load it now. Any thread.
  void reload_directory();
  /// From Upkeep. Any thread.
  void offer_marks(SoldOutMarks marks);
  /// What /readyz and the metrics want to know. Any thread.
  [[nodiscard]] bool directory_loaded() const { return directory_loaded_.load(); }
  [[nodiscard]] std::chrono::milliseconds age() const;  ///< since the last pulse that Redis answered
  [[nodiscard]] bool postgres_reached() const;

 private:
  struct Mark {
    ItemState state;  ///< as of the last pulse
    std::shared_ptr<const OrderIdSet> ids;
    SteadyTime unsold_until{};          ///< whatever has come back since: until then by the clock here,
    TimePoint unsold_until_at_redis{};  ///< and until then by Redis's nothing of it is sold
  };
  struct Known {  ///< one sale between pulses; pulse thread only
    std::shared_ptr<const Sale> sale;
    std::shared_ptr<const SaleSnapshot> last;
    std::map<std::int32_t, Mark> marks;  ///< by item_no
    std::int64_t marks_epoch = 0;
    SteadyTime next_at{};
    SteadyTime all_items_at{};  ///< when the items are read whole again, whatever their state is called
    bool is_quiet = false;
  };

  void run_pulse();
  void run_directory();
  /// What was last heard of PostgreSQL: by this process, or by any, as Redis tells.
  struct Reach {
    std::string server;  ///< identity of the one that this is about; empty: of none
    std::int64_t version = 0;
    std::int64_t wal_position = 0;
    postgres::ServerMark mark{};
    [[nodiscard]] bool is_beyond(std::string_view now_server, const postgres::DirectoryChanges& now) const {
      return server == now_server && (version > now.version || wal_position > now.wal_position);
    }
  };
  [[nodiscard]] static Reach announced_reach(redis::SyncClient& client, const std::string& server);
  enum class Look : std::uint8_t { one_of_many, last };
  [[nodiscard]] Result<postgres::DirectoryChanges> load_directory(postgres::Session& session, redis::SyncClient& client,
                                                                  Look look);
  [[nodiscard]] postgres::ServerMark renewed_mark(postgres::Session& session, const postgres::DirectoryChanges& changes,
                                                  Look look);
  void take_mail();
  void adopt(const postgres::DirectoryChanges& changes);
  static void show_as_stored(SaleSnapshot& snapshot);
  void make_index();
  void adopt_marks(SoldOutMarks& marks);
  void beat(redis::SyncClient& client);
  bool ask(redis::SyncClient& client, std::vector<Known*>& due);
  [[nodiscard]] static redis::Command question(Known& known, SteadyTime now);
  void read_answer(Known& known, const redis::PulseReply& reply, const RedisClock& clock, std::string_view identity);
  [[nodiscard]] static bool read_levels(const std::vector<redis::PulseItem>& read, SaleSnapshot& snapshot);
  void attach_marks(Known& known, SaleSnapshot& snapshot);
  [[nodiscard]] static bool still_holds(const Mark& mark, const SaleSnapshot& snapshot, const ItemLevels& level);
  void mark_held(SaleSnapshot& snapshot) const;
  void ask_for_unpaid();
  void answer_unpaid(postgres::Session& session);
  void request_upkeep(const Known& known, const redis::PulseReply& reply, const SaleSnapshot& snapshot);
  void publish(const RedisClock& clock, bool reached);

  Options options_;
  Upkeep& upkeep_;
  telemetry::Metrics& metrics_;
  Publish publish_;

  // Directory thread only.
  Reach seen_;
  std::chrono::steady_clock::time_point unpaid_not_before_{};
  std::chrono::steady_clock::time_point mark_not_before_{};
  std::int64_t wal_begun_anew_from_ = 0;  ///< what was announced when it was answered: Redis may take no lower number

  // Pulse thread only.
  std::map<std::int32_t, Known> known_;
  std::int64_t directory_version_ = -1;
  std::shared_ptr<const Index> index_;
  std::shared_ptr<const FeatureFlags> flags_ = std::make_shared<const FeatureFlags>();
  bool directory_is_current_ = false;  ///< at the last beat
  std::string redis_identity_;
  std::string known_postgres_;
  std::uint64_t snapshots_published_ = 0;
  RedisClock clock_;

  UnpaidItems unpaid_items_;  // of any thread

  std::mutex mutex_;  // guards the mailboxes and the flags below
  std::condition_variable wake_;
  std::vector<postgres::DirectoryChanges> mail_;
  std::vector<SoldOutMarks> marks_mail_;
  std::string postgres_identity_;
  bool reload_ = false;
  bool stopping_ = false;

  std::atomic<bool> directory_loaded_{false};
  std::atomic<std::int64_t> postgres_reached_ns_{0};
  std::atomic<std::int64_t> last_answer_ns_{0};
  std::thread pulse_thread_;
  std::thread directory_thread_;
};

}  // namespace flashsale::catalog

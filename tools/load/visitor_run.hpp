#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "connection_pool.hpp"
#include "random.hpp"
#include "token_mint.hpp"
#include "visitors.hpp"

namespace flashsale::load {

/// Plays a crowd of visitors at a sale. Buyer n is visitor n; each names its own address, as a proxy would
/// (X-Forwarded-For). Once units are sold it has some orders cancelled, far enough apart that each is an event, and
/// tells those who watch when the catalog shows units again. One thread.
class VisitorRun : private ConnectionListener {
 public:
  struct Parameters {
    std::vector<Target> targets;
    std::string sale_id;
    std::string sku;
    std::uint64_t opening_ns = 0;  ///< by the clock of now_ns()
    std::uint64_t length_ns = 0;   ///< after it
    std::uint64_t seed = 0;
    const std::atomic<bool>* is_stopping = nullptr;
  };
  struct Counts {
    std::uint64_t checkouts = 0;
    std::uint64_t orders = 0;
    std::uint64_t refused = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t returns = 0;  ///< times that the catalog showed units again
  };

  VisitorRun(const Parameters& parameters, const std::vector<Visitor>& visitors, const TokenMint& tokens);
  void play();
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  enum class Act : std::uint8_t { check_out, look, cancel };
  struct Event {
    std::uint64_t due_ns = 0;
    std::uint32_t visitor = 0;
    Act act = Act::check_out;
    std::uint32_t key = 0;
    bool operator<(const Event& other) const { return due_ns > other.due_ns; }
  };
  /// How far a visitor has come.
  struct Progress {
    std::uint32_t keys = 0;
    unsigned tries = 0;
    unsigned under_way = 0;  ///< checkouts that are due or not answered yet
    bool has_order = false;
    bool is_watching = false;
  };
  struct Bought {
    std::uint32_t visitor = 0;
    std::string order_id;
  };

  void on_response(ConnectionIndex connection, const Response& response) override;
  void on_lost(ConnectionIndex connection, Outcome outcome) override;
  void try_once(std::uint32_t visitor, std::uint64_t at_ns);
  void try_again(std::uint32_t visitor, unsigned retry_after_s);
  void settle(std::uint32_t visitor, const Response* response);
  void look_at(std::string_view catalog);
  void send_due();
  void write_request(const Event& event, std::size_t target);

  Parameters parameters_;
  const std::vector<Visitor>& visitors_;
  const TokenMint& tokens_;
  Random random_;
  std::vector<Progress> progress_;
  std::vector<Event> flights_;  ///< by connection
  std::priority_queue<Event> events_;
  std::vector<Bought> bought_;
  std::optional<Bought> to_cancel_;
  std::optional<bool> was_available_;
  std::string request_;
  std::string body_;
  Counts counts_;
  ConnectionPool pool_;
};

}  // namespace flashsale::load

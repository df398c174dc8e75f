#include "open_connection.hpp"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "flashsale/postgres/connecting.hpp"

namespace flashsale::postgres {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{50};

std::atomic<Clock::rep> given_up_at{Clock::time_point::max().time_since_epoch().count()};
std::atomic<int> under_way{0};

bool is_given_up() { return Clock::now().time_since_epoch().count() >= given_up_at; }

/// What the thread that connects and the one that waits for it share.
struct Attempt {
  std::mutex mutex;
  std::condition_variable changed;
  std::unique_ptr<pqxx::connection> connection;
  std::exception_ptr failure;
  bool has_ended = false;
};

void connect(const std::string& parameters, Attempt& attempt) {
  std::unique_ptr<pqxx::connection> connection;
  std::exception_ptr failure;
  try {
    connection = std::make_unique<pqxx::connection>(parameters);
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(attempt.mutex);
  attempt.connection = std::move(connection);
  attempt.failure = std::move(failure);
  attempt.has_ended = true;
  attempt.changed.notify_all();
}

}  // namespace

void give_up_connecting_at(Clock::time_point moment) { given_up_at = moment.time_since_epoch().count(); }

bool is_still_connecting() { return under_way > 0; }

std::unique_ptr<pqxx::connection> open_connection(const std::string& parameters) {
  const auto attempt = std::make_shared<Attempt>();
  if (!is_given_up()) {
    ++under_way;
    try {
      std::thread([attempt = attempt, parameters]() mutable {
        connect(parameters, *attempt);
        attempt.reset();
        --under_way;
      }).detach();
    } catch (...) {
      --under_way;
      throw;
    }
  }
  std::unique_lock lock(attempt->mutex);
  while (!attempt->changed.wait_for(lock, kLook, [&] { return attempt->has_ended; })) {
    if (is_given_up()) throw pqxx::broken_connection("connection to server is given up: the process ends");
  }
  // Taken over whole: the thread that has connected lets go of the attempt at any moment.
  if (auto failure = std::exchange(attempt->failure, nullptr)) std::rethrow_exception(std::move(failure));
  return std::move(attempt->connection);
}

}  // namespace flashsale::postgres

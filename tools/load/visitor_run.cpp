#include "visitor_run.hpp"

#include <algorithm>

#include "clock.hpp"

namespace flashsale::load {
namespace {

constexpr std::size_t kConnectionsMax = 1024;
constexpr std::uint64_t kTimeoutNs = 10 * kSecondNs;
constexpr std::uint64_t kTurnNs = 5 * kMillisecondNs;
constexpr std::uint64_t kExpireEveryNs = 50 * kMillisecondNs;
/// As fast as a machine would look, without loading what it looks at.
constexpr std::uint64_t kLookEveryNs = 20 * kMillisecondNs;
/// Further apart than what the server calls a return of its own.
constexpr std::uint64_t kCancelEveryNs = 6500 * kMillisecondNs;
constexpr std::uint64_t kFirstCancelNs = 4 * kSecondNs;

std::uint64_t to_ns(double seconds) { return static_cast<std::uint64_t>(std::max(0.0, seconds) * 1e9); }

}  // namespace

VisitorRun::VisitorRun(const Parameters& parameters, const std::vector<Visitor>& visitors, const TokenMint& tokens)
    : parameters_(parameters),
      visitors_(visitors),
      tokens_(tokens),
      random_(~parameters.seed),
      progress_(visitors.size()),
      flights_(kConnectionsMax),
      body_("{\"sku\":\"" + parameters.sku + "\",\"quantity\":1}"),
      pool_(parameters.targets, kConnectionsMax, kTimeoutNs, *this) {
  for (std::uint32_t i = 0; i < visitors.size(); ++i) {
    const double first_s = visitors[i].first_s;
    try_once(i, parameters.opening_ns + to_ns(first_s) - to_ns(-first_s));
  }
  events_.push({parameters.opening_ns, 0, Act::look, 0});
  events_.push({parameters.opening_ns + kFirstCancelNs, 0, Act::cancel, 0});
}

void VisitorRun::try_once(std::uint32_t visitor, std::uint64_t at_ns) {
  const Visitor& who = visitors_[visitor];
  Progress& progress = progress_[visitor];
  ++progress.tries;
  events_.push({at_ns, visitor, Act::check_out, progress.keys});
  for (const double later_s : who.volley_s) {
    if (!who.has_one_key) ++progress.keys;
    events_.push({at_ns + to_ns(later_s), visitor, Act::check_out, progress.keys});
  }
  ++progress.keys;
  progress.under_way += 1 + static_cast<unsigned>(who.volley_s.size());
}

void VisitorRun::try_again(std::uint32_t visitor, unsigned retry_after_s) {
  const Visitor& who = visitors_[visitor];
  Progress& progress = progress_[visitor];
  if (progress.has_order || progress.tries >= who.tries_max || who.again == Again::never) return;
  const std::uint64_t now = now_ns();
  if (who.again == Again::on_return) {
    progress.is_watching = true;
  } else if (who.again == Again::as_told) {
    // What has no Retry-After a page tries again after two seconds.
    const unsigned told_s = retry_after_s > 0 ? retry_after_s : 2;
    try_once(visitor, now + told_s * kSecondNs + to_ns(0.02 * random_.unit()));
  } else {
    try_once(visitor, now + to_ns(pause_of(who, random_)));
  }
}

void VisitorRun::settle(std::uint32_t visitor, const Response* response) {
  Progress& progress = progress_[visitor];
  --progress.under_way;
  unsigned retry_after_s = 0;
  if (response == nullptr || response->status >= 500) {
    ++counts_.failed;
  } else if (response->status >= 400) {
    ++counts_.refused;
    retry_after_s = response->retry_after_s;
  } else {
    const Answer answer = read_answer(Kind::fresh, *response);
    // Nobody but people gives units back; the others hold on to what they have.
    if (!progress.has_order && answer.order_id && !is_bot(visitors_[visitor].kind)) {
      bought_.push_back({visitor, answer.order_id->to_string()});
    }
    if (answer.outcome != Outcome::replayed) ++counts_.orders;
    progress.has_order = true;
  }
  if (progress.under_way == 0) try_again(visitor, retry_after_s);
}

/// The catalog of a sale of one item.
void VisitorRun::look_at(std::string_view catalog) {
  const bool is_available = catalog.find("\"availability\":\"available\"") != std::string_view::npos;
  const bool has_returned = was_available_ && !*was_available_ && is_available;
  was_available_ = is_available;
  if (!has_returned) return;
  ++counts_.returns;
  for (std::uint32_t i = 0; i < visitors_.size(); ++i) {
    if (!progress_[i].is_watching) continue;
    progress_[i].is_watching = false;
    // A person who watches sees it, and has to move a hand.
    const double eye_s = is_bot(visitors_[i].kind) ? 0 : 0.25;
    try_once(i, now_ns() + to_ns(eye_s + pause_of(visitors_[i], random_)));
  }
}

void VisitorRun::on_response(ConnectionIndex connection, const Response& response) {
  const Event event = flights_[connection];
  switch (event.act) {
    case Act::check_out: return settle(event.visitor, &response);
    case Act::look: return look_at(response.body);
    case Act::cancel:
      if (response.status == 200) ++counts_.cancelled;
      return;
  }
}

void VisitorRun::on_lost(ConnectionIndex connection, Outcome /*outcome*/) {
  const Event event = flights_[connection];
  if (event.act == Act::check_out) settle(event.visitor, nullptr);
}

void VisitorRun::write_request(const Event& event, std::size_t target) {
  request_.clear();
  const auto begin = [&](std::string_view method, const std::string& path) {
    request_.append(method).append(path).append(" HTTP/1.1\r\nHost: ").append(parameters_.targets[target].host);
  };
  const auto authorize = [&](std::uint32_t visitor) {
    request_ += "\r\nAuthorization: Bearer ";
    tokens_.append_token(request_, visitor);
    request_.append("\r\nX-Forwarded-For: ").append(visitors_[visitor].address);
  };
  switch (event.act) {
    case Act::look: begin("GET ", "/v1/sales/" + parameters_.sale_id); break;
    case Act::cancel:
      begin("POST ", "/v1/orders/" + to_cancel_->order_id + "/cancel");
      authorize(to_cancel_->visitor);
      request_ += "\r\nContent-Length: 0";
      break;
    case Act::check_out:
      begin("POST ", "/v1/sales/" + parameters_.sale_id + "/orders");
      authorize(event.visitor);
      request_ += "\r\nIdempotency-Key: " + std::to_string(event.key) +
                  "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body_.size());
      break;
  }
  request_ += "\r\n\r\n";
  if (event.act == Act::check_out) request_ += body_;
}

void VisitorRun::send_due() {
  for (std::uint64_t now = now_ns(); !events_.empty() && events_.top().due_ns <= now; now = now_ns()) {
    const Event event = events_.top();
    if (event.act == Act::cancel) {
      to_cancel_.reset();
      if (!bought_.empty()) {
        to_cancel_ = bought_.back();
        bought_.pop_back();
      }
    }
    const bool has_work = event.act != Act::cancel || to_cancel_;
    const auto connection = has_work ? pool_.acquire() : std::nullopt;
    if (has_work && !connection) return;  // all are busy: it waits
    events_.pop();
    if (event.act == Act::look) events_.push({now + kLookEveryNs, 0, Act::look, 0});
    if (event.act == Act::cancel) events_.push({now + kCancelEveryNs, 0, Act::cancel, 0});
    if (!has_work) continue;
    if (event.act == Act::check_out) ++counts_.checkouts;
    write_request(event, pool_.target_of(*connection));
    flights_[*connection] = event;
    pool_.send(*connection, request_, now);
  }
}

void VisitorRun::play() {
  const std::uint64_t end_ns = parameters_.opening_ns + parameters_.length_ns;
  std::uint64_t next_expiry = 0;
  while (now_ns() < end_ns && !parameters_.is_stopping->load(std::memory_order_relaxed)) {
    send_due();
    const std::uint64_t now = now_ns();
    const std::uint64_t next = events_.empty() ? now + kTurnNs : std::max(events_.top().due_ns, now);
    pool_.wait(std::min(next - now, kTurnNs));
    if (now < next_expiry) continue;
    next_expiry = now + kExpireEveryNs;
    pool_.expire(now);
  }
  while (pool_.busy() > 0 && !parameters_.is_stopping->load(std::memory_order_relaxed)) {
    pool_.wait(kTurnNs);
    pool_.expire(now_ns());
  }
}

}  // namespace flashsale::load

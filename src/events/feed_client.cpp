#include "flashsale/events/feed_client.hpp"

#include <curl/curl.h>

#include <atomic>
#include <new>
#include <utility>

#include "flashsale/model/check.hpp"

namespace flashsale::events {
namespace {

constexpr long kConnectTimeMs = 5000;
constexpr std::chrono::milliseconds kTotalTime{30'000};  // besides what the call is to wait
/// A page has 4 MiB and one event more.
constexpr std::size_t kBodyBytesMax = std::size_t{16} * 1024 * 1024;
constexpr int kPollMs = 1000;

struct CurlListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, CurlListDeleter>;

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* body) {
  auto& text = *static_cast<std::string*>(body);
  if (text.size() + size * count > kBodyBytesMax) return 0;
  text.append(data, size * count);
  return size * count;
}

CurlList list_of(const FeedClient::Page& page, const std::string& token) {
  CurlList list;
  const auto add = [&list](const std::string& field) {
    list.reset(curl_slist_append(list.release(), field.c_str()));
    if (!list) throw std::bad_alloc();
  };
  add("Authorization: Bearer " + token);
  add("Accept: application/json");
  if (page.wait.count() > 0) add("Prefer: wait=" + std::to_string(page.wait.count()));
  return list;
}

std::string without_end_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

CURLM* make_multi() {
  FLASHSALE_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  return curl_multi_init();
}

}  // namespace

struct FeedClient::State {
  explicit State(std::string url)
      : admin_url(without_end_slash(std::move(url))), multi(make_multi()), easy(curl_easy_init()) {
    if (multi == nullptr || easy == nullptr) throw std::bad_alloc();
  }
  ~State() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void prepare(const Page& page, const curl_slist* headers, std::string& body) const;
  [[nodiscard]] CURLcode run();

  std::string admin_url;
  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  std::atomic<bool> is_interrupted{false};
};

void FeedClient::State::prepare(const Page& page, const curl_slist* headers, std::string& body) const {
  auto url = admin_url + "/admin/v1/events?limit=" + std::to_string(page.limit);
  if (page.after) url += "&after=" + std::to_string(*page.after);
  curl_easy_reset(easy);
  const auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_PROTOCOLS_STR, "http,https");
#if LIBCURL_VERSION_NUM >= 0x075700
  // A name that nobody resolves must not hold up the end.
  set(CURLOPT_QUICK_EXIT, 1L);
#endif
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_USERAGENT, "flashsaled/" FLASHSALE_VERSION);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeMs);
  const std::chrono::milliseconds total = kTotalTime + page.wait;
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(total.count()));
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, &body);
}

/// Until it has ended, or interrupt() was called.
CURLcode FeedClient::State::run() {
  int running = 1;
  while (!is_interrupted) {
    if (curl_multi_perform(multi, &running) != CURLM_OK) return CURLE_FAILED_INIT;
    if (running == 0) break;
    curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
  }
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(multi, &left);
  return message != nullptr && message->msg == CURLMSG_DONE ? message->data.result : CURLE_ABORTED_BY_CALLBACK;
}

FeedClient::FeedClient(std::string admin_url) : state_(std::make_unique<State>(std::move(admin_url))) {}
FeedClient::~FeedClient() = default;

FeedClient::Answer FeedClient::get(const Page& page, const std::string& token) {
  Answer answer;
  const auto headers = list_of(page, token);
  state_->prepare(page, headers.get(), answer.body);
  if (curl_multi_add_handle(state_->multi, state_->easy) != CURLM_OK) {
    answer.error = "the request cannot be made";
    return answer;
  }
  const auto code = state_->run();
  long status = 0;
  curl_easy_getinfo(state_->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(state_->multi, state_->easy);
  answer.is_interrupted = state_->is_interrupted;
  if (code == CURLE_OK) answer.status = static_cast<int>(status);
  else answer.error = answer.body.size() > kBodyBytesMax / 2 ? "the answer is too large" : curl_easy_strerror(code);
  return answer;
}

void FeedClient::interrupt() {
  state_->is_interrupted = true;
  curl_multi_wakeup(state_->multi);
}

}  // namespace flashsale::events

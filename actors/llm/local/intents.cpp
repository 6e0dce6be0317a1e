#include "actors/llm/local/intents.hpp"

#include "actors/llm/local/arithmetic.hpp"
#include "actors/llm/local/pattern.hpp"
#include "actors/llm/local/programs.hpp"

#include <algorithm>

namespace shannon::llm {

namespace {

using kind = intent::kind;

span span_of(const boost::smatch& m, int group = 0) {
  auto begin = static_cast<std::size_t>(m.position(group));
  return {begin, begin + static_cast<std::size_t>(m.length(group))};
}

template <class F>
void each_match(const std::string& text, const boost::regex& pattern, F then) {
  for (auto at = boost::sregex_iterator{text.begin(), text.end(), pattern};
       at != boost::sregex_iterator{}; ++at)
    then(*at);
}

/// Gathers the intents of one task. `text_` is the task in lower case; what a
/// finder has understood is made unreadable for those after it.
class finder {
public:
  finder(std::string_view task, bool has_results)
      : original_(task), text_(lowered(task)), has_results_(has_results) {}

  intents find() {
    find_code();
    find_pages();
    hide_long_words();
    find_files();
    find_small_programs();
    find_sums();
    find_text_questions();
    find_files_again();
    order();
    intents out;
    out.all = std::move(all_);
    out.unknown = unknown(out.all);
    return out;
  }

private:
  void hide(span what) {
    text_ = masked(std::move(text_), {what});
  }
  std::string words(span what) const {
    return original_.substr(what.begin, what.end - what.begin);
  }
  intent& add(kind what, span where, std::string subject) {
    intent one;
    one.what = what;
    one.where = where;
    one.subject = std::move(subject);
    all_.push_back(std::move(one));
    return all_.back();
  }

  // -- code of the user's own -------------------------------------------------

  void find_code() {
    static const auto fence = pattern("```(?:python|py)?[ ]*\n?([^`]+)```");
    static const auto inline_code
        = pattern("(?:run|execute|evaluate|python)[^`\n]{0,60}`([^`\n]+)`");
    static const auto after_colon = pattern(
        "(?:run|execute)[^:\n]{0,30}(?:python|code|script)[^:\n]{0,20}:[ ]*"
        "([^\n]+)");
    static const auto bare = pattern(
        "(?:run|execute) (?:this |the )?(?:python )?(?:code |script )?"
        "(print\\([^\n]*\\))");
    for (const auto* pattern : {&fence, &inline_code, &after_colon, &bare})
      each_match(std::string{text_}, *pattern, [&](const boost::smatch& m) {
        auto code = std::string{trimmed(words(span_of(m, 1)))};
        if (text_[span_of(m, 1).begin] == '\x01' || code.empty())
          return;
        add(kind::run, span_of(m), code + "\n");
        hide(span_of(m));
      });
  }

  // -- pages ------------------------------------------------------------------

  void find_pages() {
    static const auto url = pattern(R"(https?://[^\s<>"'`\)\]\x01]+)");
    static const auto name = pattern(
        "(?:fetch|open|visit|load|browse|get|read|summarize|summarise)"
        "(?: the)?(?: page| site| website| web page| url)?(?: at| of| from)? "
        R"(((?:www\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|io|dev|edu|gov|de|uk)(?:/[^\s,;]*)?))");
    each_match(std::string{text_}, url, [&](const boost::smatch& m) {
      auto where = span_of(m);
      while (std::string_view{".,;:!?"}.find(text_[where.end - 1])
             != std::string_view::npos)
        --where.end;
      add(kind::fetch, where, words(where));
      hide(where);
    });
    each_match(std::string{text_}, name, [&](const boost::smatch& m) {
      auto where = span_of(m, 1);
      while (text_[where.end - 1] == '.')
        --where.end;
      add(kind::fetch, where, "https://" + words(where));
      hide(where);
    });
  }

  /// Nothing below has a use for them, and they would cost much time.
  void hide_long_words() {
    constexpr std::size_t most = 200;
    for (std::size_t at = 0; at < text_.size();) {
      auto end = std::min(text_.find_first_of(" \n\t", at), text_.size());
      if (end - at > most)
        hide({at, end});
      at = end + 1;
    }
  }

  // -- files ------------------------------------------------------------------

  void find_files() {
    static const auto file = pattern(
        R"(["'`]?((?:[a-z0-9_][\w-]*/)*[a-z0-9_][\w.-]*\.)"
        R"((?:txt|text|md|csv|tsv|json|log|py|html|xml|yaml|yml|ini|rst))["'`]?)");
    each_match(std::string{text_}, file, [&](const boost::smatch& m) {
      take_file(span_of(m), words(span_of(m, 1)));
    });
  }

  void take_file(span where, const std::string& path) {
    static const auto write_verb = pattern(
        "\\b(save|write|store|put|export|record|append|log|create|make|dump|"
        "keep|output|add)\\b");
    static const auto read_verb = pattern(
        "\\b(read|open|show|load|print|display|view|summari[sz]e|contents?|"
        "what is in|what's in|what does|count|in the file|analy[sz]e|cat|"
        "words|lines|numbers|check)\\b");
    auto sentence = sentence_before(where.begin);
    auto last = [&](const boost::regex& pattern) {
      std::ptrdiff_t at = -1;
      auto text = std::string{sentence};
      each_match(text, pattern,
                 [&](const boost::smatch& m) { at = m.position(); });
      return at;
    };
    auto writes = last(write_verb);
    auto reads = last(read_verb);
    auto begin_of_sentence = where.begin - sentence.size();
    // Without any verb: "… to report.txt" is written, "report.txt" is read.
    static const auto target
        = pattern("(?:to|into|as|called|named) (?:the |a )?"
                  "(?:file )?(?:called |named )?$");
    bool is_target = boost::regex_search(std::string{sentence}, target);
    bool is_write = writes > reads || (writes >= 0 && is_target)
                    || (writes < 0 && reads < 0 && is_target);
    if (!is_write) {
      auto begin = reads < 0
                       ? where.begin
                       : begin_of_sentence + static_cast<std::size_t>(reads);
      add(kind::read, {begin, where.end}, path);
      hide(where);
      return;
    }
    auto begin = writes < 0
                     ? where.begin
                     : begin_of_sentence + static_cast<std::size_t>(writes);
    auto& one = add(kind::write, {begin, where.end}, path);
    auto verb = text_.substr(begin, 6);
    one.append = verb == "append" || verb.substr(0, 4) == "add ";
    take_content(one, begin, where);
    if (one.has_content)
      return hide(one.where);
    // What stands between may be what to find: "save the primes below 30 to".
    hide({begin, text_.find_first_of(" \x01", begin)});
    hide(where);
  }

  /// From the last end of a sentence or list item to `at`.
  std::string_view sentence_before(std::size_t at) const {
    auto before = std::string_view{text_}.substr(0, at);
    std::size_t begin = 0;
    for (std::size_t i = 0; i + 1 < before.size(); ++i) {
      bool stop = before[i] == '\n' || before[i] == ';' || before[i] == '\x01'
                  || ((before[i] == '.' || before[i] == '?' || before[i] == '!')
                      && before[i + 1] == ' ');
      if (stop)
        begin = i + 1;
    }
    return before.substr(begin);
  }

  /// The words to be written, if the user says them.
  void take_content(intent& one, std::size_t begin, span file) {
    static const auto quoted
        = pattern(R"(["'`]([^"`]{1,2000}?)["'`](?=[ ,.]|$))");
    static const auto named
        = pattern("^(?:write|save|put|store|append|add|record)(?: the| a)? "
                  "(?:text|words?|line|sentence|string|message|note):? (.+?) "
                  "(?:to|in|into|as) (?:a |the )?(?:new )?(?:file )?"
                  "(?:called |named )?[\"'`]?$");
    static const auto plain = pattern(
        "^(?:write|save|put|append|add) ((?:[a-z0-9!?']+ ?){1,6}) "
        "(?:to|in|into) (?:a |the )?(?:file )?(?:called |named )?[\"'`]?$");
    static const auto reference = pattern(
        "\\b(it|its|them|this|that|these|those|the|a|an|my|your|some|all|both|"
        "results?|answers?|output|summary|everything|primes?|numbers?|list|"
        "poem|story|report|findings)\\b");
    static const auto with
        = pattern("^[\"'`]? ?(?:with|containing|that contains|that says|saying)"
                  "(?: the)?(?: text| content| contents| words?| line)?:? "
                  "[\"`']?([^\"`\n]{1,2000}?)[\"`']?[.]?$");
    auto between = text_.substr(begin, file.begin - begin);
    auto take = [&](span where) {
      one.content = words(where);
      one.has_content = true;
    };
    boost::smatch m;
    if (boost::regex_search(between, m, quoted) && m.position(1) > 0)
      return take({begin + span_of(m, 1).begin, begin + span_of(m, 1).end});
    if (boost::regex_search(between, m, named))
      return take({begin + span_of(m, 1).begin, begin + span_of(m, 1).end});
    auto rest = text_.substr(file.end);
    if (boost::regex_search(rest, m, with)) {
      auto said = m.str(1);
      static const auto found = pattern(
          "^(?:it|them|the (?:results?|answers?|output|sum|summary|list)|"
          "a (?:short )?summary|both|all|everything)\\b");
      if (boost::regex_search(said, found))
        return;
      take({file.end + span_of(m, 1).begin, file.end + span_of(m, 1).end});
      one.where.end = file.end + span_of(m).end;
      return;
    }
    if (boost::regex_search(between, m, plain)) {
      auto said = m.str(1);
      if (!boost::regex_search(said, reference))
        take({begin + span_of(m, 1).begin, begin + span_of(m, 1).end});
    }
  }

  /// "… and read it back": the file that was written before.
  void find_files_again() {
    static const auto again = pattern(
        "\\b(?:read|show|print|display|open) (?:it|the file|that file|the "
        "saved file|its contents?)(?: back| again)?\\b");
    std::string path;
    for (const auto& one : all_)
      if (one.what == kind::write)
        path = one.subject;
    boost::smatch m;
    if (path.empty() || !boost::regex_search(text_, m, again))
      return;
    add(kind::read, span_of(m), path);
    hide(span_of(m));
  }

  // -- computing --------------------------------------------------------------

  void find_small_programs() {
    for (auto& found : find_programs(text_, original_)) {
      auto& one = add(kind::run, found.where, std::move(found.code));
      one.label = std::move(found.label);
      hide(found.where);
    }
  }

  void find_sums() {
    static const auto date = pattern(R"(\d{4}-\d{2}-\d{2})");
    each_match(std::string{text_}, date,
               [&](const boost::smatch& m) { hide(span_of(m)); });
    find_conversions();
    for (auto& found : find_arithmetic(text_)) {
      bool refers = found.expression.find(previous_result) != std::string::npos;
      bool has_previous
          = has_results_
            || std::any_of(all_.begin(), all_.end(), [&](const intent& x) {
                 return x.where.begin < found.where.begin
                        && (x.what == kind::calculate || x.what == kind::run);
               });
      if (refers && !has_previous)
        continue;
      auto clause = clause_before(text_, found.where.begin);
      bool python = clause.find("python") != clause.npos
                    || clause.find("program") != clause.npos
                    || clause.find("script") != clause.npos;
      if (python && !refers && !unknown_to_python(found.expression)) {
        auto& one = add(kind::run, found.where, python_code(found.expression));
        one.label = found.expression + " =";
      } else {
        add(kind::calculate, found.where, found.expression);
      }
    }
  }

  /// What Python writes in another way than the calculator.
  static bool unknown_to_python(const std::string& expression) {
    return expression.find('!') != expression.npos;
  }
  static std::string python_code(std::string expression) {
    for (auto at = expression.find('^'); at != expression.npos;
         at = expression.find('^', at + 2))
      expression.replace(at, 1, "**");
    return "from math import *\n\nprint(" + expression + ")\n";
  }

  void find_conversions() {
    struct unit {
      const char* from;
      const char* to;
      const char* before;
      const char* after;
    };
    static const unit units[] = {
        {"(?:degrees )?(?:fahrenheit|f)", "(?:degrees )?(?:celsius|c)", "(",
         " - 32) * 5 / 9"},
        {"(?:degrees )?(?:celsius|c)", "(?:degrees )?(?:fahrenheit|f)", "",
         " * 9 / 5 + 32"},
        {"(?:miles|mi)", "(?:kilometers|kilometres|km)", "", " * 1.609344"},
        {"(?:kilometers|kilometres|km)", "(?:miles|mi)", "", " / 1.609344"},
        {"(?:pounds|lbs|lb)", "(?:kilograms|kg)", "", " * 0.45359237"},
        {"(?:kilograms|kg)", "(?:pounds|lbs)", "", " / 0.45359237"},
        {"(?:inches|inch)", "(?:centimeters|centimetres|cm)", "", " * 2.54"},
        {"(?:centimeters|centimetres|cm)", "inches", "", " / 2.54"},
    };
    static const auto patterns = [] {
      std::vector<boost::regex> out;
      for (const auto& one : units)
        out.push_back(pattern(std::string{R"((-?\d+(?:\.\d+)?) ?(?:°)?)"}
                              + one.from + " (?:to|in|into) " + one.to
                              + "\\b"));
      return out;
    }();
    for (std::size_t i = 0; i < patterns.size(); ++i)
      each_match(std::string{text_}, patterns[i], [&](const boost::smatch& m) {
        if (text_[span_of(m).begin] == '\x01')
          return;
        add(kind::calculate, span_of(m),
            units[i].before + m.str(1) + units[i].after);
        hide(span_of(m));
      });
  }

  /// Questions about what a page or a file says.
  void find_text_questions() {
    bool has_text = std::any_of(all_.begin(), all_.end(), [](const intent& x) {
      return x.what == kind::fetch || x.what == kind::read;
    });
    if (!has_text)
      return;
    for (auto& found : find_text_programs(text_)) {
      auto& one = add(kind::run, found.where, std::move(found.body));
      one.label = std::move(found.label);
      one.about_text = true;
      hide(found.where);
    }
  }

  // -- order ------------------------------------------------------------------

  void order() {
    // A question about a text follows the text, wherever it stands.
    std::size_t text_at = 0;
    for (const auto& one : all_)
      if (one.what == kind::fetch || one.what == kind::read)
        text_at = std::max(text_at, one.where.begin);
    auto place = [text_at](const intent& x) {
      auto begin = x.what == kind::write ? x.where.end - 1 : x.where.begin;
      return x.about_text ? std::max(begin, text_at + 1) : begin;
    };
    std::stable_sort(
        all_.begin(), all_.end(),
        [&](const intent& a, const intent& b) { return place(a) < place(b); });
    for (std::size_t i = 0; i < all_.size(); ++i) {
      // What is written is what was found before the words "save it", or,
      // where nothing was, what comes after them.
      bool nothing_before
          = std::none_of(all_.begin(), all_.begin() + static_cast<long>(i),
                         [](const intent& x) { return x.what != kind::write; });
      for (std::size_t j = 0; j < all_.size(); ++j)
        if (j != i && must_precede(all_[j], all_[i], j < i, nothing_before))
          all_[i].after.push_back(j);
    }
  }

  static bool must_precede(const intent& a, const intent& b, bool is_before,
                           bool nothing_before) {
    bool same_file = a.subject == b.subject;
    if (b.about_text)
      return a.what == kind::read || a.what == kind::fetch;
    if (b.what == kind::read)
      return is_before && a.what == kind::write && same_file;
    if (b.what == kind::write) {
      if (a.what == kind::write || (a.what == kind::read && same_file))
        return is_before && same_file;
      return !b.has_content && (is_before || nothing_before);
    }
    bool refers = b.what == kind::calculate
                  && b.subject.find(previous_result) != b.subject.npos;
    return refers && is_before
           && (a.what == kind::calculate || a.what == kind::run);
  }

  // -- what is left -----------------------------------------------------------

  std::vector<std::string> unknown(const std::vector<intent>& known) const {
    static const auto boundary = pattern(
        "[.?!;]+(?=\\s|$)|\n+|,? (?:and )?then |, and |, (?=(?:use|what|who|"
        "why|how|when|where|tell|explain|describe|list)\\b)| and (?=(?:what|"
        "who|why|how|when|where|tell|explain|describe|write|translate|"
        "compare|suggest|recommend)\\b)");
    static const auto request = pattern(
        "\\b(what|who|whom|whose|why|when|where|how|which|explain|describe|"
        "tell|write|translate|compare|discuss|recommend|suggest|research|"
        "create|generate|draft|compose|design|plan|advise|name|define|find)"
        "\\b");
    static const auto about_results = pattern(
        "\\b(results?|answers?|output|outcome|it|them|they|numbers?|values?|"
        "everything|steps?|summary|found|findings|file|page|content|text|"
        "article|both|each)\\b");
    auto lower = lowered(original_);
    std::vector<std::string> out;
    std::size_t begin = 0;
    auto take = [&](std::size_t end) {
      span where{begin, end};
      auto clause = lower.substr(begin, end - begin);
      bool covered
          = std::any_of(known.begin(), known.end(), [&](const intent& x) {
              return x.where.overlaps(where);
            });
      bool follows_up
          = !known.empty() && boost::regex_search(clause, about_results);
      if (!covered && !follows_up && boost::regex_search(clause, request))
        out.emplace_back(trimmed(words(where)));
    };
    each_match(lower, boundary, [&](const boost::smatch& m) {
      // A boundary inside something known is none.
      auto where = span_of(m);
      for (const auto& x : known)
        if (x.where.begin < where.begin && where.end < x.where.end)
          return;
      auto end = where.begin + (lower[where.begin] == '?');
      take(end);
      begin = where.end;
    });
    take(lower.size());
    return out;
  }

  std::string original_;
  std::string text_;
  bool has_results_;
  std::vector<intent> all_;
};

} // namespace

const char* intent::tool() const noexcept {
  switch (what) {
  case kind::calculate:
    return "calculator";
  case kind::run:
    return "python_executor";
  case kind::fetch:
    return "web_fetch";
  case kind::read:
    return "file_read";
  case kind::write:
    return "file_write";
  }
  return "";
}

intents find_intents(std::string_view task, bool has_results) {
  try {
    return finder{task, has_results}.find();
  } catch (const boost::regex_error&) {
    // Too tangled for the patterns: then no rule fits.
    return {{}, {std::string{task}}};
  }
}

} // namespace shannon::llm
